"""What the API answers besides a judgement: the schemas that its description shows."""

from marshmallow import Schema, fields

from service.schemas import JudgementSchema


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


class SignalLimitsSchema(LimitsSchema):
    waive = fields.Float(allow_none=True, metadata={"description": "Ne rien retenir à partir de ; null : jamais"})
    throttle = fields.Float(allow_none=True, metadata={"description": "Répondre 429 à partir de ; null : jamais"})


class KeptSchema(Schema):
    comments = fields.List(fields.Dict(keys=fields.String()), required=True)


class ErasedSchema(Schema):
    erased = fields.Integer(required=True)


class PolicySchema(Schema):
    version = fields.String(required=True)
    attributes = fields.Dict(keys=fields.String(), values=fields.Nested(LimitsSchema), required=True)
    signals = fields.Dict(keys=fields.String(), values=fields.Nested(SignalLimitsSchema), required=True)
