<?php
/**
 * Runs PHP from standard input inside a WordPress, as nobody, and prints what it returns as JSON: SITE_FOLDER HOST
 */

$_SERVER['HTTP_HOST']   = $argv[2];
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
require $argv[1] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/plugin.php';
echo "\n", wp_json_encode( eval( stream_get_contents( STDIN ) ) );
