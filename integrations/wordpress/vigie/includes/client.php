<?php
/**
 * Calls of Vigie's API. What they throw at us becomes one of four faults; the key is in no message and in no log.
 *
 * @package Vigie
 */

namespace Vigie;

defined( 'ABSPATH' ) || exit;

/** Seconds: an author waits for this. Vigie needs milliseconds. */
const TIMEOUT = 2;

/** The last call that failed, for the notice to administrators; absent when the last one was answered. */
const FAULT_OPTION = 'vigie_fault';

/** No answer, or none that means anything. */
const AWAY = 'away';
/** The key is missing, unknown, revoked, or may not do this. */
const KEY = 'key';
/** Too much was asked, by this site or by this author: later. */
const BUSY = 'busy';
/** What was sent is wrong, and will be so again. */
const INVALID = 'invalid';

/**
 * Ask Vigie.
 *
 * @param string                    $method GET or POST.
 * @param string                    $path   Beginning with a slash.
 * @param array<string, mixed>|null $body   To be sent as JSON.
 * @return array{fault: string, detail: string, body: array<string, mixed>} `fault` is empty when all is well.
 */
function ask( string $method, string $path, ?array $body = null ): array {
	$headers = array( 'Accept' => 'application/json' );
	if ( '' !== key() ) {
		$headers['Authorization'] = 'Bearer ' . key();
	}
	if ( null !== $body ) {
		$headers['Content-Type'] = 'application/json';
	}
	// Not wp_safe_remote_*: they refuse loopback and private addresses, where a Vigie of one's own usually is. No
	// redirection either: it could carry a comment, and the key, to a place that nobody has chosen.
	$answer = wp_remote_request(
		settings()['url'] . $path,
		array(
			'method'              => $method,
			'headers'             => $headers,
			'body'                => null === $body ? null : wp_json_encode( $body ),
			'timeout'             => TIMEOUT,
			'redirection'         => 0,
			'limit_response_size' => MB_IN_BYTES,
		)
	);
	if ( is_wp_error( $answer ) ) {
		return noted( AWAY, $answer->get_error_message() );
	}
	$status = (int) wp_remote_retrieve_response_code( $answer );
	$told   = json_decode( wp_remote_retrieve_body( $answer ), true );
	$told   = is_array( $told ) ? $told : array();
	$detail = is_string( $told['detail'] ?? null ) ? $told['detail'] : 'HTTP ' . $status;
	return noted( fault_of( $status, $told ), $detail, $told );
}

/** Return what is wrong with an answer. */
function fault_of( int $status, array $told ): string {
	if ( $status >= 200 && $status < 300 ) {
		return $told ? '' : AWAY; // Somebody answered who is not Vigie.
	}
	if ( 401 === $status || 403 === $status ) {
		return KEY;
	}
	if ( 429 === $status ) {
		return BUSY;
	}
	// Without a problem in JSON it is not Vigie who says 404, but a server in front of it.
	return $status >= 400 && $status < 500 && isset( $told['status'] ) ? INVALID : AWAY;
}

/** Remember a fault that an administrator can mend, until a call is answered; return the answer. */
function noted( string $fault, string $detail, array $told = array() ): array {
	$known = get_option( FAULT_OPTION );
	if ( AWAY === $fault || KEY === $fault ) {
		if ( ! is_array( $known ) || $known['fault'] !== $fault ) {
			update_option( FAULT_OPTION, array( 'fault' => $fault, 'detail' => $detail, 'since' => time() ) );
		}
	} elseif ( $known ) {
		delete_option( FAULT_OPTION );
	}
	return array( 'fault' => $fault, 'detail' => $detail, 'body' => $told );
}
