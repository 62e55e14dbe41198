<?php
/**
 * What is remembered of a comment: three of its metadata, which go when the comment goes.
 *
 * @package Vigie
 */

namespace Vigie;

defined( 'ABSPATH' ) || exit;

/**
 * The record, an array:
 *   external_id  what Vigie knows the comment by, so that a repeated call makes no second submission
 *   id           Vigie's own id; empty until it has judged
 *   decision     accept, hold, reject; empty until it has judged
 *   reasons      list of messages, in French as Vigie writes them
 *   fault        why it has not judged; see client.php
 *   wordpress    what WordPress had decided: 1 (publish) or 0 (hold)
 *   state        the state that it had when it was kept, as WordPress writes it
 *   touched      whether a person has decided since
 *   told         the verdict that Vigie has been told: accept, reject, or empty
 */
const RECORD = '_vigie';
/** Exists as long as a comment waits to be judged. */
const WAITING = '_vigie_waiting';
/** Exists as long as a verdict waits to be told: a state of verdicts.php. */
const VERDICT = '_vigie_verdict';

const ALL_META = array( RECORD, WAITING, VERDICT );

/** Return the record of a comment; empty when Vigie has nothing to do with it. */
function record_of( int $comment_id ): array {
	$record = get_comment_meta( $comment_id, RECORD, true );
	return is_array( $record ) ? $record : array();
}

/** Keep the record of a comment. */
function keep_record( int $comment_id, array $record ): void {
	update_comment_meta( $comment_id, RECORD, wp_slash( $record ) );
}

/**
 * Return the oldest comments that have a mark, whatever their state.
 *
 * @return int[]
 */
function marked( string $mark, int $most ): array {
	return get_comments(
		array(
			'meta_key' => $mark, // phpcs:ignore WordPress.DB.SlowDBQuery -- only by cron, and meta_key has an index.
			'status'   => 'any',
			'type'     => '',
			'orderby'  => 'comment_ID',
			'order'    => 'ASC',
			'number'   => $most,
			'fields'   => 'ids',
		)
	);
}
