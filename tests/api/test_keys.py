"""Who is admitted: without any key this machine alone; with keys, each for its site, its scopes and its rate."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from service import keys
from service.rates import Rates
from service.sites import Site
from service.store import StoreError, tables
from service.store import keys as store_keys

SENT = {"name": "Claire", "comment": "Merci pour cet article, clair et bien documenté."}
NOBODY = "00000000-0000-0000-0000-000000000000"
Make = Callable[..., str]


@pytest.fixture
def make_key(app: Flask) -> Make:
    """Make a key, in force at once."""

    def make(*scopes: str, site: str = "default", rate: int = 1000) -> str:
        state, key = app.extensions["vigie"], keys.mint()
        chosen = scopes or keys.USUAL_SCOPES
        store_keys.add(state.engine, keys.digest(key), site, chosen, rate, "", "test", datetime.now(UTC))
        state.keys.until = 0.0
        return key

    return make


def with_key(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_can_be_a_label_of_a_host_name_and_is_never_the_same() -> None:
    minted = {keys.mint() for _ in range(1000)}

    assert 1000 == len(minted)
    assert all(12 == len(key) and key.isascii() and key.isalnum() and key == key.lower() for key in minted)


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("203.0.113.7", {}),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}),  # a proxy on this machine speaks for anybody
        ("127.0.0.1", {"Forwarded": "for=203.0.113.7"}),
        ("", {}),
    ],
)
def test_without_any_key_nobody_but_this_machine_is_served(
    client: FlaskClient, problem: Any, address: str, headers: dict[str, str]
) -> None:
    answer = client.post("/v1/comments", json=SENT, headers=headers, environ_base={"REMOTE_ADDR": address})

    assert "vigie key new" in problem(answer, 401)["detail"]
    assert "Bearer" == answer.headers["WWW-Authenticate"]
    assert 201 == client.post("/v1/comments", json=SENT).status_code


@pytest.mark.parametrize("sent", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic abc"}, with_key("x" * 12)])
def test_with_a_key_in_force_everybody_needs_one(
    client: FlaskClient, make_key: Make, problem: Any, sent: dict[str, str]
) -> None:
    key = make_key()

    problem(client.post("/v1/comments", json=SENT, headers=sent), 401)
    assert 201 == client.post("/v1/comments", json=SENT, headers=with_key(key)).status_code
    elsewhere = {"REMOTE_ADDR": "203.0.113.7"}
    assert 201 == client.post("/v1/comments", json=SENT, headers=with_key(key), environ_base=elsewhere).status_code


def test_probes_and_the_document_need_no_key(client: FlaskClient, make_key: Make) -> None:
    make_key()

    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"):
        assert 200 == client.get(path).status_code, path


CALLS = {
    "judge": [
        ("POST", "/v1/comments", SENT), ("POST", "/v1/comments:preview", SENT),
        ("POST", "/v1/comments:batch", {"comments": [SENT, SENT]}), ("GET", f"/v1/comments/{NOBODY}", None),
        ("GET", "/v1/model", None), ("GET", "/v1/policy", None),
    ],
    "verdict": [("POST", f"/v1/comments/{NOBODY}/verdict", {"decision": "accept"})],
    "author": [
        ("POST", "/v1/authors:export", {"email": "c@example.org"}), ("POST", "/v1/authors:erase", {"name": "Claire"}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("scope", keys.SCOPES)
def test_a_key_may_do_what_its_scope_says_and_nothing_else(client: FlaskClient, make_key: Make, scope: str) -> None:
    headers = with_key(make_key(scope))

    for needed, calls in CALLS.items():
        for method, path, body in calls:
            answer = client.open(path, method=method, json=body, headers=headers)
            assert (403 == answer.status_code) == (needed != scope), (path, answer.status_code)
            assert answer.status_code in {200, 201, 403, 404}


def test_every_call_of_the_api_asks_for_a_scope(app: Flask) -> None:
    called = {path.replace(NOBODY, "<id>") for calls in CALLS.values() for _, path, _ in calls}

    assert called == {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/v1/")}


def test_a_revoked_key_and_the_key_of_a_site_that_is_gone_are_unknown(
    app: Flask, client: FlaskClient, make_key: Make
) -> None:
    revoked, gone = make_key(), make_key(site="gone")
    store_keys.revoke(app.extensions["vigie"].engine, 1, datetime.now(UTC))

    for key in (revoked, gone):
        assert 401 == client.get("/v1/model", headers=with_key(key)).status_code


def test_a_key_sees_the_comments_of_its_site_alone(app: Flask, client: FlaskClient, make_key: Make) -> None:
    state = app.extensions["vigie"]
    app.extensions["vigie"] = dataclasses.replace(state, sites={**state.sites, "gazette": Site(name="gazette")})
    here, there = with_key(make_key()), with_key(make_key("judge", "verdict", "author", site="gazette"))
    sent = SENT | {"external_id": "17", "email": "claire@example.org"}
    first = client.post("/v1/comments", json=sent, headers=here).json
    second = client.post("/v1/comments", json=sent, headers=there)

    assert first
    assert 201 == second.status_code
    assert 404 == client.get(f"/v1/comments/{first['id']}", headers=there).status_code
    verdict = f"/v1/comments/{first['id']}/verdict"
    assert 404 == client.post(verdict, json={"decision": "reject"}, headers=there).status_code
    email = {"email": "claire@example.org"}
    kept = client.post("/v1/authors:export", json=email, headers=there).json
    assert kept
    assert ["gazette"] == [one["site"] for one in kept["comments"]]
    assert {"erased": 1} == client.post("/v1/authors:erase", json=email, headers=there).json
    assert 200 == client.get(f"/v1/comments/{first['id']}", headers=here).status_code


def test_a_key_that_asks_too_often_is_told_when_to_come_back(client: FlaskClient, make_key: Make, problem: Any) -> None:
    headers = with_key(make_key(rate=3))
    answers = [client.post("/v1/comments:preview", json=SENT, headers=headers) for _ in range(4)]

    assert [200, 200, 200, 429] == [answer.status_code for answer in answers]
    problem(answers[3], 429)
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 120
    assert 200 == client.post("/v1/comments:preview", json=SENT, headers=with_key(make_key(rate=3))).status_code


def test_each_comment_of_a_batch_counts(client: FlaskClient, make_key: Make) -> None:
    headers = with_key(make_key(rate=5))

    def send(number: int) -> TestResponse:
        return client.post("/v1/comments:batch", json={"comments": [SENT] * number}, headers=headers)

    assert [200, 429, 200] == [send(3).status_code, send(3).status_code, send(1).status_code]


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        ([(0, 5), (10, 5), (10, 1), (66, 1)], [0, 0, 56, 0]),
        ([(0, 10), (90, 5), (90, 1), (96, 1)], [0, 0, 6, 0]),  # half of the next minute: half of the former counts
        ([(0, 10), (59.5, 1)], [0, 6.5]),
        ([(0, 10), (120, 10)], [0, 0]),
        ([(0, 50)], [0]),  # a batch above the limit, alone
        ([(0, 1), (1, 50), (120, 50)], [0, 119, 0]),
    ],
)
def test_the_minute_of_a_rate_slides(asked: list[tuple[float, int]], waits: list[float]) -> None:
    rates, start = Rates(), 60.0 * 1_000_000

    assert waits == pytest.approx([rates.wait(7, 10, units, start + at) for at, units in asked])


def test_when_a_key_was_used_is_known(app: Flask, client: FlaskClient, make_key: Make) -> None:
    used, _ = make_key(), make_key()
    client.get("/v1/model", headers=with_key(used))
    with app.extensions["vigie"].engine.connect() as connection:
        first, second = connection.execute(select(tables.keys.c.used_at).order_by(tables.keys.c.id)).scalars()

    assert abs((datetime.now(UTC) - first).total_seconds()) < 60
    assert second is None


def test_while_the_database_is_away_the_keys_that_were_known_stay_known(
    app: Flask, client: FlaskClient, make_key: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = with_key(make_key())
    client.get("/v1/model", headers=headers)

    def fail(*_: object) -> None:
        raise StoreError("down")

    monkeypatch.setattr(store_keys, "known", fail)
    monkeypatch.setattr(store_keys, "used", fail)
    app.extensions["vigie"].keys.until = 0.0

    assert 200 == client.post("/v1/comments:preview", json=SENT, headers=headers).status_code
    assert 401 == client.post("/v1/comments:preview", json=SENT).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"},
        {"Via": "1.1 proxy"}, {"CF-Connecting-IP": "203.0.113.7"},
    ],
)  # fmt: skip
def test_without_a_key_no_page_of_another_site_and_no_proxy_gets_in(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    assert 401 == client.post("/v1/comments", data={"name": "a", "comment": "b"}, headers=headers).status_code
    assert 201 == client.post("/v1/comments", json=SENT, headers={"Host": "abcdefghijkl.localhost:8000"}).status_code


def test_when_the_last_key_is_revoked_nothing_is_open_again(app: Flask, client: FlaskClient, make_key: Make) -> None:
    make_key()
    store_keys.revoke(app.extensions["vigie"].engine, 1, datetime.now(UTC))

    assert 401 == client.get("/v1/model").status_code


def test_a_batch_above_the_rate_passes_alone(client: FlaskClient, make_key: Make) -> None:
    headers = with_key(make_key(rate=5))

    assert 200 == client.post("/v1/comments:batch", json={"comments": [SENT] * 9}, headers=headers).status_code
    assert 429 == client.post("/v1/comments:preview", json=SENT, headers=headers).status_code
