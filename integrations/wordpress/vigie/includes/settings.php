<?php
/**
 * What the site's owner has chosen: one option, with a default for everything.
 *
 * @package Vigie
 */

namespace Vigie;

defined( 'ABSPATH' ) || exit;

const OPTION = 'vigie';

/** Nothing is published unseen, nothing is lost and nothing personal is sent, unless somebody has chosen so. */
const DEFAULTS = array(
	'url'        => 'http://127.0.0.1:8000',
	'key'        => '',
	'on_hold'    => 'hold',
	'on_reject'  => 'spam',
	'on_away'    => 'hold',
	'send_email' => false,
	'send_ip'    => false,
);

/** What may be chosen for each case; how it is called on the page stands in settings-page.php. */
const CHOICES = array(
	'on_hold'   => array( 'hold', 'wordpress' ),
	'on_reject' => array( 'spam', 'trash', 'hold', 'refuse' ),
	'on_away'   => array( 'hold', 'wordpress' ),
);

/** As `vigie key new` makes them. */
const KEY_PATTERN = '/^[a-z0-9]{12}$/';

/**
 * Return all settings.
 *
 * @return array<string, mixed>
 */
function settings(): array {
	$chosen = get_option( OPTION );
	return array_merge( DEFAULTS, is_array( $chosen ) ? array_intersect_key( $chosen, DEFAULTS ) : array() );
}

/** Return the key; the constant VIGIE_KEY of wp-config.php goes before the settings page. */
function key(): string {
	return key_is_constant() ? (string) constant( 'VIGIE_KEY' ) : (string) settings()['key'];
}

/** Say whether the key stands in wp-config.php. */
function key_is_constant(): bool {
	return defined( 'VIGIE_KEY' ) && '' !== (string) constant( 'VIGIE_KEY' );
}

/**
 * Return what was typed on the settings page as it may be kept; what is wrong keeps its former value, and says so.
 *
 * @param mixed $typed What the form, or a program, wants to keep.
 * @return array<string, mixed>
 */
function sanitized( $typed ): array {
	$former = settings();
	$typed  = is_array( $typed ) ? $typed : array();
	$typed  = array_filter( $typed, 'is_scalar' );
	$url    = isset( $typed['url'] ) ? untrailingslashit( trim( (string) $typed['url'] ) ) : $former['url'];
	if ( ! is_address( $url ) ) {
		complain( 'url', __( 'The address must start with http:// or https:// and hold no user name, question mark or hash.', 'vigie' ) );
		$url = $former['url'];
	}
	// An empty field keeps the key that is there: the page never sends it out, so it cannot come back either.
	$key = isset( $typed['key'] ) && '' !== trim( (string) $typed['key'] ) ? trim( (string) $typed['key'] ) : $former['key'];
	if ( ! empty( $typed['forget_key'] ) ) {
		$key = '';
	}
	if ( '' !== $key && ! preg_match( KEY_PATTERN, $key ) ) {
		complain( 'key', __( 'A key has 12 lower-case letters and digits, as “vigie key new” shows it.', 'vigie' ) );
		$key = $former['key'];
	}
	$clean = array( 'url' => $url, 'key' => $key );
	foreach ( CHOICES as $name => $choices ) {
		$clean[ $name ] = in_array( $typed[ $name ] ?? null, $choices, true ) ? $typed[ $name ] : $former[ $name ];
	}
	foreach ( array( 'send_email', 'send_ip' ) as $name ) {
		$clean[ $name ] = ! empty( $typed[ $name ] );
	}
	return $clean;
}

/** Say whether calls can be made to an address. */
function is_address( string $url ): bool {
	$parts = wp_parse_url( $url );
	return esc_url_raw( $url, array( 'http', 'https' ) ) === $url
		&& ! empty( $parts['host'] )
		&& ! array_intersect_key( $parts, array_flip( array( 'user', 'pass', 'query', 'fragment' ) ) );
}

/** Tell the person who saves what is wrong. Programs save settings too, where there is nobody to tell. */
function complain( string $field, string $message ): void {
	if ( function_exists( 'add_settings_error' ) ) {
		add_settings_error( OPTION, 'vigie_' . $field, $message );
	}
}
