<?php
/**
 * What a site may tell its readers about Vigie, for the guide under Settings → Privacy.
 *
 * @package Vigie
 */

namespace Vigie;

defined( 'ABSPATH' ) || exit;

add_action( 'admin_init', __NAMESPACE__ . '\suggest_privacy_text' );

/** Suggest a paragraph; it says what the settings of now send. */
function suggest_privacy_text(): void {
	if ( ! function_exists( 'wp_add_privacy_policy_content' ) ) {
		return;
	}
	$settings  = settings();
	$sentences = array(
		__( 'When you leave a comment, its text, the name and the website you give, your account and role if you are signed in, and the article you comment on are sent to our own moderation service, Vigie, which says whether it can be published at once or should be read by a moderator first.', 'vigie' ),
	);
	if ( $settings['send_email'] ) {
		$sentences[] = __( 'Your email address is sent along.', 'vigie' );
	}
	if ( $settings['send_ip'] ) {
		$sentences[] = __( 'Your IP address and what your browser says of itself are sent along.', 'vigie' );
	}
	$sentences[] = __( 'What our moderators decide about it is sent there, too. Nothing of this leaves our servers. Vigie keeps comments as long as we have set it to; you can ask us for what it keeps of you, and to have it erased.', 'vigie' );
	wp_add_privacy_policy_content( 'Vigie', '<p>' . esc_html( implode( ' ', $sentences ) ) . '</p>' );
}
