"""The try page as a browser without JavaScript meets it, who may see it, and the code that it shows."""

import dataclasses
import html
import importlib.util
import json
import re
import socket
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service import store
from service.marks import marked
from service.policy import Limits, Policy
from service.schemas import COMMENT_MISSING, NAME_MISSING
from service.settings import ROOT
from service.store import StoreError
from tests.loopback import served

GOOD = {"name": "Zoé", "comment": "Merci pour cet article."}
HELD = {"name": "Zoé", "comment": "Quel connard, ce <b>ministre</b> 😀 !"}


class Elements(HTMLParser):
    """The start tags of a page, and the text inside the element of each id."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.inside: dict[str, str] = {}
        self._open: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        if tag not in {"meta", "link", "input", "col", "rect"}:
            self._open.append((tag, attributes.get("id")))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for _, place in self._open:
            if place:
                self.inside[place] = self.inside.get(place, "") + data


def replace_state(app: Flask, **changes: Any) -> None:
    app.extensions["vigie"] = dataclasses.replace(app.extensions["vigie"], **changes)


def set_policy(app: Flask, *, attributes: dict[str, Limits] | None = None, signals: dict[str, Limits]) -> None:
    moderation = dataclasses.replace(
        app.extensions["vigie"].moderation, policy=Policy("of-this-test", attributes or {}, signals)
    )
    replace_state(app, moderation=moderation)


def set_settings(app: Flask, **settings: Any) -> None:
    replace_state(app, settings=dataclasses.replace(app.extensions["vigie"].settings, **settings))


def test_the_front_door_leads_to_the_page(client: FlaskClient) -> None:
    answer = client.get("/")

    assert 302 == answer.status_code
    assert "/essai" == answer.location


def test_a_newcomer_sees_an_article_and_the_form(client: FlaskClient) -> None:
    page = client.get("/essai").text

    assert '<html lang="fr">' in page
    assert "LAISSER UN COMMENTAIRE" in page
    words = re.sub(r"<[^>]+>", " ", page.split("<article>")[1].split("</article>")[0])
    assert 300 <= len(html.unescape(words).split()) <= 450


def test_every_field_has_a_label_and_a_place_for_its_message(client: FlaskClient) -> None:
    tags = Elements(client.get("/essai").text).tags
    ids = {attributes.get("id") for _, attributes in tags}
    labelled = {attributes.get("for") for tag, attributes in tags if tag == "label"}
    fields = [attributes for tag, attributes in tags if tag in {"input", "textarea"}]

    assert ["comment", "name", "email", "url"] == [field["name"] for field in fields]
    assert {field["id"] for field in fields} == labelled
    assert {field["aria-describedby"] for field in fields} <= ids


@pytest.mark.parametrize("path", ["/essai", "/docs"])
def test_a_page_holds_no_inline_code_and_loads_nothing_from_outside(client: FlaskClient, path: str) -> None:
    for tag, attributes in Elements(client.get(path).text).tags:
        assert tag != "style"
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        if tag == "script":
            assert attributes["src"].startswith("/static/")
        for name in ("src", "href", "action"):
            assert re.match(r"[/#](?!/)|$", attributes.get(name, ""))
    for file in re.findall(r'/static/[^"]+', client.get(path).text):
        with client.get(file) as answer:
            assert 200 == answer.status_code


def test_both_messages_stand_beside_their_fields(client: FlaskClient) -> None:
    answer = client.post("/essai", data={"name": " ", "comment": "\u200b", "email": "", "url": ""})
    elements = Elements(answer.text)

    assert 422 == answer.status_code
    assert answer.content_type.startswith("text/html")
    assert NAME_MISSING == elements.inside["name-message"]
    assert COMMENT_MISSING == elements.inside["comment-message"]
    wrong = [attributes["id"] for _, attributes in elements.tags if attributes.get("aria-invalid") == "true"]
    assert ["comment", "name"] == wrong


def test_what_was_typed_is_kept(client: FlaskClient) -> None:
    sent = {"name": 'Zoé "<b>"', "comment": "\nDeux\nlignes </textarea>", "email": "faux", "url": "https://a.example/"}
    answer = client.post("/essai", data=sent)
    elements = Elements(answer.text)

    assert 422 == answer.status_code
    assert "électronique" in elements.inside["email-message"]
    values = {a["name"]: a["value"] for tag, a in elements.tags if tag == "input"}
    assert {"name": sent["name"], "email": sent["email"], "url": sent["url"]} == values
    assert "\n" + sent["comment"] == elements.inside["comment"]  # a browser drops the first line break


def test_a_good_comment_is_published_and_stored(app: Flask, client: FlaskClient) -> None:
    set_policy(app, signals={})
    answer = client.post("/essai", data={**GOOD, "email": "", "url": ""})
    shown = Elements(answer.text).inside["result"]
    judgement = json.loads(shown[shown.index("{") : shown.rindex("}") + 1])

    assert 201 == answer.status_code
    assert "Publié" in shown
    assert GOOD["comment"] in shown
    with app.app_context():
        kept = store.find(app.extensions["vigie"].engine, "default", id=judgement["id"])
    assert kept is not None
    assert (GOOD["name"], GOOD["comment"]) == (kept.comment.name, kept.comment.text)
    assert kept.comment.article.title is not None


@pytest.mark.parametrize(
    ("limits", "outcome"), [(Limits(hold=1), "En attente de modération"), (Limits(hold=1, reject=1), "Refusé")]
)
def test_the_panel_says_what_a_site_would_do_and_why(
    app: Flask, client: FlaskClient, limits: Limits, outcome: str
) -> None:
    set_policy(app, signals={"insult_words": limits})
    answer = client.post("/essai", data=HELD)
    shown = Elements(answer.text).inside["result"]

    assert 201 == answer.status_code
    assert outcome in shown
    assert "Le commentaire contient une injure." in shown
    assert "<mark>connard</mark>" in answer.text
    assert "ce &lt;b&gt;ministre&lt;/b&gt; 😀 !" in answer.text
    assert "of-this-test" in shown


def test_a_score_is_shown_against_its_threshold(app: Flask, client: FlaskClient) -> None:
    set_policy(app, attributes={"toxicity": Limits(hold=1e-6)}, signals={})
    page = client.post("/essai", data=HELD).text
    score = app.extensions["vigie"].moderation.model.score([HELD["comment"]])[0]["toxicity"]

    assert f'<span class="score">{score:.2f}</span>'.replace(".", ",") in page
    assert '<span class="threshold">0,00</span>' in page
    assert f'class="bar-score" y="1" width="{100 * score}"' in page


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (400, {"data": {"name": ["a", "b"]}}),
        (400, {"data": b"name=%ff", "content_type": "application/x-www-form-urlencoded"}),
        (413, {"data": {"name": "x" * 2_000_000}}),
        (415, {"json": GOOD}),  # half a surrogate pair could be written in JSON, and in no page
        (415, {"data": {"name": "x"}, "content_type": "multipart/form-data"}),
        (422, {"data": {"name[first]": "x", "comment": "x"}}),
        (422, {"data": {**GOOD, "bogus": "x"}}),
    ],
)
def test_what_cannot_be_read_is_said_on_the_page(client: FlaskClient, status: int, sent: dict[str, Any]) -> None:
    answer = client.post("/essai", **sent)

    assert status == answer.status_code
    assert answer.content_type.startswith("text/html")
    assert Elements(answer.text).inside["form-message"].strip()


def test_a_silent_database_is_said_on_the_page(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("down")

    monkeypatch.setattr(store, "add", fail)
    answer = client.post("/essai", data=GOOD)

    assert 503 == answer.status_code
    assert "base de données" in Elements(answer.text).inside["form-message"]
    assert GOOD["comment"] in Elements(answer.text).inside["comment"]


@pytest.mark.parametrize(
    ("seen", "chosen", "address", "headers"),
    [
        (True, {}, "127.0.0.1", {}),
        (True, {}, "::1", {}),
        (False, {}, "127.0.0.1", {"Host": "vigie.example"}),  # a page may let its own name lead to this machine
        (True, {"host": "0.0.0.0"}, "127.0.0.1", {"Host": "localhost:8000"}),
        (True, {"host": "0.0.0.0"}, "::1", {"Host": "[::1]:8000"}),
        (True, {"try_page": "on", "host": "0.0.0.0"}, "203.0.113.7", {"X-Forwarded-For": "203.0.113.7"}),
        (False, {"try_page": "off"}, "127.0.0.1", {}),
        (False, {}, "203.0.113.7", {}),
        (False, {}, "", {}),  # a Unix socket
        (False, {"host": "0.0.0.0"}, "127.0.0.1", {"Host": "vigie.example"}),
        (False, {"host": "0.0.0.0"}, "127.0.0.1", {"Host": "127.0.0.1.vigie.example"}),
        (False, {}, "127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}),
        (False, {}, "127.0.0.1", {"X-Real-IP": "203.0.113.7"}),
        (False, {}, "127.0.0.1", {"Forwarded": "for=203.0.113.7"}),
    ],
)
def test_the_page_is_for_this_machine_unless_the_setting_says_otherwise(
    app: Flask, client: FlaskClient, seen: bool, chosen: dict[str, Any], address: str, headers: dict[str, str]
) -> None:
    set_settings(app, **chosen)
    for path, status in (("/", 302), ("/essai", 200)):
        answer = client.get(path, headers=headers, environ_base={"REMOTE_ADDR": address})
        assert (status if seen else 404) == answer.status_code
        assert seen or answer.content_type == "application/problem+json"
    posted = client.post("/essai", data=GOOD, headers=headers, environ_base={"REMOTE_ADDR": address})
    assert (201 if seen else 404) == posted.status_code


def test_the_documentation_links_to_the_page_only_where_it_is_served(app: Flask, client: FlaskClient) -> None:
    assert 'href="/essai"' in client.get("/docs").text
    set_settings(app, try_page="off")
    assert 'href="/essai"' not in client.get("/docs").text


@pytest.mark.parametrize(
    ("spans", "pieces"),
    [
        ([], ["a b c"]),
        ([(0, 1)], ["", "[a]", " b c"]),
        ([(2, 3), (0, 1)], ["", "[a]", " ", "[b]", " c"]),
        ([(0, 3), (2, 5)], ["", "[a b]", "", "[ c]", ""]),  # they overlap
        ([(0, 5), (2, 3)], ["", "[a b c]", ""]),  # one inside another
        ([(0, 1), (0, 1)], ["", "[a]", " b c"]),  # two reasons show the same word
    ],
)
def test_the_words_that_reasons_show_are_marked_once(spans: list[tuple[int, int]], pieces: list[str]) -> None:
    reasons = [{"spans": [{"begin": begin, "end": end}]} for begin, end in spans]

    assert pieces == [f"[{piece}]" if shown else piece for piece, shown in marked("a b c", reasons)]


def test_the_code_that_is_shown_is_the_code_that_runs(client: FlaskClient) -> None:
    page = html.unescape(client.get("/essai").text)

    with client.get("/static/essai.js") as script:
        assert script.get_data(as_text=True).strip() in page
    assert (ROOT / "integrations/python/vigie_comment.py").read_text("utf-8").strip() in page
    assert "curl http://localhost/v1/comments" in page


def test_the_words_of_the_seed_are_written_in_one_place_only() -> None:
    for folder in ("templates", "static"):
        for path in filter(Path.is_file, (ROOT / "service" / folder).rglob("*")):
            assert "S'il vous pla" not in path.read_text("utf-8")


def test_the_documentation_tells_every_operation_and_every_field(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document is not None
    page = Elements(client.get("/docs").text)
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    links = {a["href"] for tag, a in page.tags if tag == "a" and a["href"].startswith("#")}

    assert {link[1:] for link in links} <= ids
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                told = page.inside[operation["operationId"]]
                assert {method.upper(), path} <= set(told.split())
                assert all(status in told for status in operation["responses"])
    for name, schema in document["components"]["schemas"].items():
        assert name in ids
        told = page.inside[name] if name != "Article" else page.inside["Comment"]
        assert all(field in told for field in schema["properties"])


def test_the_example_answer_of_the_documentation_has_the_form_of_an_answer(client: FlaskClient) -> None:
    page = Elements(client.get("/docs").text)
    example = json.loads(page.inside["example"])
    answer = client.post("/v1/comments", json=GOOD).json
    assert answer is not None
    document = client.get("/openapi.json").json
    assert document is not None

    assert answer.keys() == example.keys()
    assert document["components"]["schemas"]["Reason"]["properties"].keys() == example["reasons"][0].keys()
    span = example["reasons"][0]["spans"][0]
    sent = json.loads(re.findall(r"-d '(.+?)'", html.unescape(client.get("/docs").text))[0])
    assert span["text"] == sent["comment"][span["begin"] : span["end"]]


@pytest.fixture(scope="module")
def integration() -> ModuleType:
    path = ROOT / "integrations" / "python" / "vigie_comment.py"
    spec = importlib.util.spec_from_file_location("vigie_comment", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name="served")
def address(app: Flask) -> Iterator[str]:
    with served(app) as where:
        yield where


def test_a_python_site_gets_the_judgement(app: Flask, served: str, integration: ModuleType) -> None:
    set_policy(app, signals={"insult_words": Limits(hold=1)})

    assert "accept" == integration.moderate(**GOOD, base_url=served)["decision"]
    held = integration.moderate(**HELD, base_url=f"{served}/", article={"id": "7"}, external_id="12")
    assert "hold" == held["decision"]
    assert ["insult_words"] == [reason["code"] for reason in held["reasons"]]


def test_a_python_site_gets_the_messages_for_its_form(served: str, integration: ModuleType) -> None:
    with pytest.raises(integration.InvalidCommentError) as raised:
        integration.moderate("", " ", base_url=served)

    assert {"name": [NAME_MISSING], "comment": [COMMENT_MISSING]} == raised.value.errors


def test_a_python_site_holds_the_comment_when_vigie_is_not_there(
    integration: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        answer = integration.moderate(**GOOD, base_url=f"http://127.0.0.1:{taken.getsockname()[1]}", timeout=1)

    assert {"decision": "hold", "reasons": [], "id": None} == answer
    assert GOOD["comment"] not in caplog.text


@pytest.mark.parametrize(
    "said",
    [
        b"",  # hangs up
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<htm>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
        b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"decision": "burn"}',
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\n<htm>",
        b'HTTP/1.1 503 Down\r\nContent-Length: 15\r\n\r\n{"status": 503}',
        None,  # never answers
    ],
)
def test_a_python_site_holds_the_comment_when_vigie_makes_no_sense(integration: ModuleType, said: bytes | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        done = threading.Event()

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                if said is None:
                    done.wait(5)
                else:
                    connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        held = integration.moderate(**GOOD, base_url=url, timeout=0.3)
        done.set()
        thread.join()

    assert "hold" == held["decision"]
