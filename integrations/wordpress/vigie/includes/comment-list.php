<?php
/**
 * The column of the comment list that tells moderators what Vigie thinks, and why.
 *
 * @package Vigie
 */

namespace Vigie;

defined( 'ABSPATH' ) || exit;

const COLUMN = 'vigie';

add_filter( 'manage_edit-comments_columns', __NAMESPACE__ . '\add_column' );
add_action( 'manage_comments_custom_column', __NAMESPACE__ . '\show_column', 10, 2 );
add_action( 'admin_head-edit-comments.php', __NAMESPACE__ . '\size_column' );

/** Put our column behind the comment itself. */
function add_column( array $columns ): array {
	$place = array_search( 'comment', array_keys( $columns ), true );
	$place = false === $place ? count( $columns ) : $place + 1;
	return array_slice( $columns, 0, $place, true ) + array( COLUMN => 'Vigie' ) + $columns;
}

/** Give the column a width: the comment beside it needs the room. */
function size_column(): void {
	echo '<style>.column-vigie{width:16em}.column-vigie ul{margin:.3em 0 0;list-style:disc inside}</style>';
}

/**
 * Write the cell of one comment.
 *
 * @param string     $column     Whose turn it is.
 * @param int|string $comment_id Of which comment.
 */
function show_column( $column, $comment_id ): void {
	$record = COLUMN === $column ? record_of( (int) $comment_id ) : array();
	if ( ! $record ) {
		return;
	}
	echo '<strong>' . esc_html( headline( $record ) ) . '</strong>';
	if ( $record['reasons'] ) {
		echo '<ul><li>' . implode( '</li><li>', array_map( 'esc_html', $record['reasons'] ) ) . '</li></ul>';
	}
}

/** Return in few words what became of a comment. */
function headline( array $record ): string {
	$headlines = array(
		'accept' => __( 'Nothing to object', 'vigie' ),
		'hold'   => __( 'To be checked', 'vigie' ),
		'reject' => __( 'To be refused', 'vigie' ),
		AWAY     => __( 'Not judged yet: Vigie did not answer', 'vigie' ),
		KEY      => __( 'Not judged yet: Vigie refuses the key', 'vigie' ),
		BUSY     => __( 'Not judged yet: too many comments at once', 'vigie' ),
		INVALID  => __( 'Vigie could not read this comment', 'vigie' ),
	);
	return $headlines[ $record['decision'] ? $record['decision'] : $record['fault'] ] ?? '';
}
