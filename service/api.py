"""The API for sites: blueprint /v1. It translates HTTP to the core and back; it judges nothing."""

import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, ValidationError, fields, validate

from service import bodies, intake, store
from service.domain import Submission, Verdict
from service.intake import Outcome
from service.openapi import Answer, describe
from service.problems import Problem
from service.schemas import MOST_COMMENTS, GivenSchema, JudgementSchema, Received, StrictSchema, VerdictSchema
from service.state import state
from service.store import verdicts
from service.store.acts import Who
from service.store.verdicts import AlreadyJudgedError, Given, GoneError

blueprint = Blueprint("v1", __name__, url_prefix="/v1")
EXAMPLE = {"name": "Claire", "comment": "Merci pour cet article, clair et bien documenté."}
BAD_BODY = (400, 413, 415, 422)


class ResultSchema(Schema):
    """What became of one comment of a batch: a judgement, or what is wrong with it."""

    status = fields.Integer(required=True, metadata={"description": "Comme pour un envoi seul : 201, 200 ou 422"})
    judgement = fields.Nested(JudgementSchema)
    errors = fields.Dict(keys=fields.String(), metadata={"description": "Les messages, sous le nom de chaque champ"})


class ResultsSchema(Schema):
    results = fields.List(
        fields.Nested(ResultSchema), required=True, metadata={"description": "Dans l'ordre de l'envoi"}
    )


class ModelSchema(Schema):
    version = fields.String(required=True)
    attributes = fields.List(fields.String(), required=True)
    release = fields.Dict(
        keys=fields.String(), required=True, metadata={"description": "release.json sans ses empreintes"}
    )
    card = fields.String(required=True, metadata={"description": "La fiche du modèle, en Markdown"})


class LimitsSchema(Schema):
    hold = fields.Float(allow_none=True, metadata={"description": "Retenir à partir de ; null : jamais"})
    reject = fields.Float(allow_none=True, metadata={"description": "Refuser à partir de ; null : jamais"})


class PolicySchema(Schema):
    version = fields.String(required=True)
    attributes = fields.Dict(keys=fields.String(), values=fields.Nested(LimitsSchema), required=True)
    signals = fields.Dict(keys=fields.String(), values=fields.Nested(LimitsSchema), required=True)


def body_schemas(comment: Schema) -> dict[str, Schema]:
    """Return the schemas of the bodies that the views take, by the names that `describe` gives them."""

    class BatchSchema(StrictSchema):
        comments = fields.List(
            fields.Nested(comment), required=True, validate=validate.Length(min=1, max=MOST_COMMENTS)
        )

    return {"Comment": comment, "Batch": BatchSchema(), "Verdict": VerdictSchema()}


@blueprint.post("/comments")
@describe(
    "Soumettre un commentaire",
    about="Juge le commentaire et le conserve. Le même `external_id` rend le premier jugement, sans en refaire un.",
    answers={
        201: Answer("Jugé et conservé", JudgementSchema),
        200: Answer("Déjà jugé (`external_id`), ou jugé sans être conservé (`store: false`)", JudgementSchema),
    },
    problems=(*BAD_BODY, 503),
    media_types=(bodies.JSON, bodies.FORM),
    body="Comment",
    example=EXAMPLE,
)
def submit() -> ResponseReturnValue:
    outcome = intake.take([_received()])[0]
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
)
def preview() -> ResponseReturnValue:
    return Outcome(intake.judge([_received().comment])[0]).shown()


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
)
def batch() -> ResponseReturnValue:
    loaded: list[Received | Problem] = []
    for member in _members(bodies.read(state().settings.max_batch_bytes, form=False)):
        try:
            loaded.append(_load(member))
        except Problem as problem:
            loaded.append(problem)
    outcomes = iter(intake.take([member for member in loaded if isinstance(member, Received)]))
    return {"results": [_result(member if isinstance(member, Problem) else next(outcomes)) for member in loaded]}


@blueprint.get("/comments/<id>")
@describe(
    "Relire un jugement",
    about="Le jugement tel qu'il a été rendu, jamais réécrit. Le texte et l'auteur ne sont pas renvoyés.",
    answers={200: Answer("Le jugement", JudgementSchema)},
    problems=(404, 503),
)
def find(id: str) -> ResponseReturnValue:
    submission = _submission(id)
    return Outcome(submission.judgement, submission.id).shown()


@blueprint.post("/comments/<id>/verdict")
@describe(
    "Rendre un verdict",
    about="Ce qu'une personne a décidé : le commentaire quitte la file d'attente, et le prochain modèle en apprend."
    " Le même verdict envoyé deux fois n'est gardé qu'une fois ; un autre verdict n'écrase pas le premier.",
    answers={201: Answer("Gardé", GivenSchema), 200: Answer("Déjà rendu, le même", GivenSchema)},
    problems=(*BAD_BODY, 404, 409, 503),
    media_types=(bodies.JSON,),
    body="Verdict",
    example={"decision": "reject", "reason": "OFFENSIVE"},
)
def judge(id: str) -> ResponseReturnValue:
    submission = _submission(id)
    try:
        verdict: Verdict = VerdictSchema().load(bodies.read(state().settings.max_body_bytes, form=False))
    except ValidationError as error:
        raise Problem(422, errors=error.messages_dict) from error
    who = Who(actor="api", address=request.remote_addr)
    try:
        return _given(verdicts.give(state().engine, submission.id, verdict, who, datetime.now(UTC))), 201
    except GoneError as error:
        raise Problem(404, "Aucun commentaire n'a cet identifiant.") from error
    except AlreadyJudgedError as error:
        standing = error.given.verdict
        if (standing.decision, standing.reason, standing.labels) != (verdict.decision, verdict.reason, verdict.labels):
            raise Problem(409, "Un autre verdict a déjà été rendu sur ce commentaire.") from error
        return _given(error.given), 200


@blueprint.get("/model")
@describe("Le modèle en service", answers={200: Answer("Version, attributs et fiche du modèle", ModelSchema)})
def model() -> ResponseReturnValue:
    served = state().moderation.model
    told = {name: value for name, value in served.release.items() if name not in {"files", "probes"}}
    return jsonify(version=served.version, attributes=served.attributes, release=told, card=served.card())


@blueprint.get("/policy")
@describe("La politique en service", answers={200: Answer("Seuils des attributs et effets des signaux", PolicySchema)})
def policy() -> ResponseReturnValue:
    served = state().moderation.policy
    limits = {
        part: {name: {"hold": _finite(limit.hold), "reject": _finite(limit.reject)} for name, limit in table.items()}
        for part, table in (("attributes", served.attributes), ("signals", served.signals))
    }
    return jsonify(version=served.version, **limits)


def _submission(id: str) -> Submission:
    try:
        uuid.UUID(id)
    except ValueError as error:
        raise Problem(404, "Aucun commentaire n'a cet identifiant.") from error
    submission = store.find(state().engine, state().settings.site, id=id)
    if submission is None:
        raise Problem(404, "Aucun commentaire n'a cet identifiant.")
    return submission


def _given(given: Given) -> dict[str, Any]:
    verdict = given.verdict
    about = {"id": given.submission_id, "by": given.actor, "given_at": given.given_at}
    kept = {"decision": verdict.decision.name, "reason": verdict.reason, "labels": dict(verdict.labels)}
    shown: dict[str, Any] = GivenSchema().dump(about | kept)
    return shown


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
