<?php
/**
 * Settings → Vigie, and the notice to administrators when Vigie cannot be asked.
 *
 * @package Vigie
 */

namespace Vigie;

defined( 'ABSPATH' ) || exit;

const PAGE = 'vigie';
/** A submission that does not exist: to see whether the key may tell verdicts, without telling any. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

add_action( 'admin_menu', __NAMESPACE__ . '\add_page' );
add_action( 'admin_init', __NAMESPACE__ . '\register_fields' );
add_action( 'admin_notices', __NAMESPACE__ . '\show_fault' );
add_filter( 'plugin_action_links_vigie/vigie.php', __NAMESPACE__ . '\add_link' );

/** Add the page; WordPress itself asks for the capability, and for the nonce when it is saved. */
function add_page(): void {
	add_options_page( 'Vigie', 'Vigie', 'manage_options', PAGE, __NAMESPACE__ . '\show_page' );
}

/** Lead from the list of plugins to the page. */
function add_link( array $links ): array {
	$link = '<a href="' . esc_url( page_url() ) . '">' . esc_html__( 'Settings', 'vigie' ) . '</a>';
	return array_merge( array( $link ), $links );
}

/** Return the address of the page. */
function page_url(): string {
	return admin_url( 'options-general.php?page=' . PAGE );
}

/** Tell WordPress what is on the page. */
function register_fields(): void {
	register_setting( PAGE, OPTION, array( 'type' => 'array', 'sanitize_callback' => __NAMESPACE__ . '\sanitized' ) );

	add_settings_section( 'service', __( 'Where Vigie is', 'vigie' ), '__return_empty_string', PAGE );
	field( 'service', 'url', __( 'Address', 'vigie' ), 'show_url' );
	field( 'service', 'key', __( 'Key', 'vigie' ), 'show_key' );

	add_settings_section( 'states', __( 'What happens to a comment', 'vigie' ), __NAMESPACE__ . '\show_states_help', PAGE );
	field( 'states', 'on_hold', __( 'Vigie wants a person to read it', 'vigie' ), 'show_choice' );
	field( 'states', 'on_reject', __( 'Vigie wants it refused', 'vigie' ), 'show_choice' );
	field( 'states', 'on_away', __( 'Vigie does not answer', 'vigie' ), 'show_choice' );

	add_settings_section( 'privacy', __( 'What is sent along', 'vigie' ), __NAMESPACE__ . '\show_privacy_help', PAGE );
	field( 'privacy', 'send_email', __( 'Email address', 'vigie' ), 'show_box' );
	field( 'privacy', 'send_ip', __( 'IP address', 'vigie' ), 'show_box' );
}

/** Add one field to a section; what writes it is told its name. */
function field( string $section, string $name, string $title, string $writes ): void {
	$arguments = array( 'name' => $name, 'title' => $title, 'label_for' => 'vigie-' . $name );
	add_settings_field( $name, $title, __NAMESPACE__ . '\\' . $writes, PAGE, $section, $arguments );
}

/** Write the page. */
function show_page(): void {
	if ( ! current_user_can( 'manage_options' ) ) {
		return;
	}
	if ( is_testing() ) {
		show_test();
	}
	$test = wp_nonce_url( add_query_arg( 'vigie_test', 1, page_url() ), 'vigie_test' );
	echo '<div class="wrap"><h1>Vigie</h1><form action="options.php" method="post">';
	settings_fields( PAGE );
	do_settings_sections( PAGE );
	echo '<p class="submit">';
	submit_button( '', 'primary', 'submit', false );
	echo ' <a class="button" href="' . esc_url( $test ) . '">' . esc_html__( 'Test the connection', 'vigie' ) . '</a></p></form></div>';
}

/** Say whether the page is to show if Vigie can be asked: when somebody wants to know, and after the settings were saved. */
function is_testing(): bool {
	$asked = isset( $_GET['vigie_test'], $_GET['_wpnonce'] )
		&& wp_verify_nonce( sanitize_key( $_GET['_wpnonce'] ), 'vigie_test' );
	return ( $asked || isset( $_GET['settings-updated'] ) ) && PAGE === ( $_GET['page'] ?? '' );
}

/** Ask Vigie for its model, and whether the key may tell verdicts; say what came of it. */
function show_test(): void {
	$answer = ask( 'GET', '/v1/model' );
	if ( '' !== $answer['fault'] ) {
		notice( 'error', fault_text( $answer['fault'] ), $answer['detail'] );
		return;
	}
	/* translators: %s: version of the model */
	notice( 'success', sprintf( __( 'Vigie answers; its model is %s.', 'vigie' ), (string) ( $answer['body']['version'] ?? '?' ) ) );
	$answer = ask( 'POST', '/v1/comments/' . NOBODY . '/verdict', VERDICTS['approved'] );
	if ( KEY === $answer['fault'] ) {
		notice( 'warning', __( 'This key may ask about comments, but not tell what moderators decide.', 'vigie' ), $answer['detail'] );
	}
}

/** Tell administrators that comments come in without being judged, where they would look. */
function show_fault(): void {
	$fault = get_option( FAULT_OPTION );
	$pages = array( 'dashboard', 'edit-comments', 'settings_page_' . PAGE );
	if ( ! is_array( $fault ) || is_testing() || ! current_user_can( 'manage_options' ) || ! in_array( get_current_screen()->id, $pages, true ) ) {
		return;
	}
	/* translators: 1: what is wrong, 2: date and time */
	$text = sprintf( __( '%1$s Since %2$s.', 'vigie' ), fault_text( $fault['fault'] ), wp_date( get_option( 'date_format' ) . ' ' . get_option( 'time_format' ), $fault['since'] ) );
	notice( 'warning', $text, $fault['detail'] );
}

/** Return what is wrong, as a sentence. */
function fault_text( string $fault ): string {
	$texts = array(
		AWAY => __( 'Vigie does not answer at its address.', 'vigie' ),
		KEY  => __( 'Vigie refuses the key.', 'vigie' ),
		BUSY => __( 'Vigie has been asked too often; try again in a minute.', 'vigie' ),
	);
	return $texts[ $fault ] ?? __( 'Vigie does not understand this plugin. Do both have the same version?', 'vigie' );
}

/** Write a notice. */
function notice( string $kind, string $text, string $detail = '' ): void {
	echo '<div class="notice notice-' . esc_attr( $kind ) . '"><p><strong>' . esc_html( $text ) . '</strong>';
	echo '' === $detail ? '' : ' ' . esc_html( $detail );
	echo '</p></div>';
}

/** Write the field of the address. */
function show_url(): void {
	echo '<input type="url" class="regular-text code" id="vigie-url" name="vigie[url]" required value="' . esc_attr( settings()['url'] ) . '">';
	help( __( 'Comments, and the key, travel to this address: use https:// unless it is on this machine or in a network of your own.', 'vigie' ) );
}

/** Write the field of the key, never the key itself. */
function show_key(): void {
	if ( key_is_constant() ) {
		echo '<p id="vigie-key">' . esc_html( masked( key() ) ) . '</p>';
		help( __( 'It stands in wp-config.php, as VIGIE_KEY.', 'vigie' ) );
		return;
	}
	// « off » alone is not heeded by browsers in a password field: they would fill in the administrator's own.
	echo '<input type="password" class="regular-text code" id="vigie-key" name="vigie[key]" value="" autocomplete="new-password" spellcheck="false"';
	echo ' placeholder="' . esc_attr( masked( key() ) ) . '">';
	help( __( '“vigie key new” makes one. Leave the field empty to keep the key that is there. A Vigie on this machine needs none as long as it has made none.', 'vigie' ) );
	if ( '' !== key() ) {
		echo '<label><input type="checkbox" name="vigie[forget_key]" value="1"> ' . esc_html__( 'Forget the key', 'vigie' ) . '</label>';
	}
}

/** Return a key so that one can tell it from another, but not use it. */
function masked( string $key ): string {
	return '' === $key ? '' : str_repeat( '•', 8 ) . substr( $key, -2 );
}

/** Write one of the choices of what happens. */
function show_choice( array $field ): void {
	$labels = array(
		'hold'      => __( 'Hold it for moderation', 'vigie' ),
		'wordpress' => __( 'Let WordPress decide', 'vigie' ),
		'spam'      => __( 'Mark it as spam', 'vigie' ),
		'trash'     => __( 'Move it to the Trash', 'vigie' ),
		'refuse'    => __( 'Refuse it and tell the author why; it is not kept here', 'vigie' ),
	);
	echo '<select id="vigie-' . esc_attr( $field['name'] ) . '" name="vigie[' . esc_attr( $field['name'] ) . ']">';
	foreach ( CHOICES[ $field['name'] ] as $choice ) {
		echo '<option value="' . esc_attr( $choice ) . '"' . selected( settings()[ $field['name'] ], $choice, false ) . '>';
		echo esc_html( $labels[ $choice ] ) . '</option>';
	}
	echo '</select>';
}

/** Write a box to tick. */
function show_box( array $field ): void {
	$labels = array(
		'send_email' => __( 'Send the author’s email address: Vigie then knows authors again', 'vigie' ),
		'send_ip'    => __( 'Send the author’s IP address and what the browser says of itself: Vigie then knows floods', 'vigie' ),
	);
	$name   = $field['name'];
	echo '<label><input type="checkbox" id="vigie-' . esc_attr( $name ) . '" name="vigie[' . esc_attr( $name ) . ']" value="1"';
	checked( settings()[ $name ] );
	echo '> ' . esc_html( $labels[ $name ] ) . '</label>';
}

/** Say how Vigie and WordPress decide together. */
function show_states_help(): void {
	help( __( 'Where Vigie has nothing to object, WordPress decides as before; what WordPress holds, or takes for spam, stays so. Comments of moderators are not judged. What came in while Vigie did not answer is judged later, and then treated as chosen here unless somebody has decided about it.', 'vigie' ) );
}

/** Say what is always sent. */
function show_privacy_help(): void {
	help( __( 'Always sent: the text, the name and website of the author, number and role of a signed-in author, and the article. A text for your privacy policy is under Settings → Privacy.', 'vigie' ) );
}

/** Write a help text. */
function help( string $text ): void {
	echo '<p class="description">' . esc_html( $text ) . '</p>';
}
