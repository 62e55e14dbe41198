"""Akismet's clients, as they are: forms, hosts and words that each of them sends, reads and compares."""

import csv
import dataclasses
import io
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from service import keys
from service.compat.akismet import THANKS
from service.store import StoreError, tables
from service.store import keys as store_keys

SPAM = (
    "Gagnez 5000 euros par semaine sans effort, contactez-moi sur WhatsApp +33 6 12 34 56 78, prêt entre particuliers"
    " sérieux : https://argent-facile.example/pret"
)
HAM = "Merci pour cet article, clair et bien documenté."
RUDE = "Encore un article payé par le lobby, bande d'abrutis."
FORM = {
    "blog": "https://journal.example/", "user_ip": "203.0.113.9", "user_agent": "Mozilla/5.0",
    "comment_type": "comment",
    "permalink": "https://journal.example/monde/visite/", "comment_author": "Claire", "blog_lang": "fr_FR",
    "comment_author_email": "claire@example.org", "comment_author_url": "https://claire.example/",
}  # fmt: skip
CHECK, SUBMIT_SPAM, SUBMIT_HAM = "/1.1/comment-check", "/1.1/submit-spam", "/1.1/submit-ham"


def check(client: FlaskClient, content: str, **more: Any) -> TestResponse:
    answer = client.post(CHECK, data=FORM | {"comment_content": content} | more)
    assert (200, "text/plain; charset=utf-8") == (answer.status_code, answer.content_type)
    return answer


def rows(app: Flask, table: Any) -> list[Any]:
    with app.extensions["vigie"].engine.connect() as connection:
        return list(connection.execute(select(table)))


@pytest.fixture
def key(app: Flask) -> str:
    state, minted = app.extensions["vigie"], keys.mint()
    store_keys.add(state.engine, keys.digest(minted), "default", keys.USUAL_SCOPES, 99, "", "test", datetime.now(UTC))
    state.keys.until = 0.0
    return minted


def test_spam_is_spam_and_an_ordinary_comment_is_not(client: FlaskClient) -> None:
    spam, ham = check(client, SPAM), check(client, HAM)

    assert (b"true", b"false") == (spam.data, ham.data)
    for answer in (spam, ham):
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-akismet-guid"])


def test_only_what_is_rejected_is_to_be_discarded(app: Flask, client: FlaskClient) -> None:
    answer = check(client, SPAM)
    [judged] = rows(app, tables.judgements)
    held = check(client, "Voir https://a.example https://b.example https://c.example")

    assert ("reject", "discard") == (judged.decision, answer.headers["X-akismet-pro-tip"])
    assert (b"true", None) == (held.data, held.headers.get("X-akismet-pro-tip"))
    assert "X-akismet-alert-code" not in answer.headers


def test_what_is_toxic_is_spam_only_where_the_site_says_so(app: Flask, client: FlaskClient) -> None:
    assert b"false" == check(client, RUDE).data
    state = app.extensions["vigie"]
    strict = {name: dataclasses.replace(site, akismet_toxicity=True) for name, site in state.sites.items()}
    app.extensions["vigie"] = dataclasses.replace(state, sites=strict)

    assert b"true" == check(client, RUDE + " !").data


def test_a_comment_is_kept_with_what_the_client_told_of_it_and_does_not_wait_in_the_console(
    app: Flask, client: FlaskClient
) -> None:
    told = {"comment_date_gmt": "2026-11-24T10:00:00Z", "comment_parent": "12", "user_role": "subscriber,author"}
    answer = check(client, SPAM, **told)
    [kept] = rows(app, tables.submissions)

    assert answer.headers["X-akismet-guid"] == kept.id.replace("-", "")
    assert (SPAM, "Claire", "claire@example.org", "https://claire.example/", "12", "subscriber", "203.0.113.0") == (
        kept.comment, kept.name, kept.email, kept.url, kept.parent_id, kept.role, kept.ip,
    )  # fmt: skip
    assert ("https://journal.example/monde/visite/", datetime(2026, 11, 24, 10, tzinfo=UTC)) == (
        kept.article_url, kept.submitted_at,
    )  # fmt: skip
    assert [] == rows(app, tables.queue)


@pytest.mark.parametrize(
    ("sent", "kept"), [("1", 0), ("true", 0), ("True", 0), ("false", 1), ("0", 1), ("", 1), ("no", 1)]
)
def test_a_test_is_judged_and_not_kept(app: Flask, client: FlaskClient, sent: str, kept: int) -> None:
    assert b"true" == check(client, SPAM, is_test=sent).data
    assert kept == len(rows(app, tables.submissions))


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        ({"comment_author": "viagra-test-123"}, b"true"),
        ({"comment_author": "akismet-guaranteed-spam"}, b"true"),
        ({"comment_author_email": "akismet-guaranteed-spam@example.com"}, b"true"),
        ({"user_role": "administrator", "comment_content": SPAM}, b"false"),
    ],
)
def test_the_names_with_which_clients_try_akismet_do_here_what_they_do_there(
    client: FlaskClient, more: dict[str, str], answer: bytes
) -> None:
    assert answer == check(client, HAM, **more).data


def test_a_filled_honeypot_is_spam(client: FlaskClient) -> None:
    trap = {"honeypot_field_name": "hidden_phone"}

    assert b"true" == check(client, HAM, **trap, hidden_phone="0612345678").data
    assert b"false" == check(client, HAM, **trap, hidden_phone=" ").data
    assert b"false" == check(client, HAM, **trap).data


def test_a_recheck_is_judged_again_and_kept_once(app: Flask, client: FlaskClient) -> None:
    answers = [
        check(client, HAM),
        check(client, HAM, recheck_reason="retry"),
        check(client, HAM, recheck_reason="edit"),
    ]

    assert [b"false"] * 3 == [answer.data for answer in answers]
    assert 1 == len(rows(app, tables.submissions))
    assert 1 == len({answer.headers["X-akismet-guid"] for answer in answers})


@pytest.mark.parametrize("charset", ["ISO-8859-1", "windows-1252", "UTF-8", "nonsense"])
def test_a_form_is_read_in_its_own_charset(app: Flask, client: FlaskClient, charset: str) -> None:
    encoding = "utf-8" if charset == "nonsense" else charset
    body = urlencode({"comment_content": "L'été à Besançon", "comment_author": "Zoé"}, encoding=encoding)
    answer = client.post(CHECK, data=body, content_type=f"application/x-www-form-urlencoded; charset={charset}")
    [kept] = rows(app, tables.submissions)

    assert (b"false", "L'été à Besançon", "Zoé") == (answer.data, kept.comment, kept.name)


def test_what_wordpress_sends_besides_is_accepted_and_not_kept(app: Flask, client: FlaskClient) -> None:
    besides = {f"POST_field_{n}": "Zébulon" * 20 for n in range(300)} | {f"HTTP_X_{n}": "Zébulon" for n in range(300)}
    contexts = {
        "comment_context[]": ["économie", "Zébulon"],
        "comment_context[0]": "monde",
        "akismet_comment_nonce": "x",
    }

    assert b"false" == check(client, HAM, **besides, **contexts).data
    assert "Zébulon" not in str(rows(app, tables.submissions))


def test_html_is_read_as_a_reader_sees_it(app: Flask, client: FlaskClient) -> None:
    check(client, "<p>Merci &agrave; tous</p>")

    assert ["Merci à tous"] == [row.comment for row in rows(app, tables.submissions)]


@pytest.mark.parametrize(
    "more",
    [
        {"user_ip": ""}, {"user_ip": "unknown"}, {"comment_author_email": "pas une adresse"}, {"permalink": "/a"},
        {"comment_author_url": "javascript:x"}, {"comment_date_gmt": "hier"}, {"comment_author": "\x00"},
        {"comment_author": "x" * 500}, {"comment_content": "\x00"}, {"comment_content": ""}, {"blog": ""},
        {"comment_content": "\ud83d"}, {"honeypot_field_name": "absent"},
    ],
)  # fmt: skip
def test_what_cannot_be_is_left_out(client: FlaskClient, more: dict[str, str]) -> None:
    body = urlencode(FORM | {"comment_content": HAM} | more, errors="surrogatepass")
    answer = client.post(CHECK, data=body, content_type="application/x-www-form-urlencoded")

    assert (200, b"false") == (answer.status_code, answer.data)


# Keys.


def test_a_key_stands_in_the_form_or_in_front_of_the_host_s_name(client: FlaskClient, key: str) -> None:
    in_host = {"headers": {"Host": f"{key}.rest.vigie.example:8000"}}

    assert b"valid" == client.post("/1.1/verify-key", data={"key": key, "blog": "https://journal.example"}).data
    assert b"valid" == client.post("/1.1/verify-key", data={"blog": "https://journal.example"}, **in_host).data
    assert b"false" == check(client, HAM, api_key=key).data
    assert b"false" == client.post(CHECK, data={"comment_content": HAM}, **in_host).data
    assert 200 == client.get("/1.2/usage-limit", query_string={"api_key": key}).status_code


@pytest.mark.parametrize("path", ["/1.1/verify-key", CHECK, SUBMIT_SPAM, SUBMIT_HAM, "/1.2/usage-limit"])
def test_a_wrong_key_is_told_with_200_invalid_and_a_help(client: FlaskClient, key: str, path: str) -> None:
    for sent in ({"api_key": "wrong4711xyz"}, {"key": "wrong4711xyz"}, {}):
        answer = client.post(path, data={"comment_content": HAM, **sent})

        assert (200, b"invalid") == (answer.status_code, answer.data)
        assert answer.headers["X-akismet-debug-help"]


def test_a_key_that_asks_too_often_gets_neither_true_nor_false(app: Flask, client: FlaskClient, key: str) -> None:
    with app.extensions["vigie"].engine.begin() as connection:
        connection.execute(update(tables.keys).values(rate=1))
    answers = [check(client, HAM, api_key=key).data for _ in range(2)]

    assert [b"false", b"unavailable"] == answers


# What people decide.


@pytest.mark.parametrize(
    ("path", "decision", "labels"), [(SUBMIT_SPAM, "reject", {"spam": 1}), (SUBMIT_HAM, "accept", {"spam": 0})]
)
def test_what_is_submitted_is_a_verdict_on_what_was_checked_once(
    app: Flask, client: FlaskClient, path: str, decision: str, labels: dict[str, int]
) -> None:
    guid = check(client, SPAM).headers["X-akismet-guid"]
    answers = [client.post(path, data=FORM | {"comment_content": SPAM, "reporter": "admin"}) for _ in range(2)]
    [verdict] = rows(app, tables.verdicts)

    assert [b"Thanks for making the web a better place."] * 2 == [answer.data for answer in answers]
    assert (guid, decision, labels, "akismet") == (
        verdict.submission_id.replace("-", ""), verdict.decision, verdict.labels, verdict.actor,
    )  # fmt: skip


def test_a_change_of_mind_counts(app: Flask, client: FlaskClient) -> None:
    for path in (SUBMIT_SPAM, SUBMIT_HAM):
        client.post(path, data=FORM | {"comment_content": HAM})

    assert [("reject", False), ("accept", True)] == [
        (row.decision, row.withdrawn_at is None) for row in rows(app, tables.verdicts)
    ]
    assert 1 == len(rows(app, tables.submissions))


def test_coral_submits_json_without_blog_and_with_the_key_in_the_host(
    app: Flask, client: FlaskClient, key: str
) -> None:
    body = {"user_ip": "", "comment_content": f"<div>{HAM}</div>", "comment_author": "Claire", "is_test": False}
    answer = client.post(SUBMIT_SPAM, json=body, headers={"Host": f"{key}.rest.vigie.example"})

    assert (200, THANKS) == (answer.status_code, answer.text)
    assert [HAM] == [row.comment for row in rows(app, tables.submissions)]
    assert 1 == len(rows(app, tables.verdicts))


def test_nothing_is_learnt_of_a_test_or_of_nothing(app: Flask, client: FlaskClient) -> None:
    for more in ({"is_test": "1"}, {"comment_content": " "}):
        assert THANKS == client.post(SUBMIT_SPAM, data=FORM | {"comment_content": HAM} | more).text

    assert [] == rows(app, tables.submissions)


# The rest.


def test_the_use_of_a_month_is_counted(client: FlaskClient) -> None:
    check(client, SPAM)
    check(client, HAM)
    client.post(SUBMIT_HAM, data=FORM | {"comment_content": SPAM})
    month = f"{datetime.now(UTC):%Y-%m}"
    row = {
        "site": "default", "api_calls": "2", "spam": "1", "ham": "1", "missed_spam": "0", "false_positives": "1",
        "is_revoked": False,
    }  # fmt: skip
    written = client.get("/1.2/key-sites", query_string={"month": month, "format": "csv"})

    assert {"limit": "none", "usage": 2, "percentage": "0.00", "throttled": False} == client.get(
        "/1.2/usage-limit"
    ).json
    assert {month: [row], "limit": 500, "offset": 0, "total": 1} == client.get("/1.2/key-sites").json
    assert "0" == client.get("/1.2/key-sites", query_string={"month": "2025-02"}).json["2025-02"][0]["api_calls"]
    assert 200 == client.get("/1.2/key-sites", query_string={"month": "hier"}).status_code
    assert ("text/csv; charset=utf-8", [{**row, "is_revoked": "False"}]) == (
        written.content_type, list(csv.DictReader(io.StringIO(written.text))),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("1.1/token", "{}\n"), ("1.1/anything/else", "{}\n"), ("1.2/compatible-plugins", "{}\n"),
        ("1.1/deactivate", "deactivated"), ("1.1/get-stats", ""),
    ],
)  # fmt: skip
def test_what_the_wordpress_plugin_asks_besides_is_answered_harmlessly(
    client: FlaskClient, path: str, expected: str
) -> None:
    answer = client.post(f"/{path}", data={"key": "x", "blog": "https://journal.example"})

    assert (200, expected) == (answer.status_code, answer.text)


def test_the_wordpress_plugin_finds_vigie_before_it_has_a_key(client: FlaskClient, key: str) -> None:
    found, plugins = client.get("/1.1/test"), client.get("/1.2/compatible-plugins")

    assert (200, "connected") == (found.status_code, found.text)
    assert (200, "invalid") == (plugins.status_code, plugins.text), "anything else that it fetches is no JSON"


def test_the_wordpress_plugin_is_told_of_an_account_that_it_may_use(client: FlaskClient, key: str) -> None:
    account = client.post("/1.1/get-subscription", data={"key": key}).json

    assert {"status": "active", "account_name": "Vigie", "account_type": "", "next_billing_date": False} == account
    assert "invalid" == client.post("/1.1/get-subscription", data={"key": "wrong4711xyz"}).text


def test_of_two_keys_the_one_that_is_asked_about_counts(client: FlaskClient, key: str) -> None:
    """WordPress' plugin adds the key that it has already, as `api_key`, to a question about another one."""
    for new, old, expected in ((key, "wrong4711xyz", "valid"), ("wrong4711xyz", key, "invalid")):
        assert expected == client.post("/1.1/verify-key", data={"key": new, "api_key": old}).text

    assert b"false" == check(client, HAM, api_key=key, key="a field of the form").data


def test_every_answer_about_a_comment_has_a_name(client: FlaskClient, key: str) -> None:
    """Without one, WordPress' plugin publishes a comment of which it has learnt nothing."""
    for answer in (check(client, HAM), check(client, "x" * 10_000_000, api_key=key)):
        assert answer.data in {b"invalid", b"unavailable"}
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-akismet-guid"])

    assert "X-akismet-guid" not in client.post("/1.1/verify-key").headers


@pytest.mark.parametrize(
    ("sent", "agent", "more", "kept"),
    [
        (r"L\'été \"ici\" \\o/", "WordPress/6.8 | Akismet/5.5", {}, r"""L'été "ici" \o/"""),
        (r"L'été dans C:\temp", "WordPress/6.8 | Akismet/5.5", {}, r"L'été dans C:\temp"),
        (r"L\'été", "WordPress/6.8 | Akismet/5.5", {"recheck_reason": "retry"}, r"L\'été"),
        (r"L\'été", "Akismet Ruby", {}, r"L\'été"),
    ],
)
def test_wordpress_backslashes_before_quotes_are_not_the_author_s(
    app: Flask, client: FlaskClient, sent: str, agent: str, more: dict[str, str], kept: str
) -> None:
    form = FORM | {"comment_content": sent, "comment_author": r"Jeanne d\'Arc"} | more
    client.post(CHECK, data=form, headers={"User-Agent": agent})
    [row] = rows(app, tables.submissions)

    assert kept == row.comment
    assert ("Jeanne d'Arc" if agent.startswith("WordPress") and not more else r"Jeanne d\'Arc") == row.name


def test_when_it_cannot_be_judged_the_answer_is_neither_true_nor_false(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = check(client, "x" * 10_000_000)
    broken = client.post(CHECK, data=b"{", content_type="application/json")
    squeezed = client.post(CHECK, data=b"x", headers={"Content-Encoding": "gzip"})

    def fail(*_: object, **__: object) -> None:
        raise StoreError("down")

    monkeypatch.setattr("service.store.add", fail)
    down = check(client, HAM)

    def break_(*_: object, **__: object) -> None:
        raise ValueError(SPAM)

    monkeypatch.setattr("service.compat.akismet._comment", break_)
    for answer, code in (
        (large, "413"),
        (broken, "400"),
        (squeezed, "415"),
        (down, "503"),
        (check(client, HAM), "500"),
    ):
        assert (200, b"unavailable", code) == (answer.status_code, answer.data, answer.headers["X-akismet-error"])
        assert answer.headers["X-akismet-debug-help"]
        assert "Gagnez" not in str(answer.headers)
