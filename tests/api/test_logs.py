"""What is remembered beside the database: log lines, figures and error bodies never hold what a reader wrote."""

import io
import json
import logging
import logging.config
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from service import logs, store
from service.keys import SCOPES, digest
from service.settings import Settings
from service.store import keys as store_keys

TEXT = "Connard de Zébulon, appelle le 06 12 34 56 78"
SECRETS = {
    "text": "Zébulon",
    "phone": "06 12 34 56 78",
    "name": "Nathanaëlle",
    "email": "nathanaelle@exemple.fr",
    "ip": "203.0.113.77",
    "key": "vk_5up3r-s3cr3t",
    "author": "auteur-0815",
    "agent": "NavigateurRare/7",
    "title": "Titre-très-rare",
    "external": "externe-4711",
}
SENT = {
    "name": SECRETS["name"],
    "comment": TEXT,
    "email": SECRETS["email"],
    "ip": SECRETS["ip"],
    "author_id": SECRETS["author"],
    "user_agent": SECRETS["agent"],
    "article": {"title": SECRETS["title"]},
    "external_id": SECRETS["external"],
}
HEADERS = {
    "Authorization": f"Bearer {SECRETS['key']}",
    "X-API-Key": SECRETS["key"],
    "User-Agent": SECRETS["agent"],
    "X-Forwarded-For": SECRETS["ip"],
    "X-Request-ID": SECRETS["email"],
    "Cookie": f"session={SECRETS['key']}",
    "Referer": f"https://exemple.fr/?cle={SECRETS['key']}",
}


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Log at the most talkative level, as JSON, and return the lines so far: each must be an object."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    out = io.StringIO()
    config = logs.config(Settings(log_level="debug"))
    config["handlers"]["out"]["stream"] = out
    config["root"]["level"] = "DEBUG"  # every library too
    logging.config.dictConfig(config)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    for name in ("vigie", "gunicorn.error", "gunicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate, logger.level = [], True, logging.NOTSET
    root.handlers, root.level = before
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def leaked(*texts: str) -> set[str]:
    plain = "\n".join(texts) + "\n".join(text.encode().decode("unicode_escape", "replace") for text in texts)
    return {kind for kind, secret in SECRETS.items() if secret in plain}


def test_the_search_finds_what_it_looks_for() -> None:
    assert set(SECRETS) == leaked(json.dumps([SENT, HEADERS], ensure_ascii=False))
    assert {"text", "phone"} == leaked(json.dumps(TEXT))


def _broken_tables(app: Flask) -> None:
    with app.extensions["vigie"].engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE submissions RENAME COLUMN comment TO texte")


def _refusing_tables(app: Flask) -> None:
    with app.extensions["vigie"].engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE judgements")
        connection.exec_driver_sql(
            "CREATE TABLE judgements (id, submission_id, judged_at, decision CHECK (decision = ''), "
            "reasons, scores, signals, model, policy)"
        )


def test_nothing_that_was_sent_is_logged_counted_or_told(app: Flask, lines: Callable[[], list[dict[str, Any]]]) -> None:
    @app.post("/quote")
    def quote() -> str:
        try:
            return str(int(TEXT))  # its ValueError quotes the text
        except ValueError as error:
            raise KeyError(SECRETS["email"]) from error

    @app.post("/log")
    def log() -> str:
        try:
            int(TEXT)
        except ValueError:
            logs.log.exception("failed")
            logging.getLogger("a.library").exception("failed")
        return ""

    state = app.extensions["vigie"]
    store_keys.add(state.engine, digest(SECRETS["key"]), "default", SCOPES, 999, "", "test", datetime.now(UTC))
    state.keys.until = 0.0
    client = app.test_client()
    query = {"key": SECRETS["key"], "email": SECRETS["email"]}
    told = []

    def post(path: str, expected: int, **sent: Any) -> None:
        answer = client.post(path, headers=HEADERS, query_string=query, **sent)

        assert expected == answer.status_code, answer.text
        if expected >= 400:
            told.append(answer.text)

    post("/v1/comments", 201, json=SENT)
    post("/v1/comments", 200, json=SENT)
    post("/v1/comments:preview", 200, json=SENT)
    post("/v1/comments:batch", 200, json={"comments": [SENT, {"name": SECRETS["name"]}]})
    post("/v1/comments", 422, json=SENT | {"x": TEXT})
    post("/v1/comments", 422, json=SENT | {"email": TEXT, "ip": TEXT, "submitted_at": TEXT, "store": TEXT, "url": TEXT})
    post("/v1/comments", 422, json=SENT | {"article": TEXT})
    post("/v1/comments", 422, json=SENT | {"role": TEXT * 10})
    post("/v1/comments", 400, data=json.dumps(SENT)[:-1], content_type="application/json")
    post("/v1/comments", 400, data=f"name={TEXT}%FF", content_type="application/x-www-form-urlencoded")
    post("/v1/comments", 415, data=TEXT, content_type=f"text/{SECRETS['key']}")
    post("/v1/comments", 413, data=TEXT * 40_000, content_type="application/json")
    post(f"/v1/{SECRETS['email']}/{SECRETS['ip']}", 404, json=SENT)
    post("/v1/model", 405, json=SENT)
    post("/quote", 500, json=SENT)
    post("/log", 200, json=SENT)
    client.get(f"/v1/comments/{SECRETS['email']}", headers=HEADERS)
    client.open("/v1/comments", method=SECRETS["key"].upper(), headers=HEADERS)
    client.post("/essai", data={"name": SECRETS["name"], "comment": TEXT, "email": SECRETS["email"]}, headers=HEADERS)
    post("/v1/authors:export", 200, json={"email": SECRETS["email"]})
    post("/v1/authors:erase", 422, json={"email": SECRETS["phone"]})
    new = SENT | {"external_id": None}
    _refusing_tables(app)
    post("/v1/comments", 503, json=new)
    _broken_tables(app)
    post("/v1/comments", 503, json=new)
    logged = lines()

    assert set() == leaked(*told)
    assert set() == leaked(*(json.dumps(line, ensure_ascii=False) for line in logged))
    assert set() == leaked(client.get("/metrics").text)
    assert {"request", "unforeseen", "database", "failed"} <= {line["event"] for line in logged}


def test_an_unknown_field_is_told_to_its_sender_only(
    client: FlaskClient, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    answer = client.post("/v1/comments", json=SENT | {SECRETS["author"]: "x", SECRETS["email"]: "x"})

    assert {SECRETS["author"], "nathanaelle?exemple.fr"} == set(answer.json["errors"])
    assert set() == leaked(*map(json.dumps, lines()))
    assert set() == leaked(client.get("/metrics").text)


def test_a_request_is_one_line_with_its_id(client: FlaskClient, lines: Callable[[], list[dict[str, Any]]]) -> None:
    client.post("/v1/comments", json={"name": "Claire", "comment": "Merci."}, headers={"X-Request-ID": "demande-1"})
    (line,) = (line for line in lines() if line["event"] == "request")

    assert {"event", "endpoint", "method", "status", "ms", "request_id", "level", "logger", "timestamp"} == set(line)
    assert ("v1.submit", "POST", 201, "demande-1") == tuple(
        line[name] for name in ("endpoint", "method", "status", "request_id")
    )
    assert line["timestamp"].endswith("Z")


def test_a_fault_is_logged_with_its_place_and_its_request(
    app: Flask, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    @app.get("/quote")
    def quote() -> str:
        raise ValueError(TEXT)

    told = app.test_client().get("/quote").json
    (line,) = (line for line in lines() if line["event"] == "unforeseen")

    assert ("ValueError", "error", told["request_id"]) == (line["exception"], line["level"], line["request_id"])
    assert any(re.search(r"test_logs\.py:\d+ quote$", place) for place in line["where"])


def test_what_gunicorn_quotes_of_a_request_is_cut(lines: Callable[[], list[dict[str, Any]]]) -> None:
    # The words of gunicorn's worker for a request that it cannot read, and for one whose answer broke.
    error = logging.getLogger("gunicorn.error")
    error.warning(
        "Invalid request from ip={ip}: {error}".format(ip=SECRETS["ip"], error=f"Invalid header\n{SECRETS['key']}")
    )
    error.debug("%s %s", "GET", f"/{SECRETS['email']}")
    try:
        int(TEXT)
    except ValueError:
        error.exception("Error handling request %s %s", "GET", f"/v1/comments?key={SECRETS['key']}")
    logged = lines()

    assert set() == leaked(*map(json.dumps, logged))
    assert ["Invalid request", "Error handling request"] == [line["event"] for line in logged]
    assert "ValueError" == logged[1]["exception"]


def samples(client: FlaskClient, name: str) -> dict[tuple[str, ...], float]:
    """Return the value of each child of the metric *name*, under the values of its labels."""
    answer = client.get("/metrics")
    assert "text/plain; version=0.0.4; charset=utf-8" == answer.content_type
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == name
    }


def test_strangers_make_no_labels(client: FlaskClient) -> None:
    for n in range(20):
        client.get(f"/nowhere-{n}")
        client.post(f"/v1/{n}", json={f"x{n}": n})
        client.open("/v1/comments", method=f"METHOD{n}")
        client.get(
            f"/v1/comments/{n}", headers={"Host": f"h{n}.localhost", "User-Agent": f"a{n}", "Content-Type": f"c/{n}"}
        )

    assert {
        ("unmatched", "GET", "404"): 20,
        ("unmatched", "POST", "404"): 20,
        ("unmatched", "other", "405"): 20,
        ("v1.find", "GET", "404"): 20,
    } == samples(client, "vigie_requests_total")
    assert {("unmatched",), ("v1.find",), ("probes.metrics",)} == set(samples(client, "vigie_request_seconds_count"))


def test_decisions_and_their_reasons_are_counted(client: FlaskClient) -> None:
    held = {"name": "Claire", "comment": "Espèce de connard, tu es un abruti !"}
    good = {"name": "Claire", "comment": "Merci pour cet article."}
    codes = {reason["code"] for reason in client.post("/v1/comments", json=held).json["reasons"]}
    client.post("/v1/comments:preview", json=good)
    client.post("/v1/comments:batch", json={"comments": [held, good, {}]})

    assert {("hold",): 2, ("accept",): 2} == samples(client, "vigie_decisions_total")
    assert {(code, "hold"): 2 for code in codes} == samples(client, "vigie_reasons_total")
    steps = {"memory": 2, "signals": 3, "score": 3, "reasons": 3, "explain": 3, "store": 2}
    assert {(step,): times for step, times in steps.items()} == samples(client, "vigie_step_seconds_count")


def test_the_release_in_service_is_a_figure(app: Flask, client: FlaskClient) -> None:
    moderation = app.extensions["vigie"].moderation

    assert {(moderation.model.version, moderation.policy.version): 1} == samples(client, "vigie_release")


def test_the_probes_answer(app: Flask, client: FlaskClient) -> None:
    moderation = app.extensions["vigie"].moderation

    assert {"status": "ok"} == client.get("/healthz").json
    assert {"status": "ok", "model": moderation.model.version, "policy": moderation.policy.version} == client.get(
        "/readyz"
    ).json


def test_tables_of_another_version_are_not_ready(app: Flask, client: FlaskClient, problem: Callable[..., Any]) -> None:
    with app.extensions["vigie"].engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")

    problem(client.get("/readyz"), 503)
    assert 200 == client.get("/healthz").status_code


def test_being_alive_asks_nothing_of_the_database(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "check", lambda engine: pytest.fail("the database was asked"))

    assert 200 == client.get("/healthz").status_code
