<?php
/**
 * What could not be done while Vigie was away is done by WP-Cron: comments are judged, verdicts are told.
 *
 * A comment that is judged late gets the state that it would have had at once, unless a person, or another plugin, has
 * decided in the meantime: then only the reason is noted. So a comment is published late only where WordPress itself
 * would have published it, and what was published without Vigie may be held after all.
 *
 * @package Vigie
 */

namespace Vigie;

defined( 'ABSPATH' ) || exit;

const CATCH_UP = 'vigie_catch_up';
/** Seconds between two attempts, and before the first. */
const PAUSE = 300;
/** How many comments, and how many verdicts, one attempt takes: a minute or two on a slow day. */
const MOST = 50;

add_action( CATCH_UP, __NAMESPACE__ . '\catch_up' );

/** Have cron come, if it is not to come yet. */
function plan_catch_up(): void {
	if ( ! wp_next_scheduled( CATCH_UP ) ) {
		wp_schedule_single_event( time() + PAUSE, CATCH_UP );
	}
}

/** Have cron not come any more. */
function cancel_catch_up(): void {
	wp_unschedule_hook( CATCH_UP );
}

/** Do what waits, the oldest first, until Vigie is away again; come back for the rest. */
function catch_up(): void {
	$done = work_off( WAITING, __NAMESPACE__ . '\judge_late' ) && work_off( VERDICT, __NAMESPACE__ . '\tell' );
	if ( ! $done || marked( WAITING, 1 ) || marked( VERDICT, 1 ) ) {
		plan_catch_up();
	}
}

/** Do something to each comment with a mark; return false as soon as it cannot be done. */
function work_off( string $mark, callable $act ): bool {
	foreach ( marked( $mark, MOST ) as $id ) {
		if ( ! $act( (int) $id ) ) {
			return false;
		}
	}
	return true;
}

/** Judge a comment that has been kept without; return whether Vigie answered. */
function judge_late( int $comment_id ): bool {
	$record  = record_of( $comment_id );
	$comment = get_comment( $comment_id, ARRAY_A );
	if ( ! $record || ! $comment ) {
		delete_comment_meta( $comment_id, WAITING );
		return true;
	}
	$judged = record_from( submit( $comment, $record['external_id'] ) );
	if ( '' === $judged['decision'] && INVALID !== $judged['fault'] ) {
		return false;
	}
	$record = array_merge( $judged, array_intersect_key( $record, array_flip( array( 'wordpress', 'state', 'touched', 'told' ) ) ) );
	keep_record( $comment_id, $record );
	delete_comment_meta( $comment_id, WAITING );
	if ( '' !== $record['decision'] && ! $record['touched'] && $comment['comment_approved'] === $record['state'] ) {
		by_vigie(
			static function () use ( $comment_id, $record ): void {
				move( $comment_id, state_for( $record ), $record['state'] );
			}
		);
	}
	return true;
}

/**
 * Move a comment to another state.
 *
 * @param int        $comment_id The comment.
 * @param int|string $state      As state_for returns it. It is too late to refuse: it becomes spam, nothing is lost.
 * @param string     $former     The state that it has.
 */
function move( int $comment_id, $state, string $former ): void {
	if ( (string) $state === $former ) {
		return;
	}
	if ( 'trash' === $state ) {
		wp_trash_comment( $comment_id );
	} elseif ( 'spam' === $state || 'refuse' === $state ) {
		wp_spam_comment( $comment_id );
	} else {
		wp_set_comment_status( $comment_id, 1 === $state ? 'approve' : 'hold' );
	}
}
