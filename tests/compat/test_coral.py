"""Coral's external moderation phase and its webhooks, recorded as Coral sends them."""

import dataclasses
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from service.compat import coral
from service.domain import REJECTIONS, Decision, Reason
from service.policy import SIGNALS, Limits
from service.settings import Settings
from service.store import StoreError, tables
from tests.page.test_try_page import set_policy

SECRET, OTHER, HOOK = "empsec_0123456789abcdef", "empsec_fedcba9876543210", "whsec_0123456789abcdef"
RUDE = "Encore un article payé par le lobby, bande d'abrutis."
SPAM = (
    "Gagnez 5000 euros par semaine sans effort, contactez-moi sur WhatsApp +33 6 12 34 56 78, prêt entre particuliers"
    " sérieux : https://argent-facile.example/pret"
)
ASKED = {
    "action": "NEW",
    "comment": {"body": "<div>Bonjour à tous</div>", "parentID": None},
    "author": {"id": "u-19", "role": "COMMENTER"},
    "story": {"id": "s-77", "url": "https://journal.example/article"},
    "site": {"id": "site-1"},
    "tenantID": "t-1",
    "tenantDomain": "commentaires.journal.example",
}
STATUSES = {"APPROVED", "REJECTED", "SYSTEM_WITHHELD"}
FLAGS = {"COMMENT_DETECTED_TOXIC", "COMMENT_DETECTED_SPAM"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The settings of these tests: Coral's secrets, and time enough on a busy machine."""
    return dataclasses.replace(settings, coral_secrets=(SECRET, OTHER, HOOK), coral_deadline=9000)


def sign(body: bytes, *secrets: str) -> str:
    return ",".join(f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}" for secret in secrets)


def send(client: FlaskClient, told: Any, path: str = "phase", signature: str | None = None) -> TestResponse:
    """Send as Coral does: JSON over several lines, signed over the very bytes."""
    body = told if isinstance(told, bytes) else json.dumps(told, indent=2, ensure_ascii=False).encode()
    headers = {"X-Coral-Signature": sign(body, SECRET) if signature is None else signature}
    return client.post(f"/coral/{path}", data=body, headers=headers, content_type="application/json")


def ask(client: FlaskClient, body: str = RUDE, **more: Any) -> TestResponse:
    answer = send(client, ASKED | {"comment": {"body": body, "parentID": None}} | more)
    _is_as_coral_wants(answer)
    return answer


def _is_as_coral_wants(answer: TestResponse) -> None:
    """One wrong word voids the whole answer, and the comment goes on unjudged."""
    assert answer.status_code in {200, 204}
    if answer.status_code == 204:
        assert b"" == answer.data
        return
    told = answer.json
    assert told
    assert told.get("status", "APPROVED") in STATUSES
    assert {"FLAG"} >= {action["actionType"] for action in told.get("actions", [])}
    assert FLAGS >= {action["reason"] for action in told.get("actions", [])}
    assert "tags" not in told
    assert ("moderationAction" in told) == (told.get("status") == "REJECTED")
    if "moderationAction" in told:
        reason = told["moderationAction"]["rejectionReason"]
        assert "REJECTED" == told["moderationAction"]["status"]
        assert reason["code"] in REJECTIONS
        assert ("customReason" in reason) == (reason["code"] == "OTHER")
        assert {"code", "detailedExplanation", "customReason", "legalGrounds"} >= set(reason)


def rows(app: Flask, table: Any) -> list[Any]:
    with app.extensions["vigie"].engine.connect() as connection:
        return list(connection.execute(select(table)))


def choose(app: Flask, **choices: Any) -> None:
    state = app.extensions["vigie"]
    sites = {name: dataclasses.replace(site, **choices) for name, site in state.sites.items()}
    app.extensions["vigie"] = dataclasses.replace(state, sites=sites)


# Answers.


def test_an_accepted_comment_gets_no_opinion(client: FlaskClient) -> None:
    assert (204, b"") == (send(client, ASKED).status_code, send(client, ASKED).data)


def test_a_held_comment_is_withheld_with_a_flag(client: FlaskClient) -> None:
    told = ask(client).json

    assert told
    assert ("SYSTEM_WITHHELD", [{"actionType": "FLAG", "reason": "COMMENT_DETECTED_TOXIC"}]) == (
        told["status"], told["actions"],
    )  # fmt: skip
    assert "hold" == told["vigie"]["decision"]


def test_a_rejected_comment_is_rejected_with_a_reason_for_its_author(client: FlaskClient) -> None:
    told = ask(client, SPAM).json

    assert told
    assert "REJECTED" == told["status"]
    assert "SPAM" == told["moderationAction"]["rejectionReason"]["code"]
    assert "publicité" in told["moderationAction"]["rejectionReason"]["detailedExplanation"]
    assert {"actionType": "FLAG", "reason": "COMMENT_DETECTED_SPAM"} in told["actions"]


@pytest.mark.parametrize(
    ("choices", "body", "status", "told"),
    [
        ({"coral_accept": "approve"}, "Bonjour", 200, {"status": "APPROVED"}),
        ({"coral_hold": "flag"}, RUDE, 200, {"actions": [{"actionType": "FLAG", "reason": "COMMENT_DETECTED_TOXIC"}]}),
    ],
)
def test_a_site_chooses_what_coral_is_told(
    app: Flask, client: FlaskClient, choices: dict[str, str], body: str, status: int, told: dict[str, Any]
) -> None:
    choose(app, **choices)
    answer = ask(client, body)

    assert answer.json
    assert (status, told) == (answer.status_code, {key: answer.json[key] for key in answer.json if key != "vigie"})


@pytest.mark.parametrize("code", [*SIGNALS, "toxicity", "insult", "spam", "identity_attack"])
def test_every_reason_has_a_code_that_coral_knows(app: Flask, code: str) -> None:

    attribute = SIGNALS[code][0] if code in SIGNALS else code
    told = coral._reason(Reason(code, "Parce que.", Decision.reject, attribute))

    assert told["code"] in REJECTIONS
    assert ("customReason" in told) == (told["code"] == "OTHER")


def test_a_word_of_the_site_is_a_banned_word(app: Flask, client: FlaskClient) -> None:
    set_policy(app, signals={"listed_reject": Limits(hold=1, reject=1)})
    with app.extensions["vigie"].engine.begin() as connection:
        values = {"site": "default", "word": "patate", "decision": "reject", "added_by": "x"}
        connection.execute(tables.words.insert().values(**values, added_at=datetime.now(UTC)))
    told = ask(client, "Une patate chaude").json

    assert told
    assert "BANNED_WORD" == told["moderationAction"]["rejectionReason"]["code"]


# Bodies.


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<div>Encore un article pay&eacute; par le lobby, bande d&#39;abrutis.</div>", RUDE),
        (RUDE, RUDE),
        ("Un &lt;3 pour vous<br>et deux", "Un <3 pour vous\net deux"),
    ],
)
def test_html_and_plain_text_are_read_alike(app: Flask, client: FlaskClient, body: str, text: str) -> None:
    ask(client, body)

    assert [text] == [row.comment for row in rows(app, tables.submissions)]


def test_a_comment_is_kept_with_author_story_and_role_and_does_not_wait_in_the_console(
    app: Flask, client: FlaskClient
) -> None:
    ask(client, author={"id": "u-19", "role": "STAFF"})
    [kept] = rows(app, tables.submissions)

    assert ("u-19", "STAFF", "s-77", "https://journal.example/article", "") == (
        kept.author_id, kept.role, kept.article_id, kept.article_url, kept.name,
    )  # fmt: skip
    assert [] == rows(app, tables.queue)


def test_an_edit_is_compared_with_its_former_self(app: Flask, client: FlaskClient) -> None:
    text = "La mairie annonce pour le mois de mars des travaux dans la rue principale, qui sera fermée aux voitures."
    ask(client, text)
    ask(client, text.replace("mars", "mai") + " C'est long.", action="EDIT")
    ask(client, text.upper().replace("MARS", "MAI") + " C'est long !", action="EDIT")
    first, second = sorted(rows(app, tables.submissions), key=lambda row: row.received_at)
    signals = [{signal["code"] for signal in row.signals} for row in rows(app, tables.judgements)]

    assert {(first.id, None), (second.id, first.id)} == {(row.id, row.former_id) for row in (first, second)}
    assert not any({"near_repeated_text", "repeated_text", "author_flood"} & found for found in signals)


@pytest.mark.parametrize(
    "more",
    [
        {"author": {"id": "u-19"}}, {"story": {"id": "s-77"}}, {"colour": 1}, {"site": None}, {"action": "FUTURE"},
        {"comment": {"body": "", "parentID": None}}, {"comment": {"body": "\x00\ud83d", "parentID": "\x00"}},
        {"author": {"id": "x" * 9999, "role": "\x00"}}, {"comment": {"body": "<img src=x>"}},
    ],
)  # fmt: skip
def test_what_another_coral_may_send_is_answered(client: FlaskClient, more: dict[str, Any]) -> None:
    _is_as_coral_wants(send(client, json.dumps(ASKED | more).encode()))


# Signatures.


def test_any_of_several_secrets_may_have_signed_and_any_of_several_signatures_may_be_right(client: FlaskClient) -> None:
    body = json.dumps(ASKED).encode()

    for signature in (
        sign(body, OTHER),
        sign(body, "empsec_of_yesterday___", SECRET),
        sign(body, SECRET).upper().replace("SHA256", "sha256"),
    ):
        assert 204 == send(client, body, signature=signature).status_code


@pytest.mark.parametrize(
    "signature",
    ["", "sha256=", "sha256=00", "00", sign(b"another body", SECRET), sign(json.dumps(ASKED).encode(), "wrong"), "é"],
)
def test_what_nobody_has_signed_is_withheld_or_skipped_and_not_read(
    app: Flask, client: FlaskClient, signature: str
) -> None:
    body = json.dumps(ASKED).encode()
    held = send(client, body, signature=signature)
    choose(app, coral_fault="skip")
    skipped = send(client, body, signature=signature)

    assert held.json
    assert (200, "SYSTEM_WITHHELD") == (held.status_code, held.json["status"])
    assert 401 == skipped.status_code
    assert [] == rows(app, tables.submissions)


def test_the_secret_tells_the_site(app: Flask, client: FlaskClient) -> None:
    state = app.extensions["vigie"]
    gazette = dataclasses.replace(state.sites["default"], name="gazette", coral_secrets=("empsec_of_the_gazette",))
    app.extensions["vigie"] = dataclasses.replace(state, sites={**state.sites, "gazette": gazette})
    body = json.dumps(ASKED).encode()
    send(client, body, signature=sign(body, "empsec_of_the_gazette"))

    assert ["gazette"] == [row.site for row in rows(app, tables.submissions)]


# When it cannot be judged.


def fail(error: Exception) -> Callable[..., None]:
    def raises(*_: object, **__: object) -> None:
        raise error

    return raises


@pytest.mark.parametrize("choice", ["hold", "skip"])
def test_what_cannot_be_judged_is_withheld_or_skipped_as_the_site_chose(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    choose(app, coral_fault=choice)
    answers = [
        (422, send(client, {"action": "NEW"})), (400, send(client, b"{")), (413, send(client, b"x" * 3_000_000)),
    ]  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr("service.store.add", fail(StoreError("down")))
        answers.append((503, send(client, ASKED)))
    with monkeypatch.context() as patch:
        patch.setattr("service.intake.take", fail(ValueError(RUDE)))
        answers.append((500, send(client, ASKED)))

    for code, answer in answers:
        assert RUDE not in answer.text
        if choice == "skip":
            assert code == answer.status_code
        else:
            _is_as_coral_wants(answer)
            assert answer.json
            assert "SYSTEM_WITHHELD" == answer.json["status"]


def test_what_comes_too_late_is_withheld_and_kept_all_the_same(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = app.extensions["vigie"]
    hurried = dataclasses.replace(state.settings, coral_deadline=50)
    app.extensions["vigie"] = dataclasses.replace(state, settings=hurried)
    take, done = coral.intake.take, []

    def slowly(*given: Any, **named: Any) -> Any:
        time.sleep(0.3)
        outcome = take(*given, **named)
        done.append(1)
        return outcome

    monkeypatch.setattr("service.intake.take", slowly)
    answer = send(client, ASKED)
    end = time.monotonic() + 10
    while not done and time.monotonic() < end:
        time.sleep(0.02)

    assert answer.json
    assert (200, "SYSTEM_WITHHELD") == (answer.status_code, answer.json["status"])
    assert 1 == len(rows(app, tables.submissions))


# Webhooks.


def event(kind: str, status: str, comment: str = "c-1", story: str = "s-77") -> dict[str, Any]:
    return {
        "id": "e-1", "type": kind, "createdAt": "2026-11-24T10:00:00Z", "tenantID": "t-1", "tenantDomain": "x",
        "data": {"queue": "PENDING", "commentID": comment, "status": status, "storyID": story, "siteID": "site-1"},
    }  # fmt: skip


ENTERED = event("COMMENT_ENTERED_MODERATION_QUEUE", "SYSTEM_WITHHELD")
LEFT = event("COMMENT_LEFT_MODERATION_QUEUE", "REJECTED")


def tell(client: FlaskClient, told: dict[str, Any], secret: str = HOOK) -> TestResponse:
    body = json.dumps(told, indent=2).encode()
    return send(client, body, "webhook", sign(body, secret))


def verdicts(app: Flask) -> list[tuple[str, str, bool]]:
    return [(row.decision, row.actor, row.withdrawn_at is None) for row in rows(app, tables.verdicts)]


def test_what_coral_s_moderators_decide_comes_back_as_a_verdict(app: Flask, client: FlaskClient) -> None:
    ask(client)
    answers = [tell(client, one) for one in (ENTERED, LEFT, LEFT)]
    approved = event("COMMENT_LEFT_MODERATION_QUEUE", "APPROVED")

    assert [204, 204, 204] == [answer.status_code for answer in answers]
    assert [("reject", "coral", True)] == verdicts(app)
    tell(client, approved)
    assert [("reject", "coral", False), ("accept", "coral", True)] == verdicts(app)


def test_of_two_held_comments_under_one_story_nothing_false_is_learnt(app: Flask, client: FlaskClient) -> None:
    ask(client)
    ask(client, RUDE + " Encore.")
    for one in (ENTERED, LEFT):
        tell(client, one)

    assert [] == verdicts(app)


def test_a_comment_held_long_ago_under_another_story_or_named_already_is_another_one(
    app: Flask, client: FlaskClient
) -> None:
    ask(client)
    tell(client, event("COMMENT_ENTERED_MODERATION_QUEUE", "PREMOD", story="s-78"))
    assert [None] == [row.external_id for row in rows(app, tables.submissions)]
    tell(client, ENTERED)
    tell(client, event("COMMENT_ENTERED_MODERATION_QUEUE", "PREMOD", comment="c-2"))
    assert ["coral:c-1"] == [row.external_id for row in rows(app, tables.submissions)]
    ask(client, RUDE + " Encore.")
    with app.extensions["vigie"].engine.begin() as connection:
        long_ago = datetime(2026, 1, 1, tzinfo=UTC)
        connection.execute(update(tables.submissions).values(received_at=long_ago))
    tell(client, event("COMMENT_ENTERED_MODERATION_QUEUE", "PREMOD", comment="c-3"))
    assert {"coral:c-1", None} == {row.external_id for row in rows(app, tables.submissions)}


@pytest.mark.parametrize(
    "told",
    [
        event("STORY_CREATED", ""), event("COMMENT_CREATED", ""), event("COMMENT_LEFT_MODERATION_QUEUE", "NONE"),
        LEFT, {"type": "STORY_CREATED", "data": {}}, event("COMMENT_LEFT_MODERATION_QUEUE", "REJECTED", comment=""),
    ],
)  # fmt: skip
def test_other_events_and_unknown_comments_are_taken_without_effect(
    app: Flask, client: FlaskClient, told: dict[str, Any]
) -> None:
    assert 204 == tell(client, told).status_code
    assert [] == verdicts(app)


def test_an_event_that_nobody_signed_is_refused(app: Flask, client: FlaskClient) -> None:
    assert 401 == tell(client, LEFT, "whsec_wrong_wrong_wrong").status_code
    assert 422 == tell(client, {"type": "x"}).status_code


def test_what_judges_beside_follows_coral_s_comments_too(
    make_app: Callable[[Settings], Flask], settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "strict.toml").write_text("[signals.shouting]\nhold = 1")
    app = make_app(dataclasses.replace(settings, shadow_policy=tmp_path / "strict.toml"))
    answer = ask(app.test_client(), "MERCI POUR CET ARTICLE CLAIR ET BIEN DOCUMENTÉ")
    answer.close()

    assert ["hold"] == [row.decision for row in rows(app, tables.shadows)]


def test_the_same_request_twice_is_judged_once(app: Flask, client: FlaskClient) -> None:
    first, second = send(client, ASKED), send(client, ASKED)

    assert (204, 204) == (first.status_code, second.status_code)
    assert 1 == len(rows(app, tables.submissions))


def test_what_entered_for_another_reason_names_nothing(app: Flask, client: FlaskClient) -> None:
    ask(client)
    reported = event("COMMENT_ENTERED_MODERATION_QUEUE", "SYSTEM_WITHHELD")
    reported["data"]["queue"] = "REPORTED"
    for one in (reported, event("COMMENT_ENTERED_MODERATION_QUEUE", "PREMOD")):
        tell(client, one)

    assert [None] == [row.external_id for row in rows(app, tables.submissions)]


def test_an_accepted_comment_under_the_same_story_makes_it_uncertain_too(app: Flask, client: FlaskClient) -> None:
    ask(client)
    ask(client, "Merci pour cet article.")
    for one in (ENTERED, LEFT):
        tell(client, one)

    assert [] == verdicts(app)


def test_an_edit_keeps_the_id_by_which_coral_knows_the_comment(app: Flask, client: FlaskClient) -> None:
    ask(client)
    tell(client, ENTERED)
    ask(client, RUDE + " Toujours.", action="EDIT")
    tell(client, LEFT)

    assert [("reject", "coral", True)] == verdicts(app)


def test_an_edit_of_one_of_two_comments_is_kept_as_a_new_one(app: Flask, client: FlaskClient) -> None:
    for text in ("Un premier mot.", "Un second mot."):
        ask(client, text)
    ask(client, "Un troisième mot.", action="EDIT")

    assert [None] * 3 == [row.former_id for row in rows(app, tables.submissions)]
