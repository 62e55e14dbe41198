"""What a request's body says: JSON or a form, decoded strictly, each way of being wrong with its own words."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from flask import request

from service.problems import Problem

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BRACKETS = re.compile(r"(\w+)\[(\w+)\]")
MOST_FIELDS = 100


def read(most_bytes: int, *, form: bool) -> dict[str, Any]:
    """Return the object that the request's body says, at most *most_bytes* long.

    A form is read only where *form* says so; `article[url]` in it stands for the member `url` of `article`.

    Raises Problem: 400 (not UTF-8, empty, malformed, no object), 413 (too large), 415 (another type of content).
    """
    kind = request.mimetype
    if kind not in ((JSON, FORM) if form else (JSON,)):
        raise Problem(415, "Envoyez du JSON (application/json)" + (" ou un formulaire." if form else "."))
    if request.mimetype_params.get("charset", "utf-8").lower().replace("-", "") != "utf8":
        raise Problem(415, "Le corps de la requête doit être en UTF-8.")
    try:
        text = raw(most_bytes).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(400, "Le corps de la requête n'est pas de l'UTF-8 valide.") from error
    if not text.strip():
        raise Problem(400, "Le corps de la requête est vide.")
    return _form(text) if kind == FORM else json_object(text)


def raw(most_bytes: int) -> bytes:
    """Return the request's body as it came, at most *most_bytes* long.

    Raises Problem: 413 (too large), 415 (compressed).
    """
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Problem(415, "Le corps de la requête ne doit pas être compressé.")
    request.max_content_length = most_bytes + 1  # where a body that comes in chunks is cut off without a word
    if len(body := request.get_data()) > most_bytes:
        raise Problem(413)
    return body


def json_object(text: str) -> dict[str, Any]:
    """Return the JSON object that *text* is.

    Raises Problem 400 when it is none.
    """
    try:
        value = json.loads(text, object_pairs_hook=_members, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "Le corps de la requête n'est pas du JSON valide.") from error
    if not isinstance(value, dict):
        raise Problem(400, "Le corps de la requête doit être un objet JSON.")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Problem(400, "Un champ est présent plusieurs fois dans le même objet JSON.")
    return members


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _form(text: str) -> dict[str, Any]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except UnicodeDecodeError as error:
        raise Problem(400, "Le formulaire n'est pas de l'UTF-8 valide.") from error
    except ValueError as error:
        raise Problem(400, f"Le formulaire a plus de {MOST_FIELDS} champs.") from error
    fields: dict[str, Any] = {}
    for name, value in pairs:
        nested = BRACKETS.fullmatch(name)
        place, member = (fields.setdefault(nested[1], {}), nested[2]) if nested else (fields, name)
        if not isinstance(place, dict) or member in place:
            raise Problem(400, "Un champ est présent plusieurs fois dans le formulaire.")
        place[member] = value
    return fields
