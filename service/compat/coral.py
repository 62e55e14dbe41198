"""Coral: the external moderation phase asks what to do with a comment; its webhooks bring back what people decided.

Coral goes on without an answer that comes late, is not 2xx or breaks its schema. So what could not be judged is told in
a well-formed answer that holds the comment, unless the site chose otherwise.
Format: https://docs.coralproject.net/external-moderation-phases
"""

import hashlib
import hmac
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from flask import Blueprint, copy_current_request_context, g, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import EXCLUDE, Schema, ValidationError, fields
from werkzeug.exceptions import HTTPException

from service import bodies, intake, store
from service.compat.html import plain_text
from service.domain import Article, Comment, Decision, Judgement, Reason, Verdict, labels_of
from service.logs import log
from service.problems import Problem
from service.schemas import Received
from service.sites import Site
from service.state import state
from service.store import StoreError
from service.store.acts import Who
from service.text import is_blank

blueprint = Blueprint("coral", __name__, url_prefix="/coral")
SIGNATURE = "X-Coral-Signature"
PREFIX = "sha256="
EDITABLE = timedelta(hours=1)
"""An author can change a comment for some minutes; what came before that is another one."""
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
    judging = _pool().submit(copy_current_request_context(_judge), g.site, asked)
    try:
        judgement = judging.result(timeout=state().settings.coral_deadline / 1000)
    except TimeoutError:
        log.warning("late", endpoint="coral.phase")
        return _fault("the deadline has passed", 503)
    return _answer(judgement, g.site)


@blueprint.post("/webhook")
def webhook() -> ResponseReturnValue:
    """Learn by what id Coral knows a comment that we held, and later what its moderators decided about it.

    Coral names neither text nor author. The one comment under that story which was held within the last seconds must be
    the one that enters its queue; when there are two, nothing is learnt of them rather than something false.
    """
    event = _signed(EventSchema())
    data, now = event["data"], datetime.now(UTC)
    if not data["commentID"] or not data["storyID"]:
        return "", 204
    named, story = f"coral:{data['commentID']}"[:200], data["storyID"][:200]
    if event["type"] == "COMMENT_ENTERED_MODERATION_QUEUE":
        store.name_lone(state().engine, g.site.name, story, named, now - ENTERED_WITHIN)
    elif event["type"] == "COMMENT_LEFT_MODERATION_QUEUE" and data["status"] in {"APPROVED", "REJECTED"}:
        submission = store.find(state().engine, g.site.name, external_id=named)
        if submission is not None:
            decision = Decision.accept if data["status"] == "APPROVED" else Decision.reject
            who = Who(actor="coral", address=request.remote_addr)
            intake.decide(g.site, submission.id, Verdict(decision, labels_of(decision, None)), who, replaces=True)
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
        _clean(plain_text(asked["comment"]["body"]), 65_525),
        author_id=_clean(author["id"], 200) or None,
        role=_clean(author["role"] or "", 100) or None,
        article=Article(id=_clean(story["id"], 200) or None, url=_clean(story["url"] or "", 2000) or None),
        parent_id=_clean(asked["comment"]["parentID"] or "", 200) or None,
    )
    former = None
    if asked["action"] == "EDIT":
        since = datetime.now(UTC) - EDITABLE
        former = store.alike(state().engine, site.name, comment, since, same_text=False)
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
    kinds = {
        "COMMENT_DETECTED_SPAM" if reason.attribute == "spam" else "COMMENT_DETECTED_TOXIC"
        for reason in judgement.reasons
    }
    return [{"actionType": "FLAG", "reason": kind} for kind in sorted(kinds)]


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


def _clean(text: str, most: int) -> str:
    """Return what a database can keep of *text*."""
    return text.replace("\0", "").encode("utf-8", "replace")[:most].decode("utf-8", "ignore").strip()


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads of this worker, made when Coral first asks: one judges, further ones wait for late ones before it."""
    return ThreadPoolExecutor(4, thread_name_prefix="coral")
