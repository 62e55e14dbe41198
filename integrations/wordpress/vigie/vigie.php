<?php
/**
 * Plugin Name:       Vigie
 * Description:       Asks your own Vigie about each comment, shows moderators why, and tells it what they decide.
 * Version:           1.0.0
 * Requires at least: 6.1
 * Requires PHP:      7.4
 * Author:            Vigie
 * License:           GPL-2.0-or-later
 * License URI:       https://www.gnu.org/licenses/gpl-2.0.html
 * Text Domain:       vigie
 * Domain Path:       /languages
 *
 * This file only lists the rooms of the plugin. Each says at its top which of WordPress' hooks it answers.
 */

namespace Vigie;

defined( 'ABSPATH' ) || exit;

require __DIR__ . '/includes/settings.php';
require __DIR__ . '/includes/client.php';
require __DIR__ . '/includes/records.php';
require __DIR__ . '/includes/text.php';
require __DIR__ . '/includes/form.php';
require __DIR__ . '/includes/class-judging.php';
require __DIR__ . '/includes/verdicts.php';
require __DIR__ . '/includes/catch-up.php';
require __DIR__ . '/includes/privacy.php';
if ( is_admin() ) {
	require __DIR__ . '/includes/settings-page.php';
	require __DIR__ . '/includes/comment-list.php';
}

add_action( 'init', __NAMESPACE__ . '\load_translation' );
register_activation_hook( __FILE__, __NAMESPACE__ . '\plan_catch_up' );
register_deactivation_hook( __FILE__, __NAMESPACE__ . '\cancel_catch_up' );

/** Load the French texts, for every French-speaking country. */
function load_translation(): void {
	load_plugin_textdomain( 'vigie', false, basename( __DIR__ ) . '/languages' );
	$locale = determine_locale();
	if ( 'fr_FR' !== $locale && 'fr' === substr( $locale, 0, 2 ) ) {
		load_textdomain( 'vigie', __DIR__ . '/languages/vigie-fr_FR.mo', $locale );
	}
}
