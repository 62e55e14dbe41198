"""Markup in everything that is stored and shown in the console: it stays text on every page."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from service import keys
from service.accounts import hash_password
from service.store import members, tables

MARKUP = """'"></textarea></title></q><svg onload=taken()><img src=x onerror=taken()><script>taken()</script>"""
PASSWORD = "correcte-agrafe-cheval"
PAGES = {
    "/": 4,
    "/suivant": 9,
    "/commentaires/{id}": 9,
    "/recherche?q={markup}": 8,
    "/essai": 1,
    "/statistiques": 2,
    "/membres": 2,
    "/envois": 2,
    "/modele": 1,
    "/listes": 3,
    "/cles": 3,
    "/?motif={markup}&article={markup}&ordre={markup}&site={markup}": 1,
    "/?faits={markup}&deja={markup}": 6,
}
"""How often a page shows the markup, at least."""


class Elements(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def dangerous(page: str) -> Iterator[str]:
    """Yield what only markup of a stranger would put into a page of ours."""
    for tag, attributes in Elements(page).found:
        if tag in {"img", "iframe", "object", "embed", "base", "style"} or (
            tag == "script" and "src" not in attributes
        ):
            yield tag
        yield from (name for name in attributes if name.startswith("on"))
        for name in ("href", "src", "action"):
            if (attributes.get(name) or "").casefold().startswith(("javascript:", "data:")):
                yield f"{name}={attributes[name]}"


@pytest.fixture
def administrator(app: Flask) -> FlaskClient:
    """Signed in under a name that is markup itself."""
    engine = app.extensions["vigie"].engine
    members.add_moderator(engine, MARKUP[:100], "administrator", hash_password(PASSWORD), datetime.now(UTC))
    client = app.test_client()
    client.post("/moderation/connexion", data={"name": MARKUP[:100], "password": PASSWORD})
    return client


@pytest.fixture
def id(app: Flask, administrator: FlaskClient) -> str:  # noqa: A001 - as the address says
    """A comment that waits, and everything else that is stored, made of markup."""

    def form(path: str, **fields: Any) -> None:
        token = re.search(r'name="form_token" value="([^"]+)"', administrator.get("/moderation/essai").text)
        assert token
        answer = administrator.post(f"/moderation{path}", data={"form_token": token[1], **fields})
        assert answer.status_code < 400, answer.text

    def send(number: str) -> str:
        comment = {
            "name": MARKUP[:200], "comment": f"{MARKUP} Quel connard, ce ministre ! {number}", "author_id": MARKUP,
            "external_id": MARKUP + number, "parent_id": MARKUP, "role": MARKUP[:100], "user_agent": MARKUP,
            "referrer": MARKUP, "honeypot": MARKUP, "url": "http://x/" + MARKUP.replace(" ", "+")[:150],
            "article": {"id": MARKUP, "title": MARKUP, "url": "http://x/" + MARKUP.replace(" ", "+")},
        }  # fmt: skip
        answer = administrator.post("/v1/comments", json=comment)
        if answer.status_code == 422 and answer.json:  # what is no address is not stored in the first place
            assert set(answer.json["errors"]) <= {"url", "article.url"}, answer.json
            comment |= {"url": None, "article": {"id": MARKUP, "title": MARKUP}}
            answer = administrator.post("/v1/comments", json=comment)
        assert answer.json is not None
        assert "hold" == answer.json["decision"]
        return str(answer.json["id"])

    judged, waits = send("1"), send("2")
    words = dict.fromkeys(("legal_ground", "explanation", "note"), MARKUP)
    form(f"/commentaires/{judged}/verdict", decision="reject", reason="SPAM", **words)
    form("/listes", act="add", word=MARKUP[:100], decision="hold")
    form("/cles", act="add", of=app.extensions["vigie"].settings.site, note=MARKUP, scope=keys.USUAL_SCOPES[0])
    with app.extensions["vigie"].engine.begin() as connection:
        connection.execute(
            tables.outbox.insert().values(
                submission_id=judged, body={"x": MARKUP}, written_at=datetime.now(UTC), tries=9, fault=MARKUP
            )
        )  # fmt: skip
        connection.execute(update(tables.acts).values(address=MARKUP[:45]))
    return waits


def test_markup_would_be_seen() -> None:
    assert ["onload", "img", "onerror", "script"] == list(dangerous(MARKUP))
    assert ["href=JavaScript:x"] == list(dangerous("<a href=JavaScript:x>"))


@pytest.mark.parametrize(("path", "least"), PAGES.items())
def test_what_strangers_write_stays_text(
    app: Flask, administrator: FlaskClient, id: str, path: str, least: int
) -> None:
    answer = administrator.get("/moderation" + path.format(id=id, markup=MARKUP), follow_redirects=True)

    assert 200 == answer.status_code
    assert [] == list(dangerous(answer.text))
    assert least <= Elements(answer.text).text.count(MARKUP[:90])
