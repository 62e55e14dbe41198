"""The page to try Vigie: an article with a comment form, answered as a news site would answer its reader."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from flask import Blueprint, json, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

from service import bodies, intake, problems
from service.admission import is_local
from service.logs import log
from service.marks import marked
from service.problems import Problem
from service.settings import ROOT
from service.state import state
from service.store import StoreError

blueprint = Blueprint("try_page", __name__)
ARTICLE = {"id": "essai", "title": "Kim Jong-un reçu par Vladimir Poutine en Extrême-Orient russe"}
CODE = {
    "javascript": ROOT / "service" / "static" / "essai.js",
    "python": ROOT / "integrations" / "python" / "vigie_comment.py",
}
"""Files that the page shows as they are: what a developer copies is what runs here, or in a test."""


@blueprint.before_request
def refuse_strangers() -> None:
    if not is_served():
        raise Problem(404)


@blueprint.app_context_processor
def address() -> dict[str, Any]:
    """Let every template link to the page, where it is served."""
    return {"try_page": url_for("try_page.show") if is_served() else None}


@blueprint.get("/")
def welcome() -> ResponseReturnValue:
    return redirect(url_for("try_page.show"))


@blueprint.get("/essai")
def show() -> ResponseReturnValue:
    return _page({})


@blueprint.post("/essai")
def submit() -> ResponseReturnValue:
    """Do what a news site does with its form: ask for a judgement, then tell the author what becomes of the comment."""
    sent: dict[str, Any] = {}
    try:
        sent = _form()
        received = state().comment_schema.load(sent | {"article": ARTICLE})
        outcome = intake.take(state().sites[state().settings.site], [received])[0]
    except ValidationError as error:
        return _page(sent, problem=problems.body(422, errors=error.messages_dict)), 422
    except HTTPException as error:
        code, detail = error.code or 400, error.description if isinstance(error, Problem) else None
        return _page(sent, problem=problems.body(code, detail)), code
    except StoreError as error:
        log.error("database", fault=str(error))
        return _page(sent, problem=problems.body(503)), 503
    return _page(sent, judgement=outcome.shown()), outcome.status


def is_served() -> bool:
    """Say whether this request may see the page: always, never, or when it comes from this very machine."""
    settings = state().settings
    if settings.try_page != "loopback":
        return settings.try_page == "on"
    return is_local()


def _form() -> dict[str, Any]:
    if request.mimetype != bodies.FORM:
        raise Problem(415, "Envoyez le formulaire de cette page.")
    return bodies.read(state().settings.max_body_bytes, form=True)


def _page(
    sent: Mapping[str, Any], *, judgement: Mapping[str, Any] | None = None, problem: Mapping[str, Any] | None = None
) -> str:
    values = {name: value for name, value in sent.items() if isinstance(value, str)}
    return render_template(
        "try_page.html",
        article=ARTICLE,
        values=values,
        judgement=judgement,
        pieces=marked(values["comment"], judgement["reasons"]) if judgement else (),
        answer=json.dumps(judgement, indent=2),
        problem=problem or {},
        code=_code(),
    )


@cache
def _code() -> Mapping[str, str]:
    return {name: path.read_text("utf-8") for name, path in CODE.items()}
