"""Google's Perspective (Comment Analyzer v1alpha1): its clients need nothing but another address.

An analysis keeps nothing, so `doNotStore` is always honoured; scores suggested back become verdicts.
Format: https://developers.perspectiveapi.com/s/about-the-api-methods (until 2026)
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from werkzeug.exceptions import HTTPException

from service import admission, bodies, intake
from service.admission import Fault, RefusedError
from service.compat.html import plain_text, storable
from service.domain import ATTRIBUTES, Comment, Decision, Verdict
from service.language import detect
from service.logs import log
from service.problems import RETRY_AFTER_SECONDS
from service.state import state
from service.store import StoreError
from service.store.acts import Who
from service.text import is_blank

blueprint = Blueprint("perspective", __name__)
MOST_BYTES = 20_480
FRENCH = "fr"
NAMES = {name.upper(): name for name in ATTRIBUTES}
NAMES |= {f"{name}_EXPERIMENTAL": attribute for name, attribute in NAMES.items()}
"""What clients ask for, and the attribute that answers."""
TYPE = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"
PROBABILITY = "PROBABILITY"
SENTENCE = re.compile(r"\S[^\n]*?(?:[.!?…]{1,5}[»\")]{0,3}(?=\s)|(?=\n)|\Z)")
MOST_SENTENCES = 50
"""What follows so many sentences is one span: each is scored by itself."""


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


@blueprint.before_request
def admit() -> None:
    """Know for which site the caller's key speaks."""
    if request.endpoint == "perspective.discovery":
        return
    key = request.args.get("key") or request.headers.get("X-Goog-Api-Key")
    g.site = admission.admit(key, "verdict" if request.endpoint == "perspective.suggest" else "judge")


@blueprint.post("/v1alpha1/comments:analyze")
@blueprint.post("/comments:analyze")
def analyze() -> ResponseReturnValue:
    """Return the scores that were asked for; keep nothing."""
    asked = _body(AnalyzeSchema())
    text, read = _texts(asked)
    wanted = _wanted(asked)
    languages, detected = _languages(asked, read)
    refused = g.site.other_languages == "refuse" and FRENCH not in map(_base, languages)
    if refused and wanted and not asked["dropUnsupportedAttributes"]:
        raise _unsupported_language(next(iter(wanted)), languages, named=bool(asked["languages"]))
    sentences = list(_sentences(text)) if asked["spanAnnotations"] and read is text else []
    with state().metrics.step("score"):
        whole, *parts = state().moderation.model.score([read, *(sentence for _, _, sentence in sentences)])
    spans = [(begin, end, scores) for (begin, end, _), scores in zip(sentences, parts, strict=True)]
    spans = [*(spans if len(spans) > 1 else ()), (0, _units(text), whole)]
    answer: dict[str, Any] = {"attributeScores": {}}
    for name, limits in {} if refused else wanted.items():
        if whole[NAMES[name]] >= (limits["scoreThreshold"] or 0.0):
            answer["attributeScores"][name] = {
                "spanScores": [
                    {"begin": begin, "end": end, "score": _score(scores[NAMES[name]])} for begin, end, scores in spans
                ],
                "summaryScore": _score(whole[NAMES[name]]),
            }
    answer |= {"languages": languages, "detectedLanguages": detected}
    return jsonify(answer | _token(asked))


@blueprint.post("/v1alpha1/comments:suggestscore")
@blueprint.post("/comments:suggestscore")
def suggest() -> ResponseReturnValue:
    """Learn what a person thought of a text; of several suggestions with one client token the last one counts."""
    asked = _body(SuggestSchema())
    _, read = _texts(asked)
    if is_blank(read):
        raise ApiError("COMMENT_EMPTY", "Comment must be non-empty.")
    suggested = asked["attributeScores"] or {}
    if not suggested:
        raise ApiError("INVALID_REQUEST", "Missing attribute_scores")
    _names_are_known(suggested)
    labels = {NAMES[name]: int(_worst(score) >= 0.5) for name, score in suggested.items()}
    languages, detected = _languages(asked, read)
    if g.site.other_languages == "refuse" and FRENCH not in map(_base, languages):
        raise _unsupported_language(next(iter(suggested)), languages, named=bool(asked["languages"]))
    comment = Comment(read, external_id=_external_id(asked))
    verdict = Verdict(Decision.reject if any(labels.values()) else Decision.accept, labels)
    intake.learn(g.site, comment, verdict, Who(actor="perspective", address=request.remote_addr))
    told = {"detectedLanguages": detected, "requestedLanguages": languages if asked["languages"] else []}
    return jsonify(_token(asked) | told)


@blueprint.get("/$discovery/rest")
def discovery() -> ResponseReturnValue:
    """Return the document from which Google's client libraries are made."""
    url = (state().settings.public_url or f"{request.scheme}://{_own_host()}").rstrip("/") + "/"
    names = {"analyze": "AnalyzeComment", "suggestscore": "SuggestCommentScore"}
    described = {
        "kind": "discovery#restDescription", "discoveryVersion": "v1", "id": "commentanalyzer:v1alpha1",
        "name": "commentanalyzer", "version": "v1alpha1", "revision": "0", "title": "Vigie",
        "description": "Comment Analyzer v1alpha1, answered by Vigie", "protocol": "rest", "rootUrl": url,
        "baseUrl": url, "servicePath": "", "batchPath": "",
        "parameters": {
            "key": {"type": "string", "location": "query"},
            "alt": {"type": "string", "location": "query", "default": "json"},
        },
        "schemas": {
            f"{name}{part}": {"id": f"{name}{part}", "type": "object", "properties": {}}
            for name in names.values() for part in ("Request", "Response")
        },
        "resources": {"comments": {"methods": {
            method: {
                "id": f"commentanalyzer.comments.{method}", "path": f"v1alpha1/comments:{method}",
                "flatPath": f"v1alpha1/comments:{method}", "httpMethod": "POST", "parameters": {}, "parameterOrder": [],
                "request": {"$ref": f"{name}Request"}, "response": {"$ref": f"{name}Response"},
            }
            for method, name in names.items()
        }}},
    }  # fmt: skip
    return jsonify(described)


@blueprint.errorhandler(ApiError)
def told(error: ApiError) -> ResponseReturnValue:
    return _envelope(error)


@blueprint.errorhandler(RefusedError)
def refused(error: RefusedError) -> ResponseReturnValue:
    if error.fault is Fault.rate:
        answer = _envelope(ApiError("RATE_LIMIT_EXCEEDED", "Quota exceeded for this key.", 429))
        answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    if error.fault is Fault.scope:
        return _envelope(ApiError("PERMISSION_DENIED", "The key has not the scope that this call needs.", 403))
    message = "API key not valid. Please pass a valid API key."
    if error.fault is Fault.stranger:
        message += " This service has none yet and answers its own machine only: vigie key new."
    return _envelope(ApiError("API_KEY_INVALID", message))


@blueprint.errorhandler(StoreError)
def database(error: StoreError) -> ResponseReturnValue:
    log.error("database", fault=str(error))
    answer = _envelope(ApiError("UNAVAILABLE", "The service is currently unavailable.", 503))
    answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


@blueprint.errorhandler(HTTPException)
def unreadable(error: HTTPException) -> ResponseReturnValue:
    code = error.code or 500
    if code == 413:
        return _envelope(ApiError("INVALID_REQUEST", "Request payload size exceeds the limit.", 413))
    return _envelope(ApiError("INVALID_REQUEST", "Invalid JSON payload received.", 400 if code in {400, 415} else code))


@blueprint.errorhandler(Exception)
def unforeseen(error: Exception) -> ResponseReturnValue:
    log.error("unforeseen", exc_info=error)
    return _envelope(ApiError("INTERNAL", "Internal error encountered.", 500))


STATUS = {403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}


def _envelope(error: ApiError) -> Response:
    about = {"@type": TYPE, "errorType": error.kind, "reason": error.kind, **error.detail}
    status = STATUS.get(error.code, "INVALID_ARGUMENT")
    answer = jsonify(error={"code": error.code, "message": error.message, "status": status, "details": [about]})
    answer.status_code = error.code
    return answer


def _body(schema: Schema) -> dict[str, Any]:
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


def _texts(asked: Mapping[str, Any]) -> tuple[str, str]:
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


def _wanted(asked: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the attributes that can be answered, with their limits.

    Raises ApiError for none at all, and for an unknown one unless those are to be dropped.
    """
    usual = AttributeSchema().load({})
    wanted = {name: limits or usual for name, limits in (asked["requestedAttributes"] or {}).items()}
    if not wanted:
        raise ApiError("NO_REQUESTED_ATTRIBUTES", "Missing requested_attributes")
    if asked["dropUnsupportedAttributes"]:
        wanted = {name: limits for name, limits in wanted.items() if _is_known(name)}
    _names_are_known(wanted)
    for name, limits in wanted.items():
        if (kind := limits["scoreType"] or PROBABILITY) not in {PROBABILITY, "SCORE_TYPE_UNSPECIFIED"}:
            raise ApiError(
                "INVALID_REQUEST", f"Requested score type {_told(kind)} is not supported by attribute {_told(name)}"
            )
    return wanted


def _worst(suggested: Mapping[str, Any]) -> float:
    """Return the score of the whole text, or the highest of its spans.

    Raises ApiError when there is neither.
    """
    scores = [suggested.get("summaryScore"), *(span.get("score") for span in suggested.get("spanScores", ()))]
    for values in (scores[:1], scores[1:]):
        if told := [float(score["value"]) for score in values if score]:
            return max(told)
    raise ApiError("INVALID_REQUEST", "Missing summary_score")


def _names_are_known(names: Mapping[str, Any]) -> None:
    for name in names:
        if not _is_known(name):
            raise ApiError("INVALID_REQUEST", f"Unknown requested attribute: {_told(name)}")


def _is_known(name: str) -> bool:
    return NAMES.get(name) in state().moderation.model.attributes


def _languages(asked: Mapping[str, Any], text: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return the languages to answer for, and those that were found in *text*.

    Raises ApiError when none was named and none can be found.
    """
    if asked["languages"]:
        languages = [_told(language) for language in asked["languages"]]
        return languages, [_base(language) for language in languages]
    detected = detect(text)
    if not detected:
        raise ApiError("LANGUAGE_DETECTION_FAILED", "Unable to detect language")
    return detected[:1], detected


def _base(language: str) -> str:
    """Return the language of a code with a region: fr of fr-CA."""
    return language.partition("-")[0].lower()


def _unsupported_language(name: str, languages: Sequence[str], *, named: bool) -> ApiError:
    found = {"requestedLanguages" if named else "detectedLanguages": languages, "attribute": name}
    return ApiError(
        "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
        f"Attribute {name} does not support request languages: {', '.join(languages)}",
        languageNotSupportedByAttributeError=found,
    )


def _sentences(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each sentence of *text* with its place, in UTF-16 units as the protocol counts."""
    begin = place = 0
    for number, found in enumerate(SENTENCE.finditer(text), start=1):
        sentence = found.group() if number < MOST_SENTENCES else text[found.start() :]
        begin += _units(text[place : found.start()])
        end = begin + _units(sentence)
        yield begin, end, sentence
        if number == MOST_SENTENCES:
            return
        begin, place = end, found.end()


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _score(value: float) -> dict[str, Any]:
    return {"value": value, "type": PROBABILITY}


def _token(asked: Mapping[str, Any]) -> dict[str, str]:
    token = storable(asked.get("clientToken") or "", 1000)
    return {"clientToken": token} if token else {}


def _external_id(asked: Mapping[str, Any]) -> str | None:
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


def _own_host() -> str:
    """Return where this service is, as long as nobody configured it: the caller's word only for this very machine."""
    settings = state().settings
    return request.host if admission.is_local() else f"{settings.host}:{settings.port}"
