"""Ask Vigie about a comment before publishing it. Standard library only: copy this file into your site."""

import json
import logging
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

log = logging.getLogger(__name__)


class InvalidCommentError(ValueError):
    """The author must mend the form: `errors` maps the name of each wrong field to its messages, in French."""

    def __init__(self, errors: dict[str, Any]) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


def moderate(
    name: str,
    comment: str,
    *,
    base_url: str = "http://127.0.0.1:8000",
    key: str | None = None,
    timeout: float = 3.0,
    **more: Any,
) -> dict[str, Any]:
    """Return Vigie's judgement; its `decision` is "accept" (publish), "hold" (let a moderator see it) or "reject".

    When Vigie cannot be asked, the decision is "hold": no comment is lost, and none is published unseen. *key* is what
    `vigie key new` has shown; *timeout* is in seconds. *more* are the optional fields of the API: article={"url": …},
    external_id=…, email=…, ip=…

    Raises InvalidCommentError when a field is missing or wrong.
    """
    body = json.dumps({"name": name, "comment": comment, **more})
    try:
        status, answer = _post(base_url, "/v1/comments", body, key, timeout)
    except (OSError, HTTPException, ValueError, TypeError) as error:
        status, answer = 0, {"detail": type(error).__name__}
    if answer.get("decision") in {"accept", "hold", "reject"}:
        return answer
    if status == 422:
        raise InvalidCommentError(answer.get("errors", {}))
    log.warning("Vigie did not judge (status %s, %s): the comment is held", status, answer.get("detail"))
    return {"decision": "hold", "reasons": [], "id": None}


def _post(base_url: str, path: str, body: str, key: str | None, timeout: float) -> tuple[int, dict[str, Any]]:
    base = urlsplit(base_url)
    connect = HTTPSConnection if base.scheme == "https" else HTTPConnection
    with closing(connect(base.netloc, timeout=timeout)) as connection:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        connection.request("POST", base.path.rstrip("/") + path, body, headers)
        response = connection.getresponse()
        return response.status, dict(json.load(response))
