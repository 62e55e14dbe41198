<?php
/**
 * What a form without a name or a comment is told: the two sentences of Vigie's API, in French for every author, by the
 * browser and, where that lets it pass, by WordPress.
 *
 * @package Vigie
 */

namespace Vigie;

defined( 'ABSPATH' ) || exit;

// Not translated: they are part of the API, which answers with the same ones.
const NAME_MISSING    = "S'il vous plaît entrez votre nom ici";
const COMMENT_MISSING = "S'il vous plaît entrez votre commentaire!";

add_action( 'pre_comment_on_post', __NAMESPACE__ . '\check_form' );
add_action( 'comment_form', __NAMESPACE__ . '\word_browser' );
add_filter( 'rest_preprocess_comment', __NAMESPACE__ . '\check_rest', 10, 2 );

/** Have browsers, which look at the form before it is sent, say the same instead of a sentence of their own. */
function word_browser(): void {
	$sentences = wp_json_encode( array( 'author' => NAME_MISSING, 'comment' => COMMENT_MISSING ) );
	wp_print_inline_script_tag(
		"(function (form, sentences) {
	Object.keys(sentences).forEach(function (name) {
		var field = form && form.elements[name];
		if (!field || !field.addEventListener) { return; }
		field.addEventListener('invalid', function () {
			field.setCustomValidity(field.validity.valueMissing ? sentences[name] : '');
		});
		field.addEventListener('input', function () { field.setCustomValidity(''); });
	});
})(document.currentScript.closest('form'), $sentences);"
	);
}

/** Answer a form of the site that lacks something, as WordPress answers it: with a page that leads back to the form. */
function check_form( int $post_id ): void {
	// phpcs:disable WordPress.Security.NonceVerification -- readers have no nonce: WordPress' form is open to all.
	if ( (int) ( $_POST['comment_post_ID'] ?? 0 ) !== $post_id ) {
		return; // Not the form, but a program that hands a comment in.
	}
	if ( get_option( 'comment_registration' ) && ! is_user_logged_in() ) {
		return; // WordPress will say that one has to sign in first.
	}
	$content = typed( 'comment' );
	$allowed = array( 'comment_post_ID' => $post_id, 'comment_content' => $content );
	// phpcs:enable
	$missing = missing(
		needs_name() ? wp_strip_all_tags( typed( 'author' ) ) : null,
		apply_filters( 'allow_empty_comment', false, $allowed ) ? null : $content // phpcs:ignore WordPress.NamingConventions.PrefixAllGlobals -- WordPress' own.
	);
	if ( $missing ) {
		wp_die(
			'<p>' . implode( '</p><p>', array_map( 'esc_html', $missing ) ) . '</p>',
			esc_html__( 'Comment Submission Failure' ), // phpcs:ignore WordPress.WP.I18n.MissingArgDomain -- WordPress' own.
			array( 'response' => 200, 'back_link' => true ) // As WordPress does: 200.
		);
	}
}

/**
 * Answer a call of the REST API that lacks something.
 *
 * @param array<string, mixed>|\WP_Error $prepared What is to be kept.
 * @param \WP_REST_Request               $request  The call.
 * @return array<string, mixed>|\WP_Error
 */
function check_rest( $prepared, $request ) {
	if ( is_wp_error( $prepared ) || ! empty( $request['id'] ) ) {
		return $prepared;
	}
	$missing = missing(
		needs_name() ? (string) ( $prepared['comment_author'] ?? '' ) : null,
		apply_filters( 'allow_empty_comment', false, $prepared ) ? null : (string) ( $prepared['comment_content'] ?? '' ) // phpcs:ignore WordPress.NamingConventions.PrefixAllGlobals -- WordPress' own.
	);
	return $missing ? new \WP_Error( 'vigie_missing', implode( ' ', $missing ), array( 'status' => 400 ) ) : $prepared;
}

/** Say whether an author has to give a name: unless the site's owner allows to stay anonymous, or WordPress knows it. */
function needs_name(): bool {
	return (bool) get_option( 'require_name_email' ) && ! is_user_logged_in();
}

/**
 * Return the sentences about what is missing; null is not asked for.
 *
 * @return string[]
 */
function missing( ?string $name, ?string $content ): array {
	$sentences = array();
	if ( null !== $name && is_blank( $name ) ) {
		$sentences[] = NAME_MISSING;
	}
	if ( null !== $content && is_blank( $content ) ) {
		$sentences[] = COMMENT_MISSING;
	}
	return $sentences;
}

/** Return what was typed into a field. */
function typed( string $field ): string {
	$value = wp_unslash( $_POST[ $field ] ?? '' ); // phpcs:ignore WordPress.Security -- only looked at, never kept.
	return is_string( $value ) ? $value : '';
}
