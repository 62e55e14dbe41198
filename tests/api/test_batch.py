"""POST /v1/comments:batch: many comments, one call of the model, one transaction, each with its own result."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from service import store

GOOD = {"name": "Claire", "comment": "Merci pour cet article."}
HELD = {"name": "Claire", "comment": "Espèce de connard, tu es un abruti !"}
ONLY_COMMENTS = "Envoyez un objet dont le seul champ, comments, est une liste de 1 à 1000 commentaires."


def test_a_thousand_comments_are_one_call_of_the_model(
    app: Flask,
    watch: Callable[[Flask, Callable[[int], Any]], None],
    counts: Callable[[], tuple[int, int]],
) -> None:
    calls: list[int] = []
    watch(app, calls.append)
    sent = [GOOD | {"comment": f"Merci pour cet article, n° {n}."} for n in range(1000)]
    answer = app.test_client().post("/v1/comments:batch", json={"comments": sent})

    assert 200 == answer.status_code
    assert [1000] == calls
    assert [201] * 1000 == [result["status"] for result in answer.json["results"]]
    assert (1000, 1000) == counts()
    by_id = {result["judgement"]["id"]: member for result, member in zip(answer.json["results"], sent, strict=True)}
    with app.extensions["vigie"].engine.connect() as connection:
        stored = connection.execute(select(store.submissions.c.id, store.submissions.c.comment)).all()
    assert {row.id: row.comment for row in stored} == {key: member["comment"] for key, member in by_id.items()}


def test_each_comment_has_its_result_in_order(door: FlaskClient) -> None:
    sent: list[Any] = [
        HELD,
        {"name": " ", "comment": None},
        GOOD | {"store": False},
        "pas un objet",
        None,
        GOOD | {"titre": "x"},
        GOOD | {"comment": "a\x00"},
        GOOD,
    ]
    answer = door.post("/v1/comments:batch", json={"comments": sent})
    results = answer.json["results"]

    assert 200 == answer.status_code
    assert [201, 422, 200, 422, 422, 422, 422, 201] == [result["status"] for result in results]
    assert [
        {"name": ["S'il vous plaît entrez votre nom ici"], "comment": ["S'il vous plaît entrez votre commentaire!"]},
        {"_schema": ["Ce champ doit être un objet."]},
        {"_schema": ["Ce champ doit être un objet."]},
        {"titre": ["Ce champ est inconnu."]},
        {"comment": ["Ce champ contient un caractère interdit (NUL ou moitié de caractère Unicode)."]},
    ] == [result["errors"] for result in results if "errors" in result]
    assert ["hold", "accept", "accept"] == [
        result["judgement"]["decision"] for result in results if "judgement" in result
    ]
    assert results[2]["judgement"]["id"] is None


def test_a_member_is_judged_as_if_it_came_alone(door: FlaskClient) -> None:
    sent = [
        HELD,
        GOOD,
        HELD | {"comment": "Gagnez 5000 € par jour sur http://a.example"},
        GOOD | {"comment": "é" * 3000},
    ]
    results = door.post("/v1/comments:batch", json={"comments": sent}).json["results"]

    for member, result in zip(sent, results, strict=True):
        alone = door.post("/v1/comments:preview", json=member).json
        together = result["judgement"] | {"id": None}
        # The encoder reads a batch at once: the last digits depend on what stands beside a text.
        assert alone["scores"] == pytest.approx(together["scores"], abs=1e-4)
        for reason, other in zip(alone["reasons"], together["reasons"], strict=True):
            assert reason == other | {"score": reason["score"]}
        assert alone == together | {"scores": alone["scores"], "reasons": alone["reasons"]}


def test_a_batch_of_nothing_but_faults_calls_no_model(
    app: Flask,
    watch: Callable[[Flask, Callable[[int], Any]], None],
    counts: Callable[[], tuple[int, int]],
) -> None:
    calls: list[int] = []
    watch(app, calls.append)
    answer = app.test_client().post("/v1/comments:batch", json={"comments": [{}, 1]})

    assert [422, 422] == [result["status"] for result in answer.json["results"]]
    assert [] == calls
    assert (0, 0) == counts()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"comments": []},
        {"comments": None},
        {"comments": {}},
        {"comments": "x"},
        {"comments": [GOOD] * 1001},
        {"comments": [GOOD], "site": "x"},
        {"comment": [GOOD]},
        GOOD,
    ],
    ids=range(9),
)
def test_what_is_no_batch_is_told(door: FlaskClient, problem: Callable[..., Any], body: object) -> None:
    told = problem(door.post("/v1/comments:batch", json=body), 422)

    assert {"comments": [ONLY_COMMENTS]} == told["errors"]


def test_a_batch_is_stored_whole_or_not_at_all(
    app: Flask, client: FlaskClient, problem: Callable[..., Any], counts: Callable[[], tuple[int, int]]
) -> None:
    with app.extensions["vigie"].engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON judgements WHEN (SELECT count(*) FROM judgements) = 2 "
            "BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    answer = client.post("/v1/comments:batch", json={"comments": [GOOD, HELD, GOOD]})

    problem(answer, 503)
    assert "5" == answer.headers["Retry-After"]
    assert (0, 0) == counts()
    assert 200 == client.post("/v1/comments:batch", json={"comments": [GOOD, HELD]}).status_code
    assert (2, 2) == counts()


def test_the_size_of_a_batch_is_a_setting(app: Flask, client: FlaskClient, problem: Callable[..., Any]) -> None:
    state = app.extensions["vigie"]
    app.extensions["vigie"] = dataclasses.replace(
        state, settings=dataclasses.replace(state.settings, max_batch_bytes=180, max_body_bytes=100)
    )

    assert 200 == client.post("/v1/comments:batch", json={"comments": [GOOD, GOOD]}).status_code
    problem(client.post("/v1/comments:batch", json={"comments": [GOOD] * 4}), 413)
    problem(client.post("/v1/comments", json=GOOD | {"role": "x" * 99}), 413)
