<?php
/**
 * A comment as Vigie reads it: the words that readers of the page will see.
 *
 * @package Vigie
 */

namespace Vigie;

defined( 'ABSPATH' ) || exit;

/** Say whether a text shows nothing: empty, or only of spaces, control and invisible characters. */
function is_blank( string $text ): bool {
	return ! preg_match( '/[^\s\p{Z}\p{C}]/u', wp_check_invalid_utf8( $text, true ) );
}

/**
 * Return the words of a text that WordPress will show as HTML.
 *
 * Only what WordPress lets through is markup: « I <3 you » keeps its heart, and an insult cut in two by a tag is whole
 * again. Of a link both the words and the address remain. A text that has been through this already stays as it is,
 * whether it comes from the form or, later, from the database.
 */
function plain( string $html ): string {
	$html = wp_kses( wp_check_invalid_utf8( $html, true ), 'pre_comment_content' );
	$html = (string) preg_replace_callback(
		'/<a\s[^>]*?href=(["\'])(.*?)\1[^>]*>(.*?)<\/a>/is',
		static function ( array $link ): string {
			return trim( $link[3] ) === $link[2] ? $link[2] : $link[3] . ' (' . $link[2] . ')';
		},
		$html
	);
	$html = (string) preg_replace( '/<\/?(?:blockquote|br|p|li|ul|ol|div)\b[^>]*>/i', "\n", $html );
	return trim( html_entity_decode( wp_strip_all_tags( $html ), ENT_QUOTES | ENT_HTML5, 'UTF-8' ) );
}

/**
 * Return the body of POST /v1/comments.
 *
 * @param array<string, mixed> $comment     Unslashed, with WordPress' names of the fields.
 * @param string               $external_id By which Vigie knows it again.
 * @return array<string, mixed>
 */
function submission( array $comment, string $external_id ): array {
	$settings = settings();
	$name     = plain( (string) ( $comment['comment_author'] ?? '' ) );
	$user     = get_userdata( (int) ( $comment['user_id'] ?? 0 ) );
	$post     = get_post( (int) $comment['comment_post_ID'] );
	$body     = array(
		// Who need not give a name is shown as WordPress shows him.
		'name'         => is_blank( $name ) ? __( 'Anonymous' ) : $name, // phpcs:ignore WordPress.WP.I18n.MissingArgDomain
		'comment'      => plain( (string) $comment['comment_content'] ),
		'external_id'  => $external_id,
		'url'          => $comment['comment_author_url'] ?? '',
		'parent_id'    => empty( $comment['comment_parent'] ) ? '' : external_id_of_parent( (int) $comment['comment_parent'] ),
		'submitted_at' => empty( $comment['comment_date_gmt'] ) ? '' : str_replace( ' ', 'T', $comment['comment_date_gmt'] ) . 'Z',
		'author_id'    => $user ? (string) $user->ID : '',
		'role'         => $user ? (string) reset( $user->roles ) : '',
		'email'        => $settings['send_email'] ? ( $comment['comment_author_email'] ?? '' ) : '',
		'ip'           => $settings['send_ip'] ? ( $comment['comment_author_IP'] ?? '' ) : '',
		'user_agent'   => $settings['send_ip'] ? ( $comment['comment_agent'] ?? '' ) : '',
		'article'      => $post ? article( $post ) : array(),
	);
	return without_empty( $body );
}

/** Return what is sent of the article that is commented on. */
function article( \WP_Post $post ): array {
	return without_empty(
		array(
			'id'    => (string) $post->ID,
			'url'   => (string) get_permalink( $post ),
			'title' => plain( $post->post_title ),
		)
	);
}

/** Leave out what is not known; « 0 » is a comment, too. */
function without_empty( array $fields ): array {
	return array_filter(
		$fields,
		static function ( $value ): bool {
			return '' !== $value && array() !== $value;
		}
	);
}

/** Return what Vigie knows a parent by. */
function external_id_of_parent( int $comment_id ): string {
	return record_of( $comment_id )['external_id'] ?? (string) $comment_id;
}

/**
 * Return what Vigie knows a new comment by.
 *
 * It is judged before it is kept, so it has no number yet. The id is the same when the same author sends the same text
 * again because something went wrong, and another one once a comment of his was kept: what is posted again after it was
 * refused shall be judged again, not have its first judgement back. Keyed, so that it tells nothing about an email
 * address that is not sent.
 */
function external_id( array $comment ): string {
	$email = (string) ( $comment['comment_author_email'] ?? '' );
	$last  = get_comments(
		array(
			'post_id'      => (int) $comment['comment_post_ID'],
			'author_email' => $email,
			'status'       => 'any',
			'type'         => '',
			'orderby'      => 'comment_ID',
			'order'        => 'DESC',
			'number'       => 1,
			'fields'       => 'ids',
		)
	);
	$parts = array(
		get_current_blog_id(),
		(int) $comment['comment_post_ID'],
		(int) ( $comment['comment_parent'] ?? 0 ),
		(int) ( $comment['user_id'] ?? 0 ),
		plain( (string) ( $comment['comment_author'] ?? '' ) ),
		$email,
		plain( (string) $comment['comment_content'] ),
		$last,
	);
	return 'wp-' . hash_hmac( 'sha256', (string) wp_json_encode( $parts ), wp_salt( 'nonce' ) );
}
