"""Akismet: WordPress' plugin and other clients ask Vigie instead; what is spam for us is spam for them.

Every answer is HTTP 200 with a text; what went wrong stands in headers. Whoever gets neither `true` nor `false` holds
the comment and asks again. Format: https://akismet.com/developers/detailed-docs/
"""

import csv
import io
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

from service import admission, bodies, intake, store
from service.admission import Fault, RefusedError
from service.compat.html import plain_text, storable
from service.domain import Article, Comment, Decision, Reason, Verdict
from service.logs import log
from service.problems import Problem
from service.schemas import EMAIL, URL, Address, Instant, Received
from service.sites import Site
from service.state import state
from service.store import StoreError, figures
from service.store.acts import Who
from service.text import is_blank

blueprint = Blueprint("akismet", __name__)
THANKS = "Thanks for making the web a better place."
"""Compared byte by byte by clients."""
MOST_FIELDS = 5000
ALWAYS_SPAM = ("viagra-test-123", "akismet-guaranteed-spam", "akismet-guaranteed-spam@example.com")
"""Names and addresses with which clients try that spam is found."""
ALWAYS_HAM = "administrator"
"""The role with which they try that the rest is not."""
UNRELATED = frozenset(("listed_hold", "listed_reject", "author_flood", "address_flood"))
"""Signals of no attribute that count as spam all the same: the site's own words, and floods."""
RECHECKED = timedelta(days=7)
KEY = re.compile(r"[a-z0-9]{12}")
CHARSETS = {
    "iso-8859-1": "windows-1252", "latin1": "windows-1252", "windows-1252": "windows-1252", "cp1252": "windows-1252",
    "iso-8859-15": "iso-8859-15",
}  # fmt: skip
"""Of the forms that French sites send; all others are UTF-8. Latin 1 is read as browsers read it."""
ABOUT_A_KEY = frozenset(("akismet.verify_key", "akismet.subscription"))
SLASHED = re.compile(r"""(?:[^\\'"]|\\[\\'"])*""")
"""A text in which every quote and backslash has a backslash before it."""


@blueprint.before_request
def admit() -> None:
    """Know for which site the caller's key speaks: it stands in the body, the query, or in front of the host's name."""
    if request.endpoint == "akismet.connection":
        return
    request.max_content_length = state().settings.max_body_bytes + 1
    g.fields = request.args.to_dict() if request.method == "GET" else _fields()
    # WordPress' plugin, when it asks about a key, sends that as `key` and besides, as `api_key`, the one that it has.
    names = ("key", "api_key") if request.endpoint in ABOUT_A_KEY else ("api_key", "key")
    key = g.fields.get(names[0]) or g.fields.get(names[1]) or _key_of_host()
    scope = "verdict" if request.endpoint in {"akismet.submit_spam", "akismet.submit_ham"} else "judge"
    g.site = admission.admit(key, scope)


@blueprint.post("/1.1/verify-key")
def verify_key() -> ResponseReturnValue:
    return _text("valid")


@blueprint.post("/1.1/comment-check")
def comment_check() -> ResponseReturnValue:
    """Tell whether a comment is spam; keep it, unless it is a test."""
    comment, now = _comment(_as_typed(g.fields)), datetime.now(UTC)
    if {comment.name, comment.email} & set(ALWAYS_SPAM):
        return _verdict(spam=True)
    if comment.role == ALWAYS_HAM:
        return _verdict(spam=False)
    again = (
        store.alike(state().engine, g.site.name, comment, now - RECHECKED) if g.fields.get("recheck_reason") else None
    )
    kept = not _is_true(g.fields.get("is_test")) and again is None and not is_blank(comment.text)
    [outcome] = intake.take(g.site, [Received(comment, store=kept)], queued=False)
    found = [reason for reason in outcome.judgement.reasons if _is_spam(reason, g.site)]
    blatant = any(reason.decision is Decision.reject for reason in found)
    return _verdict(spam=bool(found), discard=blatant, about=outcome.id or (again.id if again else None))


@blueprint.post("/1.1/submit-spam")
def submit_spam() -> ResponseReturnValue:
    return _learnt(Verdict(Decision.reject, {"spam": 1}, "SPAM"))


@blueprint.post("/1.1/submit-ham")
def submit_ham() -> ResponseReturnValue:
    return _learnt(Verdict(Decision.accept, {"spam": 0}))


@blueprint.route("/1.2/usage-limit", methods=["GET", "POST"])
def usage_limit() -> ResponseReturnValue:
    now = datetime.now(UTC)
    used = figures.month(state().engine, g.site.name, now.year, now.month).received
    return jsonify(limit="none", usage=used, percentage="0.00", throttled=False)


@blueprint.get("/1.2/key-sites")
def key_sites() -> ResponseReturnValue:
    """Return the figures of a month (`month=2026-11`, this one unless said) for the key's site, as JSON or CSV."""
    now = datetime.now(UTC)
    told = re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", g.fields.get("month", "")) or re.match(
        r"(\d+)-(\d+)", f"{now:%Y-%m}"
    )
    assert told  # noqa: S101 - one of both
    month = figures.month(state().engine, g.site.name, int(told[1]), int(told[2]))
    row = {
        "site": g.site.name, "api_calls": str(month.received), "spam": str(month.held_or_rejected),
        "ham": str(month.received - month.held_or_rejected), "missed_spam": str(month.missed),
        "false_positives": str(month.false_alarms), "is_revoked": False,
    }  # fmt: skip
    if g.fields.get("format") == "csv":
        out = io.StringIO()
        writer = csv.DictWriter(out, row)
        writer.writeheader()
        writer.writerow(row)
        return Response(out.getvalue(), content_type="text/csv; charset=utf-8")
    return jsonify({told[0]: [row], "limit": 500, "offset": 0, "total": 1})


@blueprint.get("/1.1/test")
def connection() -> ResponseReturnValue:
    """Tell the WordPress plugin, which shows no key here, that it has found somebody."""
    return _text("connected")


@blueprint.post("/1.1/get-subscription")
def subscription() -> ResponseReturnValue:
    """Return what the WordPress plugin wants to know before it keeps a key that is typed, and shows in its settings."""
    return jsonify(status="active", account_name="Vigie", account_type="", next_billing_date=False)


@blueprint.post("/1.1/get-stats")
def statistics() -> ResponseReturnValue:
    """Return nothing: then the WordPress plugin leaves out a card of numbers, and a frame of akismet.com in it."""
    return _text("")


@blueprint.post("/1.1/deactivate")
def deactivate() -> ResponseReturnValue:
    return _text("deactivated")


@blueprint.route("/1.1/<path:anything>", methods=["GET", "POST"])
@blueprint.route("/1.2/<path:anything>", methods=["GET", "POST"])
def other(anything: str) -> ResponseReturnValue:
    """Answer what the WordPress plugin asks besides (tokens, other plugins) with nothing, harmlessly."""
    return jsonify({})


@blueprint.after_request
def identify(answer: Response) -> Response:
    """Name every answer about a comment: without, WordPress' plugin publishes what could not be checked."""
    if request.endpoint == "akismet.comment_check":
        answer.headers.setdefault("X-akismet-guid", uuid.uuid4().hex)
    return answer


@blueprint.errorhandler(RefusedError)
def refused(error: RefusedError) -> ResponseReturnValue:
    if error.fault is Fault.rate:
        return _text("unavailable", why=error.fault.value, error=429)
    return _text("invalid", why=error.fault.value)


@blueprint.errorhandler(StoreError)
def database(error: StoreError) -> ResponseReturnValue:
    log.error("database", fault=str(error))
    return _text("unavailable", why="the database does not answer", error=503)


@blueprint.errorhandler(HTTPException)
def unreadable(error: HTTPException) -> ResponseReturnValue:
    return _text("unavailable", why="the request cannot be read", error=error.code or 400)


@blueprint.errorhandler(Exception)
def unforeseen(error: Exception) -> ResponseReturnValue:
    log.error("unforeseen", exc_info=error)
    return _text("unavailable", why="an error inside the service", error=500)


def _learnt(verdict: Verdict) -> ResponseReturnValue:
    comment = _comment(g.fields)
    if not is_blank(comment.text) and not _is_true(g.fields.get("is_test")):
        intake.learn(g.site, comment, verdict, Who(actor="akismet", address=request.remote_addr))
    return _text(THANKS)


def _is_spam(reason: Reason, site: Site) -> bool:
    return site.akismet_toxicity or reason.attribute == "spam" or reason.code in UNRELATED


def _verdict(*, spam: bool, discard: bool = False, about: str | None = None) -> Response:
    answer = _text("true" if spam else "false")
    if about:
        answer.headers["X-akismet-guid"] = uuid.UUID(about).hex
    if discard:
        answer.headers["X-akismet-pro-tip"] = "discard"
    return answer


def _text(words: str, *, why: str | None = None, error: int | None = None) -> Response:
    answer = Response(words, content_type="text/plain; charset=utf-8")
    if why:
        answer.headers["X-akismet-debug-help"] = why
    if error:
        answer.headers["X-akismet-error"] = str(error)
    return answer


def _fields() -> dict[str, Any]:
    """Return the fields of a form in its own charset, or of JSON; of a repeated one the first.

    Raises Problem when the body is too large or no JSON.
    """
    body = bodies.raw(state().settings.max_body_bytes)
    if request.mimetype == bodies.JSON:
        told = bodies.json_object(body.decode("utf-8", "replace"))
        return {name: _word(value) for name, value in told.items() if value is not None}
    charset = CHARSETS.get(request.mimetype_params.get("charset", "").lower(), "utf-8")
    text = body.decode("ascii", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, encoding=charset, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise Problem(413) from error
    fields: dict[str, Any] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    return fields


def _word(value: Any) -> str:
    """Return a value of JSON as a form would say it."""
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool | int | float) else ""


def _as_typed(fields: Mapping[str, str]) -> Mapping[str, str]:
    """Return *fields* without the backslashes that WordPress puts before quotes.

    Its plugin sends them along when a comment comes in, but not when it asks again or tells a verdict; then the text
    would not be the same, and no text with an apostrophe would be what its author has written.
    """
    if "| Akismet/" not in request.user_agent.string or "recheck_reason" in fields:
        return fields
    return {
        name: re.sub(r"\\(.)", r"\1", value) if "\\" in value and SLASHED.fullmatch(value) else value
        for name, value in fields.items()
    }


def _comment(fields: Mapping[str, str]) -> Comment:
    """Return the comment that *fields* describe; what of them cannot be is left out, for no client could mend it."""

    def text(name: str, most: int) -> str | None:
        value = storable(fields.get(name, ""), most)
        return None if is_blank(value) else value

    honeypot = fields.get(fields.get("honeypot_field_name") or "", "")
    return Comment(
        storable(plain_text(fields.get("comment_content", "")), state().settings.max_comment_bytes),
        name=text("comment_author", 245) or "",
        email=_valid(EMAIL, text("comment_author_email", 100)),
        url=_valid(URL, text("comment_author_url", 200)),
        article=Article(url=_valid(URL, text("permalink", 2000))),
        parent_id=text("comment_parent", 200) if fields.get("comment_parent") != "0" else None,
        ip=_loaded(Address(45), text("user_ip", 45)),
        user_agent=text("user_agent", 1000),
        referrer=text("referrer", 2000),
        submitted_at=_loaded(Instant(default_timezone=UTC), text("comment_date_gmt", 40)),
        role=(text("user_role", 100) or "").split(",")[0].strip() or None,
        honeypot=honeypot if not is_blank(honeypot) else None,
    )


def _valid(check: Any, value: str | None) -> str | None:
    try:
        return check(value) if value else None
    except ValidationError:
        return None


def _loaded(field: Any, value: str | None) -> Any:
    try:
        return field.deserialize(value) if value else None
    except ValidationError:
        return None


def _is_true(value: str | None) -> bool:
    return (value or "").strip().lower() in {"1", "true", "on", "yes"}


def _key_of_host() -> str | None:
    label = request.host.partition(":")[0].partition(".")[0].lower()
    return label if KEY.fullmatch(label) else None
