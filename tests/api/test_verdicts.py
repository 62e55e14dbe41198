"""Verdicts over the API: kept once, told when another stands, and clear about what is wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from service.store import tables

REJECT = {"decision": "reject", "reason": "OFFENSIVE", "explanation": "Pas d'insultes ici."}


@pytest.fixture
def held(client: FlaskClient) -> str:
    sent = client.post("/v1/comments", json={"name": "Zoé", "comment": "Quel connard, ce ministre !"}).json
    assert sent
    return str(sent["id"])


def count(app: Flask, table: Any) -> int:
    with app.extensions["vigie"].engine.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)))


def test_a_verdict_is_kept_and_the_comment_no_longer_waits(app: Flask, client: FlaskClient, held: str) -> None:
    assert 1 == count(app, tables.queue)
    answer = client.post(f"/v1/comments/{held}/verdict", json=REJECT)
    told = answer.json

    assert told
    assert (201, held, "reject", "api") == (answer.status_code, told["id"], told["decision"], told["by"])
    assert {"toxicity": 1, "insult": 1} == told["labels"]
    assert (0, 1) == (count(app, tables.queue), count(app, tables.verdicts))


def test_the_same_verdict_twice_is_kept_once(app: Flask, client: FlaskClient, held: str) -> None:
    first, again = (client.post(f"/v1/comments/{held}/verdict", json=REJECT) for _ in range(2))

    assert (201, 200) == (first.status_code, again.status_code)
    assert first.json == again.json
    assert 1 == count(app, tables.verdicts)


def test_another_verdict_does_not_overwrite(
    app: Flask, client: FlaskClient, held: str, problem: Callable[[TestResponse, int], dict[str, Any]]
) -> None:
    client.post(f"/v1/comments/{held}/verdict", json=REJECT)
    problem(client.post(f"/v1/comments/{held}/verdict", json={"decision": "accept"}), 409)

    assert 1 == count(app, tables.verdicts)


def test_a_change_of_mind_replaces_and_both_are_kept(app: Flask, client: FlaskClient, held: str) -> None:
    path, other = f"/v1/comments/{held}/verdict", {"decision": "accept", "replace": True}
    answers = [client.post(path, json=body) for body in (REJECT, other, other)]
    with app.extensions["vigie"].engine.connect() as connection:
        columns = (tables.verdicts.c.decision, tables.verdicts.c.withdrawn_at)
        kept = connection.execute(select(*columns).order_by(tables.verdicts.c.id)).all()

    assert [201, 201, 200] == [answer.status_code for answer in answers]
    assert [("reject", False), ("accept", True)] == [(decision, at is None) for decision, at in kept]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "decision"),
        ({"decision": "hold"}, "decision"),
        ({"decision": None}, "decision"),
        ({"decision": "reject", "reason": "NONSENSE"}, "reason"),
        ({"decision": "accept", "reason": "SPAM"}, "reason"),
        ({"decision": "reject", "labels": {"tone": 1}}, "labels"),
        ({"decision": "reject", "labels": {"spam": 2}}, "labels"),
        ({"decision": "reject", "labels": [1]}, "labels"),
        ({"decision": "reject", "note": "x" * 2001}, "note"),
        ({"decision": "reject", "verdict": 1}, "verdict"),
    ],
)
def test_what_is_wrong_is_told_by_field(
    client: FlaskClient,
    held: str,
    problem: Callable[[TestResponse, int], dict[str, Any]],
    body: dict[str, Any],
    field: str,
) -> None:
    assert {field} == set(problem(client.post(f"/v1/comments/{held}/verdict", json=body), 422)["errors"])


@pytest.mark.parametrize("id", ["x", "00000000-0000-0000-0000-000000000000"])
def test_a_comment_that_is_not_there_gets_no_verdict(
    client: FlaskClient, problem: Callable[[TestResponse, int], dict[str, Any]], id: str
) -> None:
    problem(client.post(f"/v1/comments/{id}/verdict", json=REJECT), 404)


def test_labels_of_ones_own_replace_what_the_decision_implies(client: FlaskClient, held: str) -> None:
    told = client.post(f"/v1/comments/{held}/verdict", json={"decision": "reject", "labels": {"threat": 1}}).json

    assert told
    assert {"threat": 1} == told["labels"]
