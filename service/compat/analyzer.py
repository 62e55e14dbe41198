"""A request to Google's Comment Analyzer, read: what it asks, of which text, in which languages.

Format: https://developers.perspectiveapi.com/s/about-the-api-methods (until 2026)
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from service import bodies
from service.compat.html import plain_text, storable
from service.domain import ATTRIBUTES
from service.language import detect
from service.state import state
from service.text import is_blank

MOST_BYTES = 20_480
NAMES = {name.upper(): name for name in ATTRIBUTES}
NAMES |= {f"{name}_EXPERIMENTAL": attribute for name, attribute in NAMES.items()}
"""What clients ask for, and the attribute that answers."""
PROBABILITY = "PROBABILITY"


class ApiError(Exception):
    """What is told in the envelope of Google's APIs."""

    def __init__(self, kind: str, message: str, code: int = 400, **detail: Any) -> None:
        super().__init__(message)
        self.kind, self.message, self.code, self.detail = kind, message, code, detail


class _Schema(Schema):
    class Meta:
        unknown = EXCLUDE


class TextSchema(_Schema):
    text = fields.String(load_default="", allow_none=True)
    type = fields.String(load_default="PLAIN_TEXT", allow_none=True)


class AttributeSchema(_Schema):
    scoreType = fields.String(load_default=PROBABILITY, allow_none=True)
    scoreThreshold = fields.Float(load_default=0.0, allow_none=True)


class ScoreSchema(_Schema):
    value = fields.Float(required=True, validate=validate.Range(0, 1))
    type = fields.String(allow_none=True)


class SpanSchema(_Schema):
    begin = fields.Integer(required=True)
    end = fields.Integer(required=True)
    score = fields.Nested(ScoreSchema)


class SuggestedSchema(_Schema):
    summaryScore = fields.Nested(ScoreSchema)
    spanScores = fields.List(fields.Nested(SpanSchema))


class RequestSchema(_Schema):
    """What both calls have in common."""

    comment = fields.Nested(TextSchema, load_default=lambda: {"text": "", "type": "PLAIN_TEXT"}, allow_none=True)
    context = fields.Dict(load_default=dict, allow_none=True)
    languages = fields.List(fields.String(), load_default=list, allow_none=True)
    clientToken = fields.String(allow_none=True)
    communityId = fields.String(load_default="", allow_none=True)


class AnalyzeSchema(RequestSchema):
    requestedAttributes = fields.Dict(
        keys=fields.String(), values=fields.Nested(AttributeSchema, allow_none=True), load_default=dict, allow_none=True
    )
    spanAnnotations = fields.Boolean(load_default=False, allow_none=True)
    dropUnsupportedAttributes = fields.Boolean(load_default=False, allow_none=True)


class SuggestSchema(RequestSchema):
    attributeScores = fields.Dict(
        keys=fields.String(), values=fields.Nested(SuggestedSchema), load_default=dict, allow_none=True
    )


def body(schema: Schema) -> dict[str, Any]:
    """Return the body as *schema* reads it. Raises ApiError."""
    try:
        text = bodies.raw(state().settings.max_body_bytes).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ApiError("INVALID_REQUEST", "Invalid JSON payload received. It is not UTF-8.") from error
    try:
        told: dict[str, Any] = schema.load(bodies.json_object(text))
    except ValidationError as error:
        place = ", ".join(name for name in error.messages_dict if name in schema.fields)
        raise ApiError("INVALID_REQUEST", f"Invalid value at '{place}'") from error
    return told


def texts(asked: Mapping[str, Any]) -> tuple[str, str]:
    """Return the text as it was sent, and as a reader sees it: another one when it is HTML.

    Raises ApiError.
    """
    comment = asked["comment"] or {}
    text, kind = comment.get("text") or "", comment.get("type") or "PLAIN_TEXT"
    if kind not in {"PLAIN_TEXT", "HTML", "TEXT_TYPE_UNSPECIFIED"}:
        raise ApiError("INVALID_REQUEST", "Invalid value at 'comment.type'")
    text = text.replace("\0", "").encode("utf-8", "replace").decode()
    if is_blank(text):
        raise ApiError("COMMENT_EMPTY", "Comment must be non-empty.")
    if len(text.encode()) > MOST_BYTES:
        raise ApiError("COMMENT_TOO_LONG", "Comment text too long.")
    context = asked["context"] or {}
    if context.get("entries") and context.get("articleAndParentComment"):
        raise ApiError(
            "INVALID_REQUEST", "Context can have either entries or article_and_parent_comment fields, but not both."
        )
    return text, plain_text(text) if kind == "HTML" else text


def requested(asked: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the attributes that can be answered, with their limits.

    Raises ApiError for none at all, and for an unknown one unless those are to be dropped.
    """
    usual = AttributeSchema().load({})
    wanted = {name: limits or usual for name, limits in (asked["requestedAttributes"] or {}).items()}
    if not wanted:
        raise ApiError("NO_REQUESTED_ATTRIBUTES", "Missing requested_attributes")
    if asked["dropUnsupportedAttributes"]:
        wanted = {name: limits for name, limits in wanted.items() if _is_known(name)}
    names_are_known(wanted)
    for name, limits in wanted.items():
        if (kind := limits["scoreType"] or PROBABILITY) not in {PROBABILITY, "SCORE_TYPE_UNSPECIFIED"}:
            raise ApiError(
                "INVALID_REQUEST", f"Requested score type {_told(kind)} is not supported by attribute {_told(name)}"
            )
    return wanted


def worst(suggested: Mapping[str, Any]) -> float:
    """Return the score of the whole text, or the highest of its spans.

    Raises ApiError when there is neither.
    """
    scores = [suggested.get("summaryScore"), *(span.get("score") for span in suggested.get("spanScores", ()))]
    for values in (scores[:1], scores[1:]):
        if told := [float(score["value"]) for score in values if score]:
            return max(told)
    raise ApiError("INVALID_REQUEST", "Missing summary_score")


def names_are_known(names: Mapping[str, Any]) -> None:
    """Raise ApiError for the first of *names* that no attribute answers."""
    for name in names:
        if not _is_known(name):
            raise ApiError("INVALID_REQUEST", f"Unknown requested attribute: {_told(name)}")


def _is_known(name: str) -> bool:
    return NAMES.get(name) in state().moderation.model.attributes


def languages_of(asked: Mapping[str, Any], text: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return the languages to answer for, and those that were found in *text*.

    Raises ApiError when none was named and none can be found.
    """
    if asked["languages"]:
        languages = [_told(language) for language in asked["languages"]]
        return languages, [base(language) for language in languages]
    detected = detect(text)
    if not detected:
        raise ApiError("LANGUAGE_DETECTION_FAILED", "Unable to detect language")
    return detected[:1], detected


def base(language: str) -> str:
    """Return the language of a code with a region: fr of fr-CA."""
    return language.partition("-")[0].lower()


def unsupported_language(name: str, languages: Sequence[str], *, named: bool) -> ApiError:
    """Return the error of an attribute that no language of the request has; *named*: by the caller, not detected."""
    found = {"requestedLanguages" if named else "detectedLanguages": languages, "attribute": name}
    return ApiError(
        "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
        f"Attribute {name} does not support request languages: {', '.join(languages)}",
        languageNotSupportedByAttributeError=found,
    )


def external_id(asked: Mapping[str, Any]) -> str | None:
    """Return the id by which a suggestion's comment is known: Coral's own, else one of the client's token."""
    token, community = (storable(asked.get(name) or "", 1000) for name in ("clientToken", "communityId"))
    if not token:
        return None
    if community.startswith("Coral:") and token.startswith("comment:"):
        return f"coral:{token.removeprefix('comment:')}"[:200]
    digest = hashlib.blake2b(f"{community}\n{token}".encode(), digest_size=16).hexdigest()
    return f"perspective:{digest}"


def _told(name: str) -> str:
    """Return what the caller named so that it can be told back."""
    return re.sub(r"[^\w.-]", "?", name, flags=re.ASCII)[:60]
