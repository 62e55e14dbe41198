"""What a site is told of verdicts: signed, once it is true, again when the site was away, and laid aside in the end."""

import dataclasses
import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from service import store, webhooks
from service.accounts import hash_password
from service.domain import Comment, Decision, Judgement, Submission, Verdict
from service.settings import ROOT, Settings
from service.sites import Site as NewsSite
from service.sites import load_sites
from service.store import members, outbox, verdicts
from service.store.acts import Who
from service.webhooks import deliver, signature

SECRET = "a secret of these tests"
NOW = datetime.now(UTC)
ID = "00000000-0000-0000-0000-000000000001"


def told(url: str) -> dict[str, NewsSite]:
    """Return the one site, which wants to be told at *url*."""
    return dict(load_sites(dataclasses.replace(Settings(), webhook_url=url, webhook_secret=SECRET)))


class Site(HTTPServer):
    """A site that answers as the test says, and keeps what it was sent."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/vigie"


class Answer(BaseHTTPRequestHandler):
    server: Site

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        status = self.server.answers.pop(0) if self.server.answers else 204
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *given: Any) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = store.open_engine(settings.database)
    judgement = Judgement(Decision.hold, (), {}, (), "m", "p")
    store.add(engine, [Submission(ID, "default", NOW, Comment("Un texte", "Claire", external_id="4711"), judgement)])
    members.add_moderator(engine, "Anne", "administrator", "x", NOW)
    yield engine
    engine.dispose()


ANNE = Who(actor="Anne", id=1)


def judge(engine: Engine) -> int:
    verdict = Verdict(Decision.reject, {"insult": 1}, "OFFENSIVE", explanation="Pas d'insultes ici.", note="entre nous")
    return verdicts.give(engine, ID, verdict, ANNE, NOW, told={"default"}).id


def test_a_verdict_is_told_signed_and_once(engine: Engine, site: Site) -> None:
    judge(engine)

    assert (1, 0) == (deliver(engine, told(site.url), NOW), deliver(engine, told(site.url), NOW))
    [(headers, body)] = site.got
    assert {
        "event": "verdict", "id": ID, "external_id": "4711", "site": "default", "at": NOW.isoformat(),
        "decision": "reject", "reason": "OFFENSIVE", "legal_ground": None, "explanation": "Pas d'insultes ici.",
    } == json.loads(body)  # fmt: skip
    assert signature(SECRET, int(NOW.timestamp()), body) == headers["X-Vigie-Signature"]
    assert 0 == outbox.waiting(engine)


def test_the_documented_check_agrees(engine: Engine, site: Site) -> None:
    """docs/webhooks.md shows code that sites copy."""
    scope: dict[str, Any] = {}
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "webhooks.md").read_text("utf-8"), re.DOTALL)
    assert code
    exec(code[1], scope)
    judge(engine)
    deliver(engine, told(site.url), datetime.now(UTC))
    [(headers, body)] = site.got
    check, header = scope["is_from_vigie"], headers["X-Vigie-Signature"]
    old = signature(SECRET, int(time.time()) - 600, body)

    assert [True, False, False, False] == [
        check(header, body, SECRET), check(header, body + b" ", SECRET), check(header, body, "another"),
        check(old, body, SECRET),
    ]  # fmt: skip


def test_a_verdict_that_is_undone_is_told_too(engine: Engine, site: Site) -> None:
    number = judge(engine)
    verdicts.withdraw(engine, number, ANNE, NOW, timedelta(minutes=1), told={"default"})
    deliver(engine, told(site.url), NOW)
    letters = [json.loads(body) for _, body in site.got]

    assert [("verdict", "reject"), ("verdict_withdrawn", "hold")] == [
        (one["event"], one["decision"]) for one in letters
    ]


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
def test_what_the_site_did_not_take_is_tried_again_later(engine: Engine, site: Site, status: int) -> None:
    judge(engine)
    site.answers = [status]

    assert 0 == deliver(engine, told(site.url), NOW)
    assert 0 == deliver(engine, told(site.url), NOW + timedelta(seconds=9))
    assert 1 == deliver(engine, told(site.url), NOW + timedelta(seconds=10))
    assert 2 == len(site.got)


def test_a_site_that_is_away_gets_it_later_and_in_the_end_it_is_laid_aside(engine: Engine, site: Site) -> None:
    judge(engine)
    now = NOW
    for wait in outbox.WAITS:
        assert 0 == deliver(engine, told("http://127.0.0.1:9/"), now)
        assert [] == outbox.laid_aside(engine)
        now += wait
    deliver(engine, told("http://127.0.0.1:9/"), now)
    [aside] = outbox.laid_aside(engine)

    assert (len(outbox.WAITS) + 1, "URLError") == (aside.tries, aside.fault)
    assert 0 == deliver(engine, told(site.url), now + timedelta(days=365))
    assert 1 == outbox.try_again(engine, now)
    assert 1 == deliver(engine, told(site.url), now)


def test_two_workers_send_a_letter_once(engine: Engine, site: Site) -> None:
    judge(engine)
    first, second = (outbox.due(engine, NOW, webhooks.LEASE) for _ in range(2))

    assert (1, 0) == (len(first), len(second))


def test_a_worker_that_ends_with_a_letter_in_hand_loses_nothing(engine: Engine, site: Site) -> None:
    judge(engine)
    outbox.due(engine, NOW, webhooks.LEASE)

    assert 1 == deliver(engine, told(site.url), NOW + webhooks.LEASE)


def test_what_the_site_said_itself_is_not_told_back(engine: Engine) -> None:
    verdicts.give(engine, ID, Verdict(Decision.accept, {}), Who(actor="api"), NOW)

    assert 0 == outbox.waiting(engine)


def test_nothing_starts_without_an_address(engine: Engine) -> None:
    assert webhooks.start(load_sites(Settings()), engine) is None


def test_the_thread_empties_the_outbox(engine: Engine, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "PAUSE", 0.02)
    judge(engine)
    assert webhooks.start(told(site.url), engine)
    end = time.monotonic() + 5
    while outbox.waiting(engine) and time.monotonic() < end:
        time.sleep(0.02)

    assert 1 == len(site.got)


def test_an_administrator_sees_what_was_laid_aside_and_sends_it_again(app: Flask, settings: Settings) -> None:
    state = app.extensions["vigie"]
    app.extensions["vigie"] = dataclasses.replace(state, sites=told("http://127.0.0.1:9/"))
    members.add_moderator(state.engine, "Anne", "administrator", hash_password("correcte-agrafe-cheval"), NOW)
    client = app.test_client()
    client.post("/moderation/connexion", data={"name": "Anne", "password": "correcte-agrafe-cheval"})
    sent = client.post("/v1/comments", json={"name": "Luc", "comment": "Merci pour cet article."}).json
    assert sent
    token = re.search(r'name="form_token" value="([^"]+)"', client.get("/moderation/essai").text)
    assert token
    form = {"form_token": token[1]}
    client.post(f"/moderation/commentaires/{sent['id']}/verdict", data={**form, "decision": "reject"})
    now = datetime.now(UTC)
    for wait in (timedelta(0), *outbox.WAITS):
        now += wait
        deliver(state.engine, told("http://127.0.0.1:9/"), now)
    page = client.get("/moderation/envois").text

    assert "1 mis de côté" in page
    assert sent["id"] in page
    assert 303 == client.post("/moderation/envois", data=form).status_code
    assert "1 envoi(s) en route, 0 mis de côté" in client.get("/moderation/envois").text


def test_the_secret_is_not_shown(app: Flask, tmp_path: Path) -> None:
    shown = app.test_client().get("/openapi.json").text + app.test_client().get("/metrics").text

    assert SECRET not in shown
