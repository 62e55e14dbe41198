"""The site's own id, sent twice, gives the first judgement: one after the other, at once, and inside one batch."""

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from service.settings import Settings

GOOD = {"name": "Claire", "comment": "Merci pour cet article.", "external_id": "x-1"}
HELD = {"name": "Marc", "comment": "Espèce de connard, tu es un abruti !", "external_id": "x-1"}
Watch = Callable[[Flask, Callable[[int], Any]], None]


def test_the_same_id_gives_the_first_judgement(
    app: Flask, client: FlaskClient, watch: Watch, counts: Callable[[], tuple[int, int]]
) -> None:
    calls: list[int] = []
    watch(app, calls.append)
    first = client.post("/v1/comments", json=GOOD)
    again = client.post("/v1/comments", json=GOOD)
    other = client.post("/v1/comments", json=HELD)  # another text: still the first judgement

    assert [201, 200, 200] == [first.status_code, again.status_code, other.status_code]
    assert first.json == again.json == other.json
    assert (1, 1) == counts()
    assert [1] == calls


def test_a_known_id_gives_its_judgement_even_when_nothing_is_to_be_stored(client: FlaskClient) -> None:
    first = client.post("/v1/comments", json=HELD)
    again = client.post("/v1/comments", json=HELD | {"store": False})

    assert 200 == again.status_code
    assert first.json == again.json


def test_without_an_id_each_comment_is_new(client: FlaskClient, counts: Callable[[], tuple[int, int]]) -> None:
    for blank in (None, "", " "):
        assert 201 == client.post("/v1/comments", json=GOOD | {"external_id": blank}).status_code
    assert (3, 3) == counts()


def test_ids_are_compared_letter_by_letter(client: FlaskClient) -> None:
    for sent in ("a", "A", "a ", "á", "a\u0301", "a%", "a_"):
        assert 201 == client.post("/v1/comments", json=GOOD | {"external_id": sent}).status_code


def test_one_batch_may_name_an_id_twice(client: FlaskClient, counts: Callable[[], tuple[int, int]]) -> None:
    known = client.post("/v1/comments", json=HELD | {"external_id": "known"}).json
    sent = [GOOD, HELD, GOOD | {"external_id": "known"}, GOOD | {"external_id": "x-2"}, HELD | {"store": False}]
    results = client.post("/v1/comments:batch", json={"comments": sent}).json["results"]

    assert [201, 200, 200, 201, 200] == [result["status"] for result in results]
    assert results[0]["judgement"] == results[1]["judgement"]
    assert known == results[2]["judgement"]
    assert (3, 3) == counts()


def test_many_at_once_are_one(app: Flask, watch: Watch, counts: Callable[[], tuple[int, int]]) -> None:
    # Each thread has looked for the id, and not found it, before any of them stores: the database must decide.
    together = threading.Barrier(6, timeout=20)
    watch(app, lambda size: together.wait())
    bodies = [(GOOD if n % 2 else HELD) | {"role": f"lecteur {n}"} for n in range(6)]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda body: app.test_client().post("/v1/comments", json=body), bodies))

    assert [200] * 5 + [201] == sorted(answer.status_code for answer in answers)
    assert 1 == len({answer.text for answer in answers})
    assert (1, 1) == counts()


def test_batches_at_once_share_their_ids(app: Flask, watch: Watch, counts: Callable[[], tuple[int, int]]) -> None:
    together = threading.Barrier(3, timeout=20)
    watch(app, lambda size: together.wait())
    sent = [GOOD | {"external_id": f"x-{n}"} for n in range(20)]
    orders = [sent, sent[::-1], sent[10:] + sent[:10]]
    with ThreadPoolExecutor(3) as threads:
        answers = list(
            threads.map(lambda order: app.test_client().post("/v1/comments:batch", json={"comments": order}), orders)
        )

    assert [200] * 3 == [answer.status_code for answer in answers]
    results = [result for answer in answers for result in answer.json["results"]]
    assert 20 == sum(result["status"] == 201 for result in results)
    assert 20 == len({result["judgement"]["id"] for result in results})
    assert (20, 20) == counts()


def test_sites_know_nothing_of_each_other(
    make_app: Callable[[Settings], Flask], settings: Settings, problem: Callable[..., Any]
) -> None:
    one = make_app(dataclasses.replace(settings, site="un")).test_client()
    two = make_app(dataclasses.replace(settings, site="deux")).test_client()
    first = one.post("/v1/comments", json=GOOD)
    other = two.post("/v1/comments", json=HELD)

    assert [201, 201] == [first.status_code, other.status_code]
    assert first.json["decision"] != other.json["decision"]
    problem(two.get(f"/v1/comments/{first.json['id']}"), 404)
    assert first.json == one.get(f"/v1/comments/{first.json['id']}").json
