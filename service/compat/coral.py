"""Coral: the external moderation phase asks what to do with a comment; its webhooks bring back what people decided.

Coral goes on without an answer that comes late, is not 2xx or breaks its schema. So what could not be judged is told in
a well-formed answer that holds the comment, unless the site chose otherwise.
Format: https://docs.coralproject.net/external-moderation-phases
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from threading import BoundedSemaphore
from typing import Any

from flask import Blueprint, copy_current_request_context, g, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import EXCLUDE, Schema, ValidationError, fields
from werkzeug.exceptions import HTTPException

from service import bodies, intake, store
from service.compat.html import plain_text, storable
from service.domain import Article, Comment, Decision, Judgement, Reason, Verdict, labels_of
from service.logs import log
from service.problems import Problem
from service.schemas import Received
from service.sites import Site
from service.state import state
from service.store import StoreError
from service.store.acts import Who
from service.store.verdicts import AlreadyJudgedError, GoneError
from service.text import is_blank

blueprint = Blueprint("coral", __name__, url_prefix="/coral")
SIGNATURE = "X-Coral-Signature"
PREFIX = "sha256="
EDITABLE = timedelta(hours=1)
"""An author can change a comment for some minutes; what came before that is another one."""
SENT_AGAIN_WITHIN = timedelta(minutes=2)
"""The same words of the same author in the same place, so soon, are one request sent twice."""
ENTERED_WITHIN = timedelta(seconds=30)
"""So soon after our answer Coral tells that a comment waits for its moderators, and by what id it knows it."""
CODES: Mapping[str | None, str] = {
    "spam": "SPAM", "identity_attack": "HATE_SPEECH", "threat": "HARASSMENT_BULLYING", "insult": "OFFENSIVE",
    "profanity": "OFFENSIVE", "sexually_explicit": "OFFENSIVE", "toxicity": "ABUSIVE", "severe_toxicity": "ABUSIVE",
}  # fmt: skip
"""Attribute that a reason speaks of to Coral's code of a rejection."""


class UnsignedError(Exception):
    """Nobody who has one of our secrets has signed this."""


class _Schema(Schema):
    class Meta:
        unknown = EXCLUDE


class CommentSchema(_Schema):
    body = fields.String(required=True)
    parentID = fields.String(load_default=None, allow_none=True)


class AuthorSchema(_Schema):
    id = fields.String(required=True)
    role = fields.String(load_default=None, allow_none=True)


class StorySchema(_Schema):
    id = fields.String(required=True)
    url = fields.String(load_default=None, allow_none=True)


class PhaseSchema(_Schema):
    """What Coral asks: a comment that its author has just sent, or changed."""

    action = fields.String(load_default="NEW")
    comment = fields.Nested(CommentSchema, required=True)
    author = fields.Nested(AuthorSchema, required=True)
    story = fields.Nested(StorySchema, required=True)


class EventDataSchema(_Schema):
    queue = fields.String(load_default=None, allow_none=True)
    commentID = fields.String(load_default=None, allow_none=True)
    storyID = fields.String(load_default=None, allow_none=True)
    status = fields.String(load_default=None, allow_none=True)


class EventSchema(_Schema):
    """What Coral tells."""

    type = fields.String(required=True)
    data = fields.Nested(EventDataSchema, required=True)


@blueprint.post("/phase")
def phase() -> ResponseReturnValue:
    """Judge a comment within the deadline, and answer as the site's choices say."""
    asked = _signed(PhaseSchema())
    judging = _begin(copy_current_request_context(_judge), g.site, asked)
    try:
        if judging is not None:
            return _answer(judging.result(timeout=state().settings.coral_deadline / 1000), g.site)
    except TimeoutError:
        if judging is not None:
            judging.add_done_callback(_tell_late)
    log.warning("late", endpoint="coral.phase")
    return _fault("the deadline has passed", 503)


@blueprint.post("/webhook")
def webhook() -> ResponseReturnValue:
    """Learn by what id Coral knows a comment that we held, and later what its moderators decided about it.

    Coral names neither text nor author. The one comment that came under that story within the last seconds must be the
    one that enters its queue; when there are two, nothing is learnt of them rather than something false.
    """
    event = _signed(EventSchema())
    data, now = event["data"], datetime.now(UTC)
    if not data["commentID"] or not data["storyID"]:
        return "", 204
    named, story = storable(f"coral:{data['commentID']}", 200), storable(data["storyID"], 200)
    withheld = (data["queue"], data["status"]) == ("PENDING", "SYSTEM_WITHHELD")
    if event["type"] == "COMMENT_ENTERED_MODERATION_QUEUE" and withheld:
        store.name_lone(state().engine, g.site.name, story, named, now - ENTERED_WITHIN)
    elif event["type"] == "COMMENT_LEFT_MODERATION_QUEUE" and data["status"] in {"APPROVED", "REJECTED"}:
        submission = store.find(state().engine, g.site.name, external_id=named)
        if submission is not None:
            decision = Decision.accept if data["status"] == "APPROVED" else Decision.reject
            who = Who(actor="coral", address=request.remote_addr)
            with suppress(AlreadyJudgedError, GoneError):  # somebody else's word stays
                verdict = Verdict(decision, labels_of(decision, None))
                intake.decide(g.site, submission.id, verdict, who, replaces=True, others_stay=True)
    return "", 204


@blueprint.errorhandler(UnsignedError)
def unsigned(error: UnsignedError) -> ResponseReturnValue:
    return _fault("the signature is missing or wrong", 401)


@blueprint.errorhandler(StoreError)
def database(error: StoreError) -> ResponseReturnValue:
    log.error("database", fault=str(error))
    return _fault("the database does not answer", 503)


@blueprint.errorhandler(HTTPException)
def unreadable(error: HTTPException) -> ResponseReturnValue:
    return _fault("the request cannot be read", error.code or 400)


@blueprint.errorhandler(Exception)
def unforeseen(error: Exception) -> ResponseReturnValue:
    log.error("unforeseen", exc_info=error)
    return _fault("an error inside the service", 500)


def _judge(site: Site, asked: Mapping[str, Any]) -> Judgement:
    author, story = asked["author"], asked["story"]
    comment = Comment(
        storable(plain_text(asked["comment"]["body"]), state().settings.max_comment_bytes),
        author_id=storable(author["id"], 200) or None,
        role=storable(author["role"] or "", 100) or None,
        article=Article(id=storable(story["id"], 200) or None, url=storable(story["url"] or "", 2000) or None),
        parent_id=storable(asked["comment"]["parentID"] or "", 200) or None,
    )
    former, now = None, datetime.now(UTC)
    if asked["action"] == "EDIT":  # of which comment it does not say
        former = store.alike(state().engine, site.name, comment, now - EDITABLE, same_text=False, lone=True)
    elif again := store.alike(state().engine, site.name, comment, now - SENT_AGAIN_WITHIN):
        return again.judgement
    kept = not is_blank(comment.text)
    received = Received(comment, store=kept, edited=True, former_id=former.id if former else None)
    return intake.take(site, [received], queued=False)[0].judgement


def _answer(judgement: Judgement, site: Site) -> ResponseReturnValue:
    if judgement.decision is Decision.accept:
        return ({"status": "APPROVED"}, 200) if site.coral_accept == "approve" else ("", 204)
    told: dict[str, Any] = {"actions": _flags(judgement)}
    if judgement.decision is Decision.reject:
        rejection = {"status": "REJECTED", "rejectionReason": _reason(judgement.reasons[0])}
        told |= {"status": "REJECTED", "moderationAction": rejection}
    elif site.coral_hold == "withhold":
        told |= {"status": "SYSTEM_WITHHELD"}
    return jsonify(told | {"vigie": intake.Outcome(judgement).shown()})


def _flags(judgement: Judgement) -> list[dict[str, str]]:
    """Return the flags that Coral's moderators see: it knows toxic and spam, nothing else."""
    attributes = {reason.attribute for reason in judgement.reasons} - {None}
    kinds = {"SPAM" if attribute == "spam" else "TOXIC" for attribute in attributes}
    return [{"actionType": "FLAG", "reason": f"COMMENT_DETECTED_{kind}"} for kind in sorted(kinds)]


def _reason(reason: Reason) -> dict[str, str]:
    code = "BANNED_WORD" if reason.code == "listed_reject" else CODES.get(reason.attribute, "OTHER")
    told = {"code": code, "detailedExplanation": reason.message}
    return told | ({"customReason": reason.message} if code == "OTHER" else {})


def _fault(why: str, code: int) -> ResponseReturnValue:
    """Tell that a comment was not judged, in the way that the site chose for that."""
    site: Site = g.get("site") or state().sites[state().settings.site]
    if request.endpoint != "coral.phase" or site.coral_fault == "skip":
        return jsonify(error=why), code
    return jsonify(status="SYSTEM_WITHHELD", vigie={"error": why})


def _signed(schema: Schema) -> dict[str, Any]:
    """Return the body, and know whose it is by the secret with which it was signed.

    Raises UnsignedError before anything of it is read; Problem.
    """
    body = bodies.raw(state().settings.max_body_bytes)
    sent = [part.strip()[len(PREFIX) :] for part in request.headers.get(SIGNATURE, "").split(",") if PREFIX in part]
    found = [
        site for site in state().sites.values() for secret in site.coral_secrets if _has_signed(secret, body, sent)
    ]
    if not found:
        raise UnsignedError
    g.site = found[0]
    try:
        told: dict[str, Any] = schema.load(bodies.json_object(body.decode("utf-8", "replace")))
    except ValidationError as error:
        raise Problem(422) from error
    return told


def _has_signed(secret: str, body: bytes, sent: list[str]) -> bool:
    own = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
    return any([hmac.compare_digest(own, one.strip().lower().encode()) for one in sent])  # noqa: C419 - each is compared


def _begin(judge: Callable[..., Judgement], *given: Any) -> "Future[Judgement] | None":
    """Let a thread judge; None while too many late ones are before it."""
    pool, free = _pool()
    if not free.acquire(blocking=False):
        return None
    judging = pool.submit(judge, *given)
    judging.add_done_callback(lambda _: free.release())
    return judging


def _tell_late(judging: "Future[Judgement]") -> None:
    """Log what became of a comment whose judgement nobody waited for any longer."""
    if error := judging.exception():
        log.error("late", endpoint="coral.phase", exc_info=error)


@cache
def _pool() -> tuple[ThreadPoolExecutor, BoundedSemaphore]:
    """Return the threads of this worker, made when Coral first asks, and how many may be busy or wait for them."""
    return ThreadPoolExecutor(4, thread_name_prefix="coral"), BoundedSemaphore(8)
