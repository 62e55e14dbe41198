"""What the bench compares with: the least that Flask and marshmallow do for such a body, and less than that.

`POST /v1/comments` loads a body of the same shape and dumps it again: no model, no store, no rules. `/bare` is plain
WSGI under the same gunicorn: as fast as the load generator and gunicorn together can be.
"""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields, validate


class ArticleSchema(Schema):
    id = fields.String()
    url = fields.String(validate=validate.URL())
    title = fields.String()


class CommentSchema(Schema):
    name = fields.String(required=True, validate=validate.Length(min=1, max=245))
    comment = fields.String(required=True, validate=validate.Length(min=1, max=65_525))
    email = fields.String(validate=validate.Email())
    article = fields.Nested(ArticleSchema)
    store = fields.Boolean(load_default=True)


flask_app = Flask(__name__)
SCHEMA = CommentSchema()


@flask_app.post("/v1/comments")
def echo() -> ResponseReturnValue:
    return SCHEMA.dump(SCHEMA.load(request.get_json())), 201


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer /bare here, everything else with Flask."""
    if environ["PATH_INFO"] != "/bare":
        return flask_app(environ, start_response)
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("201 Created", [("Content-Type", "application/json"), ("Content-Length", "3")])
    return [b"{}\n"]
