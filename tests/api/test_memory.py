"""What came before a comment: repeated texts, floods, newcomers, an author's past, and how it was sent."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from service.domain import Comment, Decision, Memory, Verdict
from service.policy import Limits
from service.settings import Settings
from service.store import labels, memory, tables, verdicts
from service.store.acts import Who
from tests.page.test_try_page import set_policy

LONG = "La mairie annonce pour le mois de mars des travaux dans la rue principale, qui sera fermée aux voitures."
AD = (
    "Je vends une collection de timbres anciens, plus de trois mille pièces en bon état, classées par année et par"
    " pays, avec albums et catalogue ; si cela vous intéresse je vous envoie des photos dès ce soir sans faute"
)


def send(client: FlaskClient, comment: str = LONG, **more: Any) -> dict[str, Any]:
    told = client.post("/v1/comments", json={"name": "Claire", "comment": comment, **more}).json
    assert told
    return dict(told)


def signals(app: Flask, id: str) -> dict[str, int]:
    with app.extensions["vigie"].engine.connect() as connection:
        wanted = tables.judgements.c.submission_id == id
        stored = connection.execute(select(tables.judgements.c.signals).where(wanted)).scalar_one()
    return {signal["code"]: signal["value"] for signal in stored}


def test_a_repeated_text_is_counted_across_authors_and_articles(app: Flask, client: FlaskClient) -> None:
    seen = [
        signals(app, send(client, text, name=name, article={"id": name})["id"]).get("repeated_text", 0)
        for name, text in (("a", LONG), ("b", LONG.upper()), ("c", f"{LONG} !!!"), ("d", "Merci !"), ("e", "Merci !"))
    ]

    assert [0, 1, 2, 0, 0] == seen


def test_a_text_is_held_the_third_time_where_the_release_says_so(app: Flask, client: FlaskClient) -> None:
    set_policy(app, signals={"repeated_text": Limits(hold=2)})

    assert ["accept", "accept", "hold"] == [send(client, name=f"lecteur {n}")["decision"] for n in range(3)]


def test_a_nearly_repeated_text_is_counted(app: Flask, client: FlaskClient) -> None:
    send(client, AD)
    near = signals(app, send(client, AD.replace("sans faute", "promis"), name="b")["id"])

    assert 1 == near["near_repeated_text"]
    assert "repeated_text" not in near
    assert {"repeated_text": 1, "near_repeated_text": 1} == signals(app, send(client, AD + ".", name="c")["id"])


def test_a_flood_of_an_author_or_an_address_is_counted(app: Flask, client: FlaskClient) -> None:
    for number in range(3):
        send(client, f"Avis numéro {number} sur ce sujet.", author_id="7", ip=f"192.0.2.{number}")
    fourth = signals(app, send(client, "Encore un avis.", author_id="7", ip="192.0.2.99")["id"])
    other = signals(app, send(client, "Un autre avis.", author_id="8", ip="198.51.100.1")["id"])

    assert {"author_flood": 3, "address_flood": 3} == {code: fourth[code] for code in ("author_flood", "address_flood")}
    assert {"first_comment": 1} == other


def test_an_authors_past_is_known_once_enough_was_decided(app: Flask, client: FlaskClient) -> None:
    engine = app.extensions["vigie"].engine
    for number in range(4):
        sent = send(client, f"Avis numéro {number} sur ce sujet.", author_id="7")
        decision = Decision.reject if number % 2 else Decision.accept
        verdicts.give(engine, sent["id"], Verdict(decision, {}), Who(actor="Anne"), datetime.now(UTC))
    known = signals(app, send(client, author_id="7")["id"])

    assert 50 == known["author_rejected"]
    assert "first_comment" not in known


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"honeypot": "x"}, "honeypot"), ({"seconds": 0.4}, "sent_at_once"), ({"honeypot": " ", "seconds": 30}, None)],
)
def test_how_a_comment_was_sent_is_seen(
    app: Flask, client: FlaskClient, fields: dict[str, Any], code: str | None
) -> None:
    found = signals(app, send(client, **fields)["id"])

    assert ({code} if code else set()) == set(found) & {"honeypot", "sent_at_once"}


def test_a_policy_decides_what_follows(app: Flask, client: FlaskClient) -> None:
    set_policy(app, signals={"first_comment": Limits(hold=1), "honeypot": Limits(reject=1)})

    assert "hold" == send(client, author_id="1")["decision"]
    assert "accept" == send(client, "Un deuxième avis.", author_id="1")["decision"]
    assert "reject" == send(client, "Un autre.", author_id="1", honeypot="spam")["decision"]
    assert "Le commentaire est le premier de cet auteur." == send(client, author_id="2")["reasons"][0]["message"]


def test_a_preview_neither_knows_nor_is_remembered(app: Flask, client: FlaskClient) -> None:
    client.post("/v1/comments:preview", json={"name": "Claire", "comment": LONG})
    client.post("/v1/comments", json={"name": "Claire", "comment": LONG, "store": False})

    assert {} == signals(app, send(client)["id"])


@pytest.mark.parametrize("seconds", [-1, "vite", "NaN"])
def test_seconds_are_a_number(client: FlaskClient, seconds: Any) -> None:
    answer = client.post("/v1/comments", json={"name": "Claire", "comment": LONG, "seconds": seconds})

    assert 422 == answer.status_code
    assert answer.json
    assert {"seconds"} == set(answer.json["errors"])


def test_neither_text_nor_author_stands_among_the_fingerprints(app: Flask, client: FlaskClient) -> None:
    send(client, author_id="7", email="claire@example.org", ip="192.0.2.77")
    with app.extensions["vigie"].engine.connect() as connection:
        [kept] = connection.execute(select(tables.fingerprints)).all()

    assert "192.0.2.0" == kept.address
    assert not {"7", "claire@example.org", "Claire"} & set(map(str, kept))


# Edits.


def test_an_edit_that_says_the_same_keeps_the_judgement(client: FlaskClient) -> None:
    first = send(client, external_id="17")
    again = send(client, LONG.upper() + " !!", external_id="17", edited=True)

    assert (first["id"], first["decision"]) == (again["id"], again["decision"])


@pytest.mark.parametrize(
    "changed",
    [LONG + " Espèce de connard !", LONG + " 06 12 34 56 78", LONG.replace("mars", "mai"), LONG + " https://x.example"],
)
def test_an_edit_that_says_something_else_is_judged_and_takes_the_place(
    app: Flask, client: FlaskClient, changed: str
) -> None:
    first = send(client, external_id="17", author_id="a-1")
    edit = send(client, changed, external_id="17", author_id="a-1", edited=True)
    again = send(client, changed, external_id="17", author_id="a-1")

    assert first["id"] != edit["id"]
    assert edit["id"] == again["id"]
    assert {"repeated_text", "near_repeated_text", "author_flood"} & set(signals(app, edit["id"])) == set()
    assert 200 == client.get(f"/v1/comments/{first['id']}").status_code


def test_an_edit_of_an_edit_and_of_nothing(app: Flask, client: FlaskClient) -> None:
    ids = [
        send(client, f"{LONG} {words}", external_id="17", edited=True)["id"]
        for words in ("Un.", "Deux.", "Trois.", "Trois !")
    ]
    with app.extensions["vigie"].engine.connect() as connection:
        query = select(tables.submissions.c.former_id, tables.submissions.c.external_id)
        kept = connection.execute(query.order_by(tables.submissions.c.received_at)).all()

    assert [(None, None), (ids[0], None), (ids[1], "17")] == [tuple(row) for row in kept]
    assert ids[2] == ids[3]


def test_an_edit_takes_its_former_self_out_of_the_queue(app: Flask, client: FlaskClient) -> None:
    former = send(client, "Quel connard, ce ministre !", external_id="17")
    edit = send(client, "Je ne suis pas d'accord avec ce ministre.", external_id="17", edited=True)
    with app.extensions["vigie"].engine.connect() as connection:
        waiting = connection.execute(select(tables.queue.c.submission_id)).scalars().all()

    assert ("hold", "accept", []) == (former["decision"], edit["decision"], waiting)


# Floods and trust.


def test_a_flood_is_sent_away_where_the_policy_says_so(app: Flask, client: FlaskClient, problem: Any) -> None:
    set_policy(app, signals={"author_flood": Limits(throttle=2)})
    sent = {"name": "Claire", "email": "claire@example.org"}
    answers = [client.post("/v1/comments", json={**sent, "comment": f"{LONG} {n}"}) for n in range(3)]

    assert [201, 201, 429] == [answer.status_code for answer in answers]
    problem(answers[2], 429)
    assert "60" == answers[2].headers["Retry-After"]
    with app.extensions["vigie"].engine.connect() as connection:
        assert 2 == len(connection.execute(select(tables.submissions.c.id)).all())
    batch = client.post("/v1/comments:batch", json={"comments": [{**sent, "comment": LONG}]}).json
    assert batch  # a site that sends many at once is no reader who floods
    assert 201 == batch["results"][0]["status"]


@pytest.mark.parametrize("role", ["STAFF", "Rédaction", "editor"])
def test_what_the_newsroom_writes_is_not_held_where_the_policy_trusts_it(
    app: Flask, client: FlaskClient, role: str
) -> None:
    rude = "Quel connard, ce ministre !"
    rules = {"insult_words": Limits(hold=1), "listed_reject": Limits(hold=1, reject=1)}
    set_policy(app, signals={**rules, "staff": Limits(waive=1)})

    assert ["hold", "accept"] == [send(client, rude)["decision"], send(client, rude, role=role)["decision"]]
    set_policy(app, signals={"insult_words": Limits(hold=1, reject=1), "staff": Limits(waive=1)})
    assert "reject" == send(client, rude, role=role)["decision"]


def test_an_author_is_trusted_after_three_accepted_comments_until_one_is_rejected(
    app: Flask, client: FlaskClient
) -> None:
    set_policy(app, signals={})
    ids = [send(client, f"{LONG} {n}", author_id="a-1")["id"] for n in range(5)]

    assert [0, 0, 0, 3, 4] == [signals(app, one).get("trusted_author", 0) for one in ids]
    verdict = Verdict(Decision.reject, {})
    verdicts.give(app.extensions["vigie"].engine, ids[0], verdict, Who(actor="api"), datetime.now(UTC))
    assert "trusted_author" not in signals(app, send(client, LONG, author_id="a-1")["id"])


def test_edits_of_one_batch_are_judged_each_and_stand_in_order(app: Flask, client: FlaskClient) -> None:
    rude = "Bande d'abrutis, sales connards, allez crever."
    members = [{"name": "Luc", "comment": text, "external_id": "e1"} for text in (LONG, f"{LONG} Poli.", rude)]
    told = client.post("/v1/comments:batch", json={"comments": [one | {"edited": True} for one in members]}).json
    assert told
    again = send(client, rude, external_id="e1")

    assert ["accept", "accept", "hold"] == [result["judgement"]["decision"] for result in told["results"]]
    assert 3 == len({result["judgement"]["id"] for result in told["results"]})
    assert told["results"][2]["judgement"]["id"] == again["id"]


def test_comments_of_a_batch_know_each_other_as_if_they_came_one_by_one(
    app: Flask,
    client: FlaskClient,
    make_app: Callable[..., Flask],
    settings: Settings,
    empty_database: Path,
    tmp_path: Path,
) -> None:
    by = {"author_id": "a-1", "ip": "192.0.2.7"}
    members = [
        {"name": "Luc", "comment": LONG},
        {"name": "Léa", "comment": LONG.upper(), **by},
        {"name": "Léa", "comment": AD, **by, "external_id": "e1"},
        {"name": "Léa", "comment": AD.replace("sans faute", "promis"), **by, "external_id": "e1", "edited": True},
        {"name": "Zoé", "comment": AD.replace("sans faute", "promis"), "ip": "192.0.2.7"},
        {"name": "Luc", "comment": LONG, "store": False},
        {"name": "Luc", "comment": f"{LONG} !", **by},
    ]
    together = client.post("/v1/comments:batch", json={"comments": members}).json
    assert together
    shutil.copy(empty_database, tmp_path / "other.db")
    other = make_app(replace(settings, database=f"sqlite:///{tmp_path}/other.db"))
    alone = [other.test_client().post("/v1/comments", json=member).json for member in members]
    wanted = ("repeated_text", "near_repeated_text", "author_flood", "address_flood", "first_comment")

    def told(app: Flask, id: str | None) -> dict[str, int]:
        return {code: value for code, value in signals(app, id).items() if code in wanted} if id else {}

    ids = [result["judgement"]["id"] for result in together["results"]]
    assert [told(other, one["id"]) for one in alone if one] == [told(app, one) for one in ids]
    assert {"repeated_text": 2} == {
        code: value for code, value in told(app, ids[-1]).items() if code == "repeated_text"
    }


def test_the_last_of_a_thousand_equal_comments_has_all_others_before_it() -> None:
    told = memory.in_company([Comment(AD, ip="192.0.2.7")] * 1000, [Memory()] * 1000)

    assert [0, 1, 999] == [told[place].repeats for place in (0, 1, 999)]
    assert 999 == told[999].address_lately
    assert 0 == told[999].near_repeats


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Voyez www exemple com et bit ly abc.", "Voyez www.exemple.com et bit.ly/abc."),
        ("Bravo 👍", "Bravo 🖕"),
    ],
)
def test_signs_that_change_what_is_said_are_judged(client: FlaskClient, before: str, after: str) -> None:
    first = send(client, before, external_id="17")

    assert first["id"] != send(client, after, external_id="17", edited=True)["id"]


def test_an_author_s_own_versions_do_not_speak_against_an_edit(app: Flask, client: FlaskClient) -> None:
    ids = [
        send(client, f"{AD} {'un ' * n}fois", external_id="17", author_id="a-1", edited=True)["id"] for n in range(8)
    ]

    assert not any({"near_repeated_text", "author_flood"} & set(signals(app, one)) for one in ids)


def test_erasing_an_author_erases_the_versions_under_another_name(app: Flask, client: FlaskClient) -> None:
    send(client, external_id="17", email="rémi@exemple.fr")
    edit = {"name": "Claire D", "comment": LONG + " Encore.", "external_id": "17", "edited": True}
    client.post("/v1/comments", json=edit)

    assert {"erased": 2} == client.post("/v1/authors:erase", json={"name": "Claire D"}).json


def test_an_author_is_found_whatever_the_case_of_an_accented_address(app: Flask, client: FlaskClient) -> None:
    send(client)
    with app.extensions["vigie"].engine.begin() as connection:
        connection.execute(tables.submissions.update().values(email="RÉMI@exemple.fr"))
    kept = client.post("/v1/authors:export", data='{"email": "rémi@exemple.fr"}', content_type="application/json")

    assert kept.status_code in {200, 422}  # the door may refuse the accent; what is kept is found by the command
    assert 1 == len(labels.author(app.extensions["vigie"].engine, "default", {"email": "rémi@exemple.fr"}))
