<?php
/**
 * Leave nothing behind in WordPress: no setting, no record, no appointment with cron. Vigie keeps what it has.
 *
 * @package Vigie
 */

namespace Vigie;

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

require_once __DIR__ . '/includes/settings.php';
require_once __DIR__ . '/includes/client.php';
require_once __DIR__ . '/includes/records.php';

$vigie_sites = is_multisite() ? get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) : array( 0 );
foreach ( $vigie_sites as $vigie_site ) {
	if ( $vigie_site ) {
		switch_to_blog( $vigie_site );
	}
	delete_option( OPTION );
	delete_option( FAULT_OPTION );
	foreach ( ALL_META as $vigie_meta ) {
		delete_metadata( 'comment', 0, $vigie_meta, '', true );
	}
	wp_unschedule_hook( 'vigie_catch_up' );
	if ( $vigie_site ) {
		restore_current_blog();
	}
}
