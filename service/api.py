"""The API for sites: blueprint /v1. It translates HTTP to the core and back; it judges nothing."""

import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, current_app, g, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, ValidationError

from service import admission, bodies, intake, store
from service.admission import Fault, RefusedError
from service.answers import ErasedSchema, KeptSchema, ModelSchema, PolicySchema, ResultsSchema
from service.domain import Submission
from service.intake import Outcome, TooOftenError
from service.logs import log
from service.openapi import OPERATIONS, Answer, describe
from service.problems import Problem, respond
from service.schemas import (
    MOST_COMMENTS,
    AuthorSchema,
    GivenSchema,
    JudgementSchema,
    Received,
    VerdictSchema,
)
from service.state import state
from service.store import StoreError, acts, labels
from service.store.acts import Who
from service.store.verdicts import AlreadyJudgedError, Given, GoneError

blueprint = Blueprint("v1", __name__, url_prefix="/v1")
REFUSALS = {
    Fault.stranger: "Vigie n'a encore aucune clé et ne répond qu'à sa propre machine. Créez-en une : vigie key new.",
    Fault.missing: None,
    Fault.unknown: "Cette clé est inconnue ou révoquée.",
    Fault.scope: "Cette clé n'a pas la portée qu'il faut pour cet appel.",
    Fault.rate: "Cette clé a envoyé trop de commentaires en une minute. Réessayez un peu plus tard.",
}
LATER_SECONDS = 60
EXAMPLE = {"name": "Claire", "comment": "Merci pour cet article, clair et bien documenté."}
BAD_BODY = (400, 413, 415, 422)


@blueprint.before_request
def admit() -> None:
    """Know for which site the caller's key speaks, and that it may do what this view does."""
    view = current_app.view_functions[request.endpoint or ""]
    counted = 0 if view is batch else 1  # the batch counts its own
    g.site = admission.admit(_key(), OPERATIONS[view].scope or "judge", counted)


@blueprint.errorhandler(RefusedError)
def refused(error: RefusedError) -> ResponseReturnValue:
    if error.fault is Fault.scope:
        return respond(Problem(403, REFUSALS[error.fault]))
    if error.fault is Fault.rate:
        return respond(Problem(429, REFUSALS[error.fault], headers={"Retry-After": str(error.retry_after)}))
    return respond(Problem(401, REFUSALS[error.fault], headers={"WWW-Authenticate": "Bearer"}))


@blueprint.errorhandler(TooOftenError)
def too_often(error: TooOftenError) -> ResponseReturnValue:
    detail = "Trop de commentaires du même auteur ou de la même adresse en une minute : celui-ci n'est pas gardé."
    return respond(Problem(429, detail, headers={"Retry-After": str(LATER_SECONDS)}))


@blueprint.post("/comments")
@describe(
    "Soumettre un commentaire",
    about="Juge le commentaire et le conserve. Le même `external_id` rend le premier jugement, sans en refaire un ;"
    " avec `edited`, une version qui dit autre chose est jugée à son tour.",
    answers={
        201: Answer("Jugé et conservé", JudgementSchema),
        200: Answer("Déjà jugé (`external_id`), ou jugé sans être conservé (`store: false`)", JudgementSchema),
    },
    problems=(*BAD_BODY, 503),
    media_types=(bodies.JSON, bodies.FORM),
    body="Comment",
    example=EXAMPLE,
    scope="judge",
)
def submit() -> ResponseReturnValue:
    outcome = intake.take(g.site, [_received()], throttles=True)[0]
    return outcome.shown(), outcome.status


@blueprint.post("/comments:preview")
@describe(
    "Essayer un commentaire",
    about="La même réponse, sans rien conserver : pour prévenir l'auteur avant qu'il n'envoie son texte.",
    answers={200: Answer("Jugé, rien n'est conservé", JudgementSchema)},
    problems=BAD_BODY,
    media_types=(bodies.JSON, bodies.FORM),
    body="Comment",
    example=EXAMPLE,
    scope="judge",
)
def preview() -> ResponseReturnValue:
    return Outcome(intake.judge(g.site, [_received().comment])[0]).shown()


@blueprint.post("/comments:batch")
@describe(
    "Soumettre plusieurs commentaires",
    about=f"Jusqu'à {MOST_COMMENTS} commentaires, chacun avec son résultat : un invalide n'arrête pas les autres."
    " Au-delà de 200 commentaires retenus dans un envoi, les mots qui font monter un score ne sont plus montrés.",
    answers={200: Answer("Un résultat par commentaire, dans l'ordre", ResultsSchema)},
    problems=(*BAD_BODY, 503),
    media_types=(bodies.JSON,),
    body="Batch",
    example={"comments": [EXAMPLE]},
    scope="judge",
)
def batch() -> ResponseReturnValue:
    loaded: list[Received | Problem] = []
    members = _members(bodies.read(state().settings.max_batch_bytes, form=False))
    admission.admit(_key(), "judge", len(members))
    for member in members:
        try:
            loaded.append(_load(member))
        except Problem as problem:
            loaded.append(problem)
    outcomes = iter(intake.take(g.site, [member for member in loaded if isinstance(member, Received)]))
    return {"results": [_result(member if isinstance(member, Problem) else next(outcomes)) for member in loaded]}


@blueprint.get("/comments/<id>")
@describe(
    "Relire un jugement",
    about="Le jugement tel qu'il a été rendu, jamais réécrit. Le texte et l'auteur ne sont pas renvoyés.",
    answers={200: Answer("Le jugement", JudgementSchema)},
    problems=(404, 503),
    scope="judge",
)
def find(id: str) -> ResponseReturnValue:
    submission = _submission(id)
    return Outcome(submission.judgement, submission.id).shown()


@blueprint.post("/comments/<id>/verdict")
@describe(
    "Rendre un verdict",
    about="Ce qu'une personne a décidé : le commentaire quitte la file d'attente, et le prochain modèle en apprend."
    " Le même verdict envoyé deux fois n'est gardé qu'une fois ; un autre n'écrase pas le premier, sauf avec"
    " `replace` : le premier est alors annulé, et l'historique garde les deux.",
    answers={201: Answer("Gardé", GivenSchema), 200: Answer("Déjà rendu, le même", GivenSchema)},
    problems=(*BAD_BODY, 404, 409, 503),
    media_types=(bodies.JSON,),
    body="Verdict",
    example={"decision": "reject", "reason": "OFFENSIVE"},
    scope="verdict",
)
def judge(id: str) -> ResponseReturnValue:
    submission = _submission(id)
    verdict, replaces = _loaded(VerdictSchema())
    try:
        given, new = intake.decide(g.site, submission.id, verdict, _who(), replaces=replaces)
    except GoneError as error:
        raise Problem(404, "Aucun commentaire n'a cet identifiant.") from error
    except AlreadyJudgedError as error:
        raise Problem(409, "Un autre verdict a déjà été rendu sur ce commentaire.") from error
    return _given(given), 201 if new else 200


@blueprint.post("/authors:export")
@describe(
    "Exporter ce qui est conservé d'un auteur",
    about="Tout ce que Vigie garde des commentaires d'un auteur, le plus ancien d'abord : son droit d'accès.",
    answers={200: Answer("Ce qui est conservé", KeptSchema)},
    problems=(*BAD_BODY, 503),
    media_types=(bodies.JSON,),
    body="Author",
    example={"email": "claire@example.org"},
    scope="author",
)
def export_author() -> ResponseReturnValue:
    wanted: dict[str, str] = _loaded(AuthorSchema())
    acts.note(state().engine, _who(), "author_export", datetime.now(UTC))
    return jsonify(comments=labels.author(state().engine, g.site.name, wanted))


@blueprint.post("/authors:erase")
@describe(
    "Effacer ce qui est conservé d'un auteur",
    about="Efface ses commentaires, leurs jugements et leurs verdicts ; on ne peut pas revenir en arrière.",
    answers={200: Answer("Combien de commentaires ont été effacés", ErasedSchema)},
    problems=(*BAD_BODY, 503),
    media_types=(bodies.JSON,),
    body="Author",
    example={"email": "claire@example.org"},
    scope="author",
)
def erase_author() -> ResponseReturnValue:
    wanted: dict[str, str] = _loaded(AuthorSchema())
    erased = labels.erase_author(state().engine, g.site.name, wanted, _who(), datetime.now(UTC))
    try:
        labels.scrub(state().engine)
    except StoreError as error:  # they are erased; the next `vigie forget` overwrites what still lies beside the file
        log.warning("database", fault=str(error))
    return {"erased": erased}


@blueprint.get("/model")
@describe(
    "Le modèle en service", answers={200: Answer("Version, attributs et fiche du modèle", ModelSchema)}, scope="judge"
)
def model() -> ResponseReturnValue:
    served = state().moderation.model
    told = {name: value for name, value in served.release.items() if name not in {"files", "probes"}}
    return jsonify(version=served.version, attributes=served.attributes, release=told, card=served.card())


@blueprint.get("/policy")
@describe(
    "La politique en service",
    answers={200: Answer("Seuils des attributs et effets des signaux", PolicySchema)},
    scope="judge",
)
def policy() -> ResponseReturnValue:
    served = state().moderation_of(g.site.name).policy
    limits = {
        part: {name: {effect: _finite(getattr(limit, effect)) for effect in effects} for name, limit in table.items()}
        for part, table, effects in (
            ("attributes", served.attributes, ("hold", "reject")),
            ("signals", served.signals, ("hold", "reject", "waive", "throttle")),
        )
    }
    return jsonify(version=served.version, **limits)


def _submission(id: str) -> Submission:
    try:
        uuid.UUID(id)
    except ValueError as error:
        raise Problem(404, "Aucun commentaire n'a cet identifiant.") from error
    submission = store.find(state().engine, g.site.name, id=id)
    if submission is None:
        raise Problem(404, "Aucun commentaire n'a cet identifiant.")
    return submission


def _given(given: Given) -> dict[str, Any]:
    verdict = given.verdict
    about = {"id": given.submission_id, "by": given.actor, "given_at": given.given_at}
    kept = {"decision": verdict.decision.name, "reason": verdict.reason, "labels": dict(verdict.labels)}
    shown: dict[str, Any] = GivenSchema().dump(about | kept)
    return shown


def _key() -> str | None:
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else None


def _who() -> Who:
    return Who(actor="api", address=request.remote_addr)


def _loaded(schema: Schema) -> Any:
    try:
        return schema.load(bodies.read(state().settings.max_body_bytes, form=False))
    except ValidationError as error:
        raise Problem(422, errors=error.messages_dict) from error


def _received() -> Received:
    return _load(bodies.read(state().settings.max_body_bytes, form=True))


def _load(member: Any) -> Received:
    try:
        received: Received = state().comment_schema.load(member)
    except ValidationError as error:
        raise Problem(422, errors=error.messages_dict) from error
    return received


def _members(body: dict[str, Any]) -> list[Any]:
    members = body.get("comments")
    if set(body) != {"comments"} or not isinstance(members, list) or not 1 <= len(members) <= MOST_COMMENTS:
        message = f"Envoyez un objet dont le seul champ, comments, est une liste de 1 à {MOST_COMMENTS} commentaires."
        raise Problem(422, errors={"comments": [message]})
    return members


def _result(result: Outcome | Problem) -> dict[str, Any]:
    if isinstance(result, Problem):
        return {"status": 422, "errors": result.errors}
    return {"status": result.status, "judgement": result.shown()}


def _finite(limit: float) -> float | None:
    return limit if limit < float("inf") else None
