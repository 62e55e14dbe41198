<?php
/**
 * What people decide about a comment goes back to Vigie, which learns from it: publishing is `accept`; spam and the bin
 * are `reject`, spam with its reason. The last choice counts. What cannot be told now is told later, by cron.
 *
 * @package Vigie
 */

namespace Vigie;

defined( 'ABSPATH' ) || exit;

add_action( 'transition_comment_status', __NAMESPACE__ . '\note_choice', 10, 3 );
add_action( 'shutdown', __NAMESPACE__ . '\tell_noted' );

/** What each new state of a comment tells; holding it again tells nothing. */
const VERDICTS = array(
	'approved' => array( 'decision' => 'accept' ),
	'spam'     => array( 'decision' => 'reject', 'reason' => 'SPAM' ),
	'trash'    => array( 'decision' => 'reject' ),
);

/**
 * Note that a comment has another state, if a person wanted it so.
 *
 * @param string      $new     The new state.
 * @param string      $old     The former state.
 * @param \WP_Comment $comment The comment.
 */
function note_choice( $new, $old, $comment ): void {
	$id     = (int) $comment->comment_ID;
	$record = record_of( $id );
	if ( ! $record || ! is_choice( $id ) ) {
		return;
	}
	if ( 'trash' === $new && 'spam' === $old && 'reject' === $record['told'] ) {
		return; // Told already, and better: spam that is cleared away.
	}
	$record['touched'] = true;
	keep_record( $id, $record );
	delete_comment_meta( $id, VERDICT );
	if ( isset( VERDICTS[ $new ] ) ) {
		add_comment_meta( $id, VERDICT, $new, true );
		noted_now( $id );
	}
}

/** Say whether it is a person who changes the state of a comment now: somebody who may, and neither cron nor we. */
function is_choice( int $comment_id ): bool {
	return ! by_vigie() && ! wp_doing_cron()
		&& ( current_user_can( 'moderate_comments' ) || current_user_can( 'edit_comment', $comment_id ) );
}

/** Do something in Vigie's name; without anything, say whether it is being done. */
function by_vigie( ?callable $act = null ): bool {
	static $acts = false;
	if ( $act ) {
		$acts = true;
		try {
			$act();
		} finally {
			$acts = false;
		}
	}
	return $acts;
}

/**
 * Remember, for the end of this request, that a verdict is to be told; return all of them.
 *
 * @return int[]
 */
function noted_now( ?int $comment_id = null ): array {
	static $ids = array();
	if ( null !== $comment_id ) {
		$ids[ $comment_id ] = $comment_id;
	}
	return $ids;
}

/** Tell what was decided in this request, when the page is written. A hundred at once wait for Vigie once at most. */
function tell_noted(): void {
	foreach ( noted_now() as $id ) {
		if ( ! tell( $id ) ) {
			plan_catch_up();
			return;
		}
	}
}

/** Tell the verdict that waits on a comment; return whether it need not wait any longer. */
function tell( int $comment_id ): bool {
	$record = record_of( $comment_id );
	$chosen = (string) get_comment_meta( $comment_id, VERDICT, true );
	if ( ! isset( VERDICTS[ $chosen ] ) ) {
		return true;
	}
	if ( empty( $record['id'] ) && get_comment_meta( $comment_id, WAITING, true ) ) {
		return false; // Vigie does not know the comment yet.
	}
	if ( empty( $record['id'] ) ) {
		delete_comment_meta( $comment_id, VERDICT ); // Nor will it ever.
		return true;
	}
	// It replaces an earlier verdict, ours or of Vigie's console: what the site shows now is what counts.
	$answer = ask( 'POST', '/v1/comments/' . $record['id'] . '/verdict', VERDICTS[ $chosen ] + array( 'replace' => true ) );
	if ( '' !== $answer['fault'] && INVALID !== $answer['fault'] ) {
		return false;
	}
	if ( '' === $answer['fault'] ) {
		$record['told'] = VERDICTS[ $chosen ]['decision'];
		keep_record( $comment_id, $record );
	}
	delete_comment_meta( $comment_id, VERDICT ); // Told; or Vigie has forgotten the comment, and wants to hear no more.
	return true;
}
