"""The door of the console: who comes in, what is refused, and how it is told."""

import hmac
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import unquote

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from service import accounts, problems
from service.accounts import ThrottledError
from service.console.page import common, now, render, sent, sent_values, who
from service.logs import log
from service.problems import Problem
from service.state import state
from service.store import StoreError

blueprint = Blueprint("console", __name__, url_prefix="/moderation")
COOKIE = "vigie_session"
View = Callable[..., ResponseReturnValue]


@blueprint.before_request
def begin() -> ResponseReturnValue | None:
    """Know who asks: everything but signing in needs a session, everything that changes something its form token."""
    g.session, g.site = None, None
    request.max_content_length = state().settings.max_body_bytes
    if any("\0" in value for value in (request.full_path, unquote(request.full_path), *sent_values())):
        raise Problem(422, "Un texte contient un caractère interdit.")
    chosen = request.args.get("site")
    g.site = chosen if chosen in state().sites else None
    g.session = accounts.session_of(state().engine, request.cookies.get(COOKIE), now())
    if request.method == "POST":
        _refuse_other_sites()
    if request.endpoint == "console.sign_in":
        return None
    if g.session is None:
        return redirect(url_for("console.sign_in", suite=request.full_path if request.method == "GET" else None))
    if request.method == "POST" and not hmac.compare_digest(
        sent().get("form_token", "").encode(), g.session.form_token.encode()
    ):
        raise Problem(403, "Ce formulaire n'est plus valable : rechargez la page.")
    return None


@blueprint.after_request
def keep_nothing(response: Response) -> Response:
    """No proxy and no browser keeps a page of the console."""
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.errorhandler(HTTPException)
def told(error: HTTPException) -> ResponseReturnValue:
    code = error.code or 500
    if code < 400:
        return error.get_response()
    body = problems.body(code, error.description if isinstance(error, Problem) else None)
    return render_template("moderation/problem.html", problem=body, **common(bare=True)), code


@blueprint.errorhandler(StoreError)
def database(error: StoreError) -> ResponseReturnValue:
    log.error("database", fault=str(error))
    g.session = None
    body = problems.body(503, "La base de données ne répond pas, rien n'a été enregistré. Réessayez.")
    return render_template("moderation/problem.html", problem=body, **common(bare=True)), 503


def administrators_only(view: View) -> View:
    @wraps(view)
    def guarded(*given: Any, **named: Any) -> ResponseReturnValue:
        if g.session.moderator.role != "administrator":
            raise Problem(403, "Cette page est réservée aux administrateurs.")
        return view(*given, **named)

    return guarded


@blueprint.route("/connexion", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    if request.method == "GET":
        return render("sign_in", message=None, name="", suite=request.args.get("suite", ""))
    form = sent()
    name, suite = form.get("name", "").strip(), form.get("suite", "")
    try:
        begun = accounts.sign_in(state().engine, name, form.get("password", ""), request.remote_addr, now())
    except ThrottledError:
        message = "Trop d'essais manqués : réessayez dans un quart d'heure."
        return render("sign_in", message=message, name=name, suite=suite), 429, {"Retry-After": "900"}
    if begun is None:
        return render("sign_in", message="Nom ou mot de passe inconnu.", name=name, suite=suite), 403
    inside = suite if suite.startswith("/moderation/") and suite.isprintable() else url_for("console.waiting")
    answer = redirect(inside)
    secure = request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"
    answer.set_cookie(COOKIE, begun.secret, path="/moderation", httponly=True, samesite="Strict", secure=secure)
    return answer


@blueprint.post("/deconnexion")
def sign_out() -> ResponseReturnValue:
    accounts.sign_out(state().engine, request.cookies[COOKIE], who(), now())
    answer = redirect(url_for("console.sign_in"))
    answer.delete_cookie(COOKIE, path="/moderation")
    return answer


def _refuse_other_sites() -> None:
    """Refuse a form that another site's page has sent."""
    origin = request.headers.get("Origin")
    foreign = origin is not None and origin.partition("://")[2] != request.host
    if foreign or request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise Problem(403, "Ce formulaire vient d'un autre site.")
