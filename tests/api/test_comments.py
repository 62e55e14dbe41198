"""POST /v1/comments at its door: what is missing, what is wrong, and what a good comment is answered."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service import store
from service.domain import ATTRIBUTES, Article

NAME = "S'il vous plaît entrez votre nom ici"
TEXT = "S'il vous plaît entrez votre commentaire!"
GOOD = {"name": "Claire", "comment": "Merci pour cet article."}
HELD = {"name": "Claire", "comment": "😀 Espèce de connard, tu es un abruti !"}
NOT_TEXT = "Ce champ doit être un texte."
NOT_OBJECT = "Ce champ doit être un objet."
NOT_FLAG = "Ce champ doit être true ou false."
NOT_URL = "Entrez une adresse web http:// ou https://."
NOT_EMAIL = "Entrez une adresse électronique valide."
NOT_IP = "Ce champ doit être une adresse IPv4 ou IPv6."
NOT_MOMENT = "Ce champ doit être une date et une heure ISO 8601 (2026-11-23T18:05:00Z)."
FORBIDDEN = "Ce champ contient un caractère interdit (NUL ou moitié de caractère Unicode)."
UNKNOWN = "Ce champ est inconnu."

BLANK = [
    "",
    " ",
    "\t\r\n ",
    "\u00a0\u2003\u3000",  # spaces of other widths
    "\u200b\u200d\u2060\ufeff",  # zero width
    "\u202e\u2066",  # direction marks
    "\x07\x1b\x7f\x85",  # control characters
    "\x00",  # blank before it is forbidden
    "\u3164\u2800",  # letters and symbols without ink
    "\u0301",  # an accent on nothing
]

VALID = [
    ("email", "claire@exemple.fr", "claire@exemple.fr"),
    ("url", "https://exemple.fr/à-propos?x=1", "https://exemple.fr/à-propos?x=1"),
    ("url", "http://localhost:8080/", "http://localhost:8080/"),
    ("author_id", "42", "42"),
    ("parent_id", "c-1", "c-1"),
    ("ip", "192.0.2.7", "192.0.2.0"),
    ("ip", "2001:DB8:0::1", "2001:db8::"),  # kept in its usual form
    ("user_agent", "Mozilla/5.0", "Mozilla/5.0"),
    ("referrer", "pas une adresse", "pas une adresse"),  # browsers send what they like
    ("submitted_at", "2026-11-23T18:05:00Z", datetime(2026, 11, 23, 18, 5, tzinfo=UTC)),
    ("submitted_at", "2026-11-23T18:05:00+01:00", datetime(2026, 11, 23, 17, 5, tzinfo=UTC)),
    ("submitted_at", "2026-11-23T18:05:00", datetime(2026, 11, 23, 18, 5, tzinfo=UTC)),  # UTC unless it says otherwise
    ("role", "abonné", "abonné"),
    ("role", " \u200b", None),  # blank is missing
]

WRONG = [
    *((field, value, NOT_TEXT) for field in ("name", "comment", "email", "url", "author_id", "external_id", "role")
      for value in (5, True, 1.5, [], {}, ["a"])),
    *((field, "a\x00b", FORBIDDEN) for field in ("name", "comment", "email", "author_id", "user_agent", "ip")),
    *((field, "a\ud800b", FORBIDDEN) for field in ("name", "comment", "parent_id", "referrer")),
    *(("email", value, NOT_EMAIL) for value in ("claire", "claire@", "@exemple.fr", "a b@exemple.fr", "a@exemple..fr")),
    *(("url", value, NOT_URL) for value in ("exemple.fr", "ftp://exemple.fr", "javascript:alert(1)", "http://[", "//")),
    *(("ip", value, NOT_IP) for value in ("192.0.2", "192.0.2.256", "exemple.fr", "::g", "fe80::1%eth0", 5, [])),
    *(("submitted_at", value, NOT_MOMENT)
      for value in ("hier", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", 1764000000, True, [], {})),
    *(("store", value, NOT_FLAG) for value in ("peut-être", 0, 1, 1.0, [], {}, "TRUE")),
]  # fmt: skip

MOST = [
    ("name", 245),
    ("author_id", 200),
    ("parent_id", 200),
    ("external_id", 200),
    ("user_agent", 1000),
    ("referrer", 2000),
    ("role", 100),
]


def as_json(body: dict[str, Any]) -> dict[str, Any]:
    """Return what a client sends whose JSON is plain ASCII: half a character can be written in it."""
    return {"data": json.dumps(body), "content_type": "application/json"}


def too_long(most: int) -> str:
    return f"Ce champ est trop long : {most} octets au plus."


@pytest.mark.parametrize("blank", BLANK, ids=ascii)
def test_a_blank_name_and_a_blank_comment_are_both_told(
    door: FlaskClient, problem: Callable[..., Any], blank: str
) -> None:
    body = {"name": blank, "comment": blank}

    assert {"name": [NAME], "comment": [TEXT]} == problem(door.post("/v1/comments", json=body), 422)["errors"]
    assert {"name": [NAME], "comment": [TEXT]} == problem(door.post("/v1/comments", data=body), 422)["errors"]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"name": [NAME], "comment": [TEXT]}),
        ({"name": None, "comment": None}, {"name": [NAME], "comment": [TEXT]}),
        ({"name": "Claire"}, {"comment": [TEXT]}),
        ({"name": "Claire", "comment": None}, {"comment": [TEXT]}),
        ({"comment": "Merci."}, {"name": [NAME]}),
        ({"name": "\ud800", "comment": "Merci."}, {"name": [NAME]}),  # half a character is nothing to see
        ({"name": " ", "comment": 5}, {"name": [NAME], "comment": [NOT_TEXT]}),
    ],
)
def test_a_missing_name_or_comment_is_told(
    door: FlaskClient, problem: Callable[..., Any], body: dict[str, Any], errors: dict[str, Any]
) -> None:
    told = problem(door.post("/v1/comments", **as_json(body)), 422)

    assert errors == told["errors"]
    assert "Données invalides" == told["title"]


@pytest.mark.parametrize("visible", ["0", ".", "-", "ё", "😀", "a\u200b"])
def test_what_can_be_seen_is_not_blank(door: FlaskClient, visible: str) -> None:
    answer = door.post("/v1/comments:preview", json={"name": visible, "comment": visible})

    assert 200 == answer.status_code


@pytest.mark.parametrize(("field", "value", "kept"), VALID)
def test_a_valid_field_is_kept(shared_app: Flask, door: FlaskClient, field: str, value: str, kept: object) -> None:
    for sent in ({"json": GOOD | {field: value}}, {"data": GOOD | {field: value}}):
        answer = door.post("/v1/comments", **sent)

        assert 201 == answer.status_code, answer.json
        stored = store.find(shared_app.extensions["vigie"].engine, "default", id=answer.json["id"])
        assert stored is not None
        assert kept == getattr(stored.comment, field)
        assert (GOOD["name"], GOOD["comment"]) == (stored.comment.name, stored.comment.text)


@pytest.mark.parametrize(
    "sent",
    [
        {"json": GOOD | {"article": {"id": "7", "url": "https://exemple.fr/7", "title": "Été"}}},
        {"data": GOOD | {"article[id]": "7", "article[url]": "https://exemple.fr/7", "article[title]": "Été"}},
    ],
    ids=["json", "form"],
)
def test_the_article_is_kept(shared_app: Flask, door: FlaskClient, sent: dict[str, Any]) -> None:
    answer = door.post("/v1/comments", **sent)
    stored = store.find(shared_app.extensions["vigie"].engine, "default", id=answer.json["id"])

    assert stored is not None
    assert Article("7", "https://exemple.fr/7", "Été") == stored.comment.article


@pytest.mark.parametrize(("field", "value", "message"), WRONG)
def test_a_wrong_field_is_told_in_french(
    door: FlaskClient, problem: Callable[..., Any], field: str, value: object, message: str
) -> None:
    told = problem(door.post("/v1/comments", **as_json(GOOD | {field: value})), 422)

    assert {field: [message]} == told["errors"]


@pytest.mark.parametrize(
    ("article", "errors"),
    [
        ("7", {"_schema": [NOT_OBJECT]}),
        (7, {"_schema": [NOT_OBJECT]}),
        (["7"], {"_schema": [NOT_OBJECT]}),
        ({"id": 7}, {"id": [NOT_TEXT]}),
        ({"url": "exemple.fr"}, {"url": [NOT_URL]}),
        ({"titel": "Été"}, {"titel": [UNKNOWN]}),
        ({"id": "é" * 101}, {"id": [too_long(200)]}),
        ({"title": "a" * 1001}, {"title": [too_long(1000)]}),
        ({"url": "https://exemple.fr/" + "a" * 1982}, {"url": [too_long(2000)]}),
    ],
)
def test_a_wrong_article_is_told_by_its_member(
    door: FlaskClient, problem: Callable[..., Any], article: object, errors: dict[str, Any]
) -> None:
    told = problem(door.post("/v1/comments", json=GOOD | {"article": article}), 422)

    assert {"article": errors} == told["errors"]


@pytest.mark.parametrize("article", [None, {}, {"id": " ", "url": None}])
def test_an_empty_article_is_none(door: FlaskClient, article: object) -> None:
    assert 201 == door.post("/v1/comments", json=GOOD | {"article": article}).status_code


@pytest.mark.parametrize(("field", "most"), MOST)
@pytest.mark.parametrize("sign", ["a", "é", "€", "😀"])
def test_a_length_is_counted_in_bytes(
    door: FlaskClient, problem: Callable[..., Any], field: str, most: int, sign: str
) -> None:
    size = len(sign.encode())
    longest = sign * (most // size) + "a" * (most % size)

    assert 200 == door.post("/v1/comments:preview", json=GOOD | {field: longest}).status_code
    told = problem(door.post("/v1/comments:preview", json=GOOD | {field: longest + "a"}), 422)
    assert {field: [too_long(most)]} == told["errors"]


@pytest.mark.parametrize("longest", ["a b c d " * 8190 + "a b c", "é" * 32762 + "a"], ids=["ascii", "two bytes"])
def test_a_comment_may_be_as_long_as_in_wordpress(door: FlaskClient, problem: Callable[..., Any], longest: str) -> None:
    assert 65_525 == len(longest.encode())
    assert 201 == door.post("/v1/comments", json=GOOD | {"comment": longest}).status_code
    told = problem(door.post("/v1/comments", json=GOOD | {"comment": longest + "a"}), 422)
    assert {"comment": [too_long(65_525)]} == told["errors"]


@pytest.mark.parametrize(
    ("field", "longest"),
    [
        ("url", "https://exemple.fr/" + "a" * 181),
        ("email", "a" * 40 + "@" + "b" * 50 + ".exem.fr" + "a"),
    ],
)
def test_an_address_may_fill_its_place(
    door: FlaskClient, problem: Callable[..., Any], field: str, longest: str
) -> None:
    assert 200 == door.post("/v1/comments:preview", json=GOOD | {field: longest}).status_code
    told = problem(door.post("/v1/comments:preview", json=GOOD | {field: longest + "a"}), 422)
    assert {field: [too_long(len(longest))]} == told["errors"]


@pytest.mark.parametrize(
    ("sent", "told_as"),
    [
        ("titre", "titre"),
        ("Name", "Name"),
        ("name ", "name?"),
        ("na\u200bme", "na?me"),
        ("", ""),
        ("__class__", "__class__"),
        ("_schema", "_schema"),
        ("article.id", "article.id"),
        ("<script>alert('x')</script>", "?script?alert??x????script?"),
        ("été\r\nX-Injected: 1", "?t???X-Injected:?1"),
        ("\x00\ud800", "??"),
        ("a" * 10_000, "a" * 60),
    ],
    ids=ascii,
)
def test_an_unknown_field_is_refused_by_its_name(
    door: FlaskClient, problem: Callable[..., Any], sent: str, told_as: str
) -> None:
    for value in ("x", None, "", {"a": []}):
        told = problem(door.post("/v1/comments", **as_json(GOOD | {sent: value})), 422)

        assert {told_as: [UNKNOWN]} == told["errors"]


def test_an_unknown_field_of_a_form_is_refused_by_its_name(door: FlaskClient, problem: Callable[..., Any]) -> None:
    told = problem(door.post("/v1/comments", data=GOOD | {"submit": "Envoyer", "foo[bar]": "1"}), 422)

    assert {"submit": [UNKNOWN], "foo": [UNKNOWN]} == told["errors"]


def test_all_faults_are_told_at_once(door: FlaskClient, problem: Callable[..., Any]) -> None:
    body = {"name": "", "email": "x", "ip": "x", "store": "x", "x": "x", "article": {"url": "x"}}
    told = problem(door.post("/v1/comments", json=body), 422)

    assert {"name", "comment", "email", "ip", "store", "x", "article"} == set(told["errors"])


@pytest.mark.parametrize(
    "word", [True, "true", "1", "on", "oui", None, ""], ids=repr
)  # blank is missing, and then it is kept
def test_a_comment_is_kept_unless_told_otherwise(
    client: FlaskClient, counts: Callable[[], tuple[int, int]], word: object
) -> None:
    assert 201 == client.post("/v1/comments", json=GOOD | {"store": word}).status_code
    assert (1, 1) == counts()


@pytest.mark.parametrize("word", [False, "false", "0", "off", "non"], ids=repr)
def test_what_is_not_to_be_stored_leaves_no_trace(
    client: FlaskClient, counts: Callable[[], tuple[int, int]], word: object
) -> None:
    answer = client.post("/v1/comments", json=HELD | {"store": word, "external_id": "x-1"})

    assert 200 == answer.status_code
    assert answer.json["id"] is None
    assert "hold" == answer.json["decision"]
    assert (0, 0) == counts()


def test_a_preview_answers_the_same_and_stores_nothing(
    client: FlaskClient, counts: Callable[[], tuple[int, int]]
) -> None:
    previewed = client.post("/v1/comments:preview", json=HELD | {"external_id": "x-1"})

    assert 200 == previewed.status_code
    assert (0, 0) == counts()
    posted = client.post("/v1/comments", json=HELD | {"external_id": "x-1"})
    assert previewed.json | {"id": posted.json["id"]} == posted.json
    assert client.post("/v1/comments:preview", data=HELD | {"external_id": "x-1"}).json == previewed.json


def test_an_answer_shows_its_grounds(door: FlaskClient) -> None:
    answer = door.post("/v1/comments", json=HELD)
    told = answer.json

    assert 201 == answer.status_code
    assert "application/json" == answer.content_type
    assert ["id", "decision", "reasons", "scores", "model", "policy"] == list(told)
    assert "hold" == told["decision"]
    assert set(told["scores"]) <= set(ATTRIBUTES)
    assert all(0 <= score <= 1 for score in told["scores"].values())
    assert {"insult", "insult_words"} <= {reason["code"] for reason in told["reasons"]}
    for reason in told["reasons"]:
        assert ["code", "message", "decision", "attribute", "score", "threshold", "spans"] == list(reason)
        assert (reason["score"] is None) == (reason["threshold"] is None)
        assert (reason["score"] or 0) >= (reason["threshold"] or 0)
        assert reason["spans"]
        for span in reason["spans"]:
            assert span["text"] == HELD["comment"][span["begin"] : span["end"]]  # the emoji counts as one


def test_a_good_comment_is_accepted_without_a_reason(door: FlaskClient) -> None:
    told = door.post("/v1/comments", data=GOOD).json

    assert ("accept", []) == (told["decision"], told["reasons"])


def test_a_judgement_is_read_again_as_it_was(door: FlaskClient) -> None:
    posted = door.post("/v1/comments", json=HELD | {"email": "claire@exemple.fr"})
    found = door.get(f"/v1/comments/{posted.json['id']}")

    assert 200 == found.status_code
    assert posted.json == found.json
    assert HELD["comment"] not in found.text
    assert "claire" not in found.text.lower()


@pytest.mark.parametrize(
    "id",
    [
        "00000000-0000-4000-8000-000000000000",
        "x",
        "%00",
        "%ff",
        "a" * 5000,
        "urn:uuid:00000000-0000-4000-8000-000000000000",
        "' OR 1=1 --",
    ],
    ids=range(7),
)
def test_an_unknown_id_is_not_found(door: FlaskClient, problem: Callable[..., Any], id: str) -> None:
    told = problem(door.get(f"/v1/comments/{id}"), 404)

    assert "Aucun commentaire n'a cet identifiant." == told["detail"]
    assert "errors" not in told


def test_the_model_tells_its_card(door: FlaskClient) -> None:
    told = door.get("/v1/model").json

    assert ["version", "attributes", "release", "card"] == list(told)
    assert told["card"].startswith("#")
    assert told["version"] in told["card"]
    assert {"libraries", "examples", "python"} <= set(told["release"])
    assert not {"files", "probes"} & set(told["release"])
    assert set(told["attributes"]) == set(door.post("/v1/comments:preview", json=GOOD).json["scores"])


def test_the_policy_tells_its_limits(shared_app: Flask, door: FlaskClient) -> None:
    told = door.get("/v1/policy").json
    policy = shared_app.extensions["vigie"].moderation.policy

    assert policy.version == told["version"]
    for part, table in (("attributes", policy.attributes), ("signals", policy.signals)):
        assert set(table) == set(told[part])
        for name, limit in table.items():
            for decision in ("hold", "reject"):
                expected = getattr(limit, decision)
                assert (None if math.isinf(expected) else expected) == told[part][name][decision]
