"""Errors as RFC 9457 problems in French: one shape for whatever went wrong, and nothing of what was sent in it."""

from collections.abc import Mapping
from typing import Any

from flask import Flask, g, json, request
from werkzeug import Response
from werkzeug.exceptions import HTTPException, InternalServerError

from service.logs import log
from service.store import StoreError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
TITLES: Mapping[int, tuple[str, str, str]] = {
    400: ("unreadable", "Requête illisible", "Le corps de la requête ne peut pas être lu."),
    401: ("unauthorized", "Clé requise", "Envoyez la clé de votre site : Authorization: Bearer …"),
    403: ("forbidden", "Interdit", "Vous n'avez pas le droit de faire cela."),
    404: ("not-found", "Introuvable", "Il n'y a rien à cette adresse."),
    405: ("method-not-allowed", "Méthode non autorisée", "Cette adresse n'accepte pas cette méthode."),
    408: ("timeout", "Délai dépassé", "La requête n'est pas arrivée entière à temps."),
    409: ("conflict", "Déjà décidé", "Un verdict a déjà été rendu."),
    413: ("too-large", "Requête trop volumineuse", "Le corps de la requête dépasse la taille autorisée."),
    415: ("unsupported-media-type", "Type de contenu non pris en charge", "Envoyez du JSON en UTF-8."),
    422: ("invalid", "Données invalides", "Certains champs manquent ou ne sont pas valides."),
    429: ("too-many", "Trop de demandes", "Trop de commentaires à la fois. Réessayez un peu plus tard."),
    500: ("internal", "Erreur interne", "Une erreur inattendue s'est produite. Donnez l'identifiant de la requête à "
          "l'administrateur."),
    503: ("unavailable", "Service indisponible", "La base de données ne répond pas, rien n'est gardé. Réessayez."),
}  # fmt: skip
"""Status to the last part of its type, its title and its usual detail."""


class Problem(HTTPException):
    """An error to be told to the caller.

    *errors* maps the name of a field to its messages (or, inside an object, to such a map).
    """

    def __init__(
        self,
        code: int,
        detail: str | None = None,
        errors: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.errors = errors
        self.headers = headers or {}


def init_app(app: Flask) -> None:
    """Render every error of *app* as a problem."""
    app.register_error_handler(HTTPException, respond)
    app.register_error_handler(StoreError, _database)
    app.register_error_handler(Exception, _unforeseen)


def body(code: int, detail: str | None = None, errors: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the members of a problem of status *code*."""
    kind, title, usual = TITLES.get(code, ("error", "Erreur", "La requête n'a pas pu être traitée."))
    problem: dict[str, Any] = {
        "type": f"urn:vigie:problem:{kind}",
        "title": title,
        "status": code,
        "detail": detail or usual,
        "request_id": g.get("request_id"),
    }
    return problem | ({"errors": errors} if errors else {})


def respond(error: HTTPException) -> Response:
    """Return *error* as a problem, with the headers that belong to it (Allow, Retry-After)."""
    code = error.code or 500
    response = Response.force_type(error.get_response(), request.environ)
    if code >= 400:  # a redirect is an HTTPException too
        told = (error.description, error.errors) if isinstance(error, Problem) else (None, None)
        response.set_data(json.dumps(body(code, *told)))
        response.content_type = MEDIA_TYPE
        response.headers.extend(error.headers if isinstance(error, Problem) else {})
    return response


def _database(error: StoreError) -> Response:
    log.error("database", fault=str(error))
    response = respond(Problem(503))
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _unforeseen(error: Exception) -> Response:
    log.error("unforeseen", exc_info=error)
    return respond(InternalServerError())
