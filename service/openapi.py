"""The description of the API, made from the views themselves: OpenAPI 3.1 as JSON, and a page to read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, Flask, Response, current_app, jsonify, render_template
from marshmallow import Schema, fields

from service.problems import MEDIA_TYPE, TITLES

View = TypeVar("View", bound=Callable[..., Any])
blueprint = Blueprint("openapi", __name__)
ABOUT = (
    "Vigie lit le commentaire d'un lecteur et répond par une décision : `accept` (publier), `hold` (le soumettre à un "
    "modérateur) ou `reject` (refuser), avec des motifs en français. Toutes les erreurs sont des problèmes RFC 9457."
)
KEY = "La clé du site (`vigie key new`). Tant qu'il n'y en a aucune, Vigie ne répond qu'à sa propre machine, sans clé."


class ProblemSchema(Schema):
    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    request_id = fields.String(required=True, allow_none=True)
    errors = fields.Dict(keys=fields.String(), metadata={"description": "Les messages, sous le nom de chaque champ"})


@dataclass(frozen=True, slots=True)
class Answer:
    """One successful answer of a view; no schema means plain text or a page of *media_type*."""

    about: str
    schema: type[Schema] | None = None
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Operation:
    summary: str
    about: str
    answers: Mapping[int, Answer]
    problems: tuple[int, ...]
    media_types: tuple[str, ...]
    body: str | None
    example: Mapping[str, Any] | None
    scope: str | None


OPERATIONS: dict[Callable[..., Any], Operation] = {}


def describe(
    summary: str,
    *,
    answers: Mapping[int, Answer],
    about: str = "",
    problems: tuple[int, ...] = (),
    media_types: tuple[str, ...] = (),
    body: str | None = None,
    example: Mapping[str, Any] | None = None,
    scope: str | None = None,
) -> Callable[[View], View]:
    """Say of a view what it takes (*body*: the name of a schema of the document) and what it answers.

    scope : what a key must be allowed to do, None when no key is asked for.
    """
    if scope is not None:
        problems = (*problems, 401, 403, 429)

    def remember(view: View) -> View:
        OPERATIONS[view] = Operation(summary, about, answers, problems, media_types, body, example, scope)
        return view

    return remember


def document(app: Flask, version: str, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the OpenAPI document of the described views of *app*; *schemas* are those of the bodies, by name."""
    spec = APISpec("Vigie", version, "3.1.0", plugins=[plugin := MarshmallowPlugin(schema_name_resolver=_name)])
    spec.options["info"] = {"description": ABOUT, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}}
    plugin.converter.add_attribute_function(_max_bytes)  # type: ignore[union-attr]
    for name, schema in schemas.items():
        spec.components.schema(name, schema=schema)
    spec.components.schema("Problem", schema=ProblemSchema)
    spec.components.security_scheme("key", {"type": "http", "scheme": "bearer", "description": KEY})
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if view in OPERATIONS:
            method = next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"})).lower()
            path = "".join(f"{{{part}}}" if variable else part for variable, part in rule._trace if part != "|")
            parameters = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 36}}
                for name in sorted(rule.arguments)
            ]
            spec.path(path, operations={method: _operation(rule.endpoint, OPERATIONS[view])}, parameters=parameters)
    written: dict[str, Any] = spec.to_dict()
    return written


@blueprint.get("/openapi.json")
def as_json() -> Response:
    return jsonify(current_app.extensions["vigie.openapi"])


@blueprint.get("/docs")
def as_page() -> str:
    return render_template("docs.html", document=current_app.extensions["vigie.openapi"])


def _operation(endpoint: str, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": endpoint.replace(".", "_"),
        "summary": operation.summary,
        "description": operation.about,
        "responses": {
            str(status): {
                "description": answer.about,
                "content": {answer.media_type: {"schema": answer.schema or {"type": "string"}}},
            }
            for status, answer in operation.answers.items()
        }
        | {
            str(status): {
                "description": TITLES[status][1],
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
            for status in operation.problems
        },
    }
    if operation.scope:
        described["security"] = [{"key": []}, {}]  # {}: this very machine, as long as there is no key
        described["description"] = f"{operation.about} Portée de la clé : `{operation.scope}`.".strip()
    if operation.body:
        content: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{operation.body}"}}
        if operation.example:
            content["example"] = operation.example
        described["requestBody"] = {"required": True, "content": dict.fromkeys(operation.media_types, content)}
    return described


def _name(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return str(kind.__name__).removesuffix("Schema")


def _max_bytes(_converter: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    most = getattr(field, "most_bytes", None)
    return {"maxLength": most} if most else {}
