"""What an operator's machines ask: is it alive, is it ready, what are its figures."""

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields

from service import store
from service.metrics import CONTENT_TYPE
from service.openapi import Answer, describe
from service.state import state

blueprint = Blueprint("probes", __name__)


class HealthSchema(Schema):
    status = fields.String(required=True)


class ReadySchema(HealthSchema):
    model = fields.String(required=True)
    policy = fields.String(required=True)


@blueprint.get("/healthz")
@describe("Le processus répond-il ?", answers={200: Answer("Oui", HealthSchema)})
def healthz() -> ResponseReturnValue:
    return {"status": "ok"}


@blueprint.get("/readyz")
@describe(
    "Peut-on lui envoyer des commentaires ?",
    about="Oui quand le modèle est chargé et que la base de données peut être écrite.",
    answers={200: Answer("Oui", ReadySchema)},
    problems=(503,),
)
def readyz() -> ResponseReturnValue:
    store.check(state().engine)
    return {"status": "ok", "model": state().moderation.model.version, "policy": state().moderation.policy.version}


@blueprint.get("/metrics")
@describe("Les mesures, pour Prometheus", answers={200: Answer("Format texte 0.0.4", media_type="text/plain")})
def metrics() -> ResponseReturnValue:
    return Response(state().metrics.exposition(), content_type=CONTENT_TYPE)
