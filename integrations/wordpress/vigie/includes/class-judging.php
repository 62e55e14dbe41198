<?php
/**
 * Judging a comment on its way into the database, whether it came by the form, the REST API, XML-RPC or a trackback.
 *
 * WordPress asks `pre_comment_approved` up to three times for one comment (6.8: before and after it has filtered the
 * text, and again when it could not keep it). Vigie is asked once: the record is held from the beginning of a comment
 * until it is kept, and then becomes its metadata.
 *
 * @package Vigie
 */

namespace Vigie;

defined( 'ABSPATH' ) || exit;

/** The comment in hand: there is one at a time. */
final class Judging {

	/**
	 * The record of the comment in hand, as records.php describes it; null before it is judged.
	 *
	 * @var array<string, mixed>|null
	 */
	private $record = null;

	/**
	 * By what the comment in hand is known while WordPress filters its text.
	 *
	 * @var array<int, mixed>
	 */
	private $mark = array();

	/**
	 * Whether it comes by the REST API, which hands it over unslashed, and wants errors in another form.
	 *
	 * @var bool
	 */
	private $rest = false;

	/** Answer WordPress' hooks. */
	public function register(): void {
		add_filter( 'preprocess_comment', array( $this, 'begin' ), PHP_INT_MIN );
		add_filter( 'rest_preprocess_comment', array( $this, 'begin_rest' ), PHP_INT_MIN );
		// Late: what other plugins have decided is known by then.
		add_filter( 'pre_comment_approved', array( $this, 'decide' ), 90, 2 );
		add_action( 'wp_insert_comment', array( $this, 'keep' ), 1, 2 );
	}

	/**
	 * A comment begins; the one before may have ended anywhere.
	 *
	 * @param array<string, mixed> $comment It.
	 * @return array<string, mixed>
	 */
	public function begin( $comment ) {
		$this->record = null;
		$this->rest   = false;
		return $comment;
	}

	/**
	 * A comment begins that comes by the REST API.
	 *
	 * @param array<string, mixed>|\WP_Error $comment It.
	 * @return array<string, mixed>|\WP_Error
	 */
	public function begin_rest( $comment ) {
		$this->record = null;
		$this->rest   = true;
		return $comment;
	}

	/**
	 * Decide on a comment.
	 *
	 * @param int|string|\WP_Error $approved What WordPress and others have decided.
	 * @param array<string, mixed> $comment  It; slashed, unless it comes by the REST API.
	 * @return int|string|\WP_Error
	 */
	public function decide( $approved, $comment ) {
		if ( ! in_array( $approved, array( 0, 1, '0', '1', true, false ), true ) ) {
			return $approved; // Refused, spam or binned: that stays, and Vigie need not see it.
		}
		$mark = array( $comment['comment_post_ID'], $comment['comment_author_IP'] ?? '', $comment['comment_date_gmt'] ?? '' );
		if ( null === $this->record || $mark !== $this->mark ) {
			$plain = $this->rest ? $comment : wp_unslash( $comment );
			if ( ! is_to_be_judged( $plain ) ) {
				return $approved;
			}
			$answer = submit( $plain, external_id( $plain ) );
			if ( lacks_something( $answer ) ) {
				return new \WP_Error( 'vigie_missing', COMMENT_MISSING, $this->rest ? array( 'status' => 400 ) : 200 );
			}
			$this->mark   = $mark;
			$this->record = record_from( $answer );
		}
		$this->record['wordpress'] = (int) $approved;
		$state                     = state_for( $this->record );
		return 'refuse' === $state ? $this->refusal() : $state;
	}

	/**
	 * Keep what is known of the comment in hand, now that it has a number.
	 *
	 * @param int         $comment_id Its number.
	 * @param \WP_Comment $comment    It.
	 */
	public function keep( $comment_id, $comment ): void {
		if ( null !== $this->record && (int) $comment->comment_post_ID === (int) $this->mark[0] ) {
			$this->record['state'] = $comment->comment_approved;
			keep_record( (int) $comment_id, $this->record );
			if ( '' === $this->record['decision'] && INVALID !== $this->record['fault'] ) {
				add_comment_meta( (int) $comment_id, WAITING, 1, true );
				plan_catch_up();
			}
		}
		$this->record = null;
		$this->rest   = false;
	}

	/** Return what an author is told whose comment is refused: why, as Vigie words it for him. */
	private function refusal(): \WP_Error {
		$sentences = array_merge( array( __( 'Your comment was not accepted.', 'vigie' ) ), $this->record['reasons'] );
		$message   = implode( ' ', $sentences );
		return $this->rest
			? new \WP_Error( 'vigie_rejected', $message, array( 'status' => 403 ) )
			: new \WP_Error( 'vigie_rejected', esc_html( $message ), 403 );
	}
}

( new Judging() )->register();

/** Say whether a comment is for Vigie: everybody's, but of those who may publish anything anyway. */
function is_to_be_judged( array $comment ): bool {
	// The author counts, not who is signed in: a program may hand in, with an editor's account, what readers write.
	$of_moderator = ! empty( $comment['user_id'] ) && user_can( (int) $comment['user_id'], 'moderate_comments' );
	/**
	 * Filters whether Vigie judges a comment.
	 *
	 * @param bool                 $judges  Whether it does.
	 * @param array<string, mixed> $comment The comment, unslashed.
	 */
	return (bool) apply_filters( 'vigie_judges_comment', ! $of_moderator, $comment );
}

/**
 * Submit a comment; return Vigie's answer, and what it was asked by.
 *
 * A strange address, of the author's own site for instance, shall not keep the words from being judged: what Vigie finds
 * wrong is sent again without all that is not needed.
 */
function submit( array $comment, string $external_id ): array {
	$body   = submission( $comment, $external_id );
	$answer = ask( 'POST', '/v1/comments', $body );
	if ( INVALID === $answer['fault'] && ! lacks_something( $answer ) ) {
		$needed = array_flip( array( 'name', 'comment', 'external_id' ) );
		$answer = ask( 'POST', '/v1/comments', array_intersect_key( $body, $needed ) );
	}
	return array( 'external_id' => $external_id ) + $answer;
}

/** Say whether Vigie saw no word in a comment where WordPress still saw some sign. */
function lacks_something( array $answer ): bool {
	$errors = $answer['body']['errors']['comment'] ?? array();
	return INVALID === $answer['fault'] && is_array( $errors ) && in_array( COMMENT_MISSING, $errors, true );
}

/** Return the record that an answer of Vigie makes. */
function record_from( array $answer ): array {
	$told     = $answer['body'];
	$decision = $told['decision'] ?? '';
	$judged   = '' === $answer['fault'] && in_array( $decision, array( 'accept', 'hold', 'reject' ), true );
	$reasons  = $judged && is_array( $told['reasons'] ?? null ) ? $told['reasons'] : array();
	$messages = array_filter( wp_list_pluck( array_filter( $reasons, 'is_array' ), 'message' ), 'is_string' );
	return array(
		'external_id' => $answer['external_id'],
		'id'          => $judged && is_string( $told['id'] ?? null ) ? $told['id'] : '',
		'decision'    => $judged ? $decision : '',
		'reasons'     => array_values( array_unique( $messages ) ),
		'fault'       => $judged ? '' : ( $answer['fault'] ? $answer['fault'] : AWAY ),
		'wordpress'   => 0,
		'state'       => '',
		'touched'     => false,
		'told'        => '',
	);
}

/**
 * Return the state that a comment shall have: 1, 0, 'spam', 'trash', or 'refuse'.
 *
 * Vigie only ever makes WordPress stricter: what WordPress wants to hold is held.
 *
 * @return int|string
 */
function state_for( array $record ) {
	$cases  = array( '' => 'on_away', 'accept' => '', 'hold' => 'on_hold', 'reject' => 'on_reject' );
	$case   = $cases[ $record['decision'] ];
	$chosen = '' === $case ? 'wordpress' : settings()[ $case ];
	if ( 'wordpress' === $chosen ) {
		return $record['wordpress'];
	}
	return 'hold' === $chosen ? 0 : $chosen;
}
