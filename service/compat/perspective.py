"""Google's Perspective (Comment Analyzer v1alpha1): its clients need nothing but another address.

An analysis keeps nothing, so `doNotStore` is always honoured; scores suggested back become verdicts.
Format: https://developers.perspectiveapi.com/s/about-the-api-methods (until 2026)
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from service import admission, intake
from service.admission import Fault, RefusedError
from service.compat import analyzer
from service.compat.analyzer import NAMES, PROBABILITY, AnalyzeSchema, ApiError, SuggestSchema
from service.compat.html import storable
from service.domain import Comment, Decision, Verdict
from service.logs import log
from service.problems import RETRY_AFTER_SECONDS
from service.state import state
from service.store import StoreError
from service.store.acts import Who
from service.text import is_blank

blueprint = Blueprint("perspective", __name__)
FRENCH = "fr"
TYPE = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"
SENTENCE = re.compile(r"\S[^\n]*?(?:[.!?…]{1,5}[»\")]{0,3}(?=\s)|(?=\n)|\Z)")
MOST_SENTENCES = 50
"""What follows so many sentences is one span: each is scored by itself."""


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
    asked = analyzer.body(AnalyzeSchema())
    text, read = analyzer.texts(asked)
    wanted = analyzer.requested(asked)
    languages, detected = analyzer.languages_of(asked, read)
    refused = g.site.other_languages == "refuse" and FRENCH not in map(analyzer.base, languages)
    if refused and wanted and not asked["dropUnsupportedAttributes"]:
        raise analyzer.unsupported_language(next(iter(wanted)), languages, named=bool(asked["languages"]))
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
    asked = analyzer.body(SuggestSchema())
    _, read = analyzer.texts(asked)
    if is_blank(read):
        raise ApiError("COMMENT_EMPTY", "Comment must be non-empty.")
    suggested = asked["attributeScores"] or {}
    if not suggested:
        raise ApiError("INVALID_REQUEST", "Missing attribute_scores")
    analyzer.names_are_known(suggested)
    labels = {NAMES[name]: int(analyzer.worst(score) >= 0.5) for name, score in suggested.items()}
    languages, detected = analyzer.languages_of(asked, read)
    if g.site.other_languages == "refuse" and FRENCH not in map(analyzer.base, languages):
        raise analyzer.unsupported_language(next(iter(suggested)), languages, named=bool(asked["languages"]))
    comment = Comment(read, external_id=analyzer.external_id(asked))
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


def _own_host() -> str:
    """Return where this service is, as long as nobody configured it: the caller's word only for this very machine."""
    settings = state().settings
    return request.host if admission.is_local() else f"{settings.host}:{settings.port}"
