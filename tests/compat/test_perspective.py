"""Perspective's clients, as they are: what each of them sends, reads and matches."""

import dataclasses
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from service import keys
from service.compat import perspective
from service.settings import Settings
from service.store import StoreError, tables
from service.store import keys as store_keys

RUDE = "Encore un article payé par le lobby, bande d'abrutis."
ANALYZE, SUGGEST = "/v1alpha1/comments:analyze", "/v1alpha1/comments:suggestscore"
CORAL = {
    "comment": {"text": RUDE}, "doNotStore": True, "requestedAttributes": {"TOXICITY": {}}, "languages": ["fr"],
}  # fmt: skip
SUGGESTED = {
    "comment": {"text": RUDE},
    "context": {"entries": [{"text": '{"url":"https://journal.example/a?commentID=7f2","Coral_comment_id":"7f2"}'}]},
    "attributeScores": {"TOXICITY": {"summaryScore": {"value": 1}}},
    "languages": ["fr"],
    "communityId": "Coral:https://commentaires.journal.example",
    "clientToken": "comment:7f2",
}


def asked(text: str = RUDE, **more: Any) -> dict[str, Any]:
    return {"comment": {"text": text}, "requestedAttributes": {"TOXICITY": {}}, "languages": ["fr"]} | more


def analyze(client: FlaskClient, body: Any, path: str = ANALYZE, **more: Any) -> dict[str, Any]:
    answer = client.post(path, json=body, **more)
    assert 200 == answer.status_code, answer.text
    assert answer.json
    return dict(answer.json)


def fault(answer: TestResponse, code: int, kind: str) -> str:
    """Assert that *answer* is an error that every client survives; return its message."""
    assert answer.json
    error = answer.json["error"]
    assert {"code", "message", "status", "details"} == set(error)
    assert (code, code, kind) == (answer.status_code, error["code"], error["details"][0]["errorType"]), error
    assert error["status"].isupper()
    return str(error["message"])


def score(answer: dict[str, Any], name: str = "TOXICITY") -> float:
    return float(answer["attributeScores"][name]["summaryScore"]["value"])


def rows(app: Flask, table: Any) -> list[Any]:
    with app.extensions["vigie"].engine.connect() as connection:
        return list(connection.execute(select(table)))


@pytest.mark.parametrize("path", [ANALYZE, "/comments:analyze", "/v1alpha1/comments%3Aanalyze"])
def test_what_coral_sends_gets_a_number_where_coral_reads_it(client: FlaskClient, path: str) -> None:
    answer = client.post(f"{path}?key=anything", data=json.dumps(CORAL), content_type="application/json")

    assert (200, "application/json") == (answer.status_code, answer.mimetype)
    assert answer.json
    assert 0.5 < score(answer.json) <= 1
    assert score(answer.json) > score(analyze(client, asked("Merci pour cet article, clair et bien documenté.")))


def test_the_whole_answer(client: FlaskClient) -> None:
    answer = analyze(client, asked(clientToken="c-481", requestedAttributes={"INSULT": None}))
    value = {"value": score(answer, "INSULT"), "type": "PROBABILITY"}

    assert {
        "attributeScores": {"INSULT": {"spanScores": [{"begin": 0, "end": 53, "score": value}], "summaryScore": value}},
        "languages": ["fr"],
        "detectedLanguages": ["fr"],
        "clientToken": "c-481",
    } == answer


def test_every_attribute_and_its_experimental_name_is_answered_under_the_name_asked(client: FlaskClient) -> None:
    answer = analyze(client, asked(requestedAttributes=dict.fromkeys(perspective.NAMES)))

    assert set(perspective.NAMES) == set(answer["attributeScores"])
    assert score(answer, "THREAT") == score(answer, "THREAT_EXPERIMENTAL")
    assert 16 == len(perspective.NAMES)


def test_a_score_below_its_threshold_is_left_out(client: FlaskClient) -> None:
    wanted = {"TOXICITY": {"scoreThreshold": 0.01}, "THREAT": {"scoreThreshold": 1}, "SPAM": {"scoreThreshold": None}}

    assert {"TOXICITY", "SPAM"} == set(analyze(client, asked(requestedAttributes=wanted))["attributeScores"])


@pytest.mark.parametrize("languages", [["fr"], ["fr-FR"], ["FR-ca"], ["fr", "en"], ["en", "fr"]])
def test_french_of_any_region_is_answered(client: FlaskClient, languages: list[str]) -> None:
    assert languages == analyze(client, asked(languages=languages))["languages"]


@pytest.mark.parametrize("languages", [[], None, ...])
def test_the_language_is_found_when_it_is_not_named(client: FlaskClient, languages: Any) -> None:
    body = {name: value for name, value in asked(languages=languages).items() if value is not ...}

    assert (["fr"], ["fr"]) == tuple(analyze(client, body)[name] for name in ("languages", "detectedLanguages"))


def test_another_language_is_refused_or_scored_as_the_site_chose(app: Flask, client: FlaskClient) -> None:
    english = "You are a complete idiot, and this newspaper is a disgrace to the whole profession."
    refused = client.post(ANALYZE, json=asked(english, languages=[]))
    named = client.post(ANALYZE, json=asked(languages=["eu", "en"]))

    assert "Attribute TOXICITY does not support request languages: en" == fault(
        refused, 400, "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE"
    )
    assert "Attribute TOXICITY does not support request languages: eu, en" == fault(
        named, 400, "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE"
    )
    assert refused.json
    assert named.json
    told = [answer.json["error"]["details"][0]["languageNotSupportedByAttributeError"] for answer in (refused, named)]
    assert [
        {"attribute": "TOXICITY", "detectedLanguages": ["en"]},
        {"attribute": "TOXICITY", "requestedLanguages": ["eu", "en"]},
    ] == told
    assert {} == analyze(client, asked(languages=["en"], dropUnsupportedAttributes=True))["attributeScores"]
    state = app.extensions["vigie"]
    scoring = {name: dataclasses.replace(site, other_languages="score") for name, site in state.sites.items()}
    app.extensions["vigie"] = dataclasses.replace(state, sites=scoring)
    assert {"TOXICITY"} == set(analyze(client, asked(english, languages=[]))["attributeScores"])


def test_spans_are_sentences_counted_in_utf_16_and_the_whole(client: FlaskClient) -> None:
    text = "  Bravo 😀😀 !  Quel crétin, ce maire…\nMerci."
    spans = analyze(client, asked(text, spanAnnotations=True))["attributeScores"]["TOXICITY"]["spanScores"]
    units = text.encode("utf-16-le")

    assert ["Bravo 😀😀 !", "Quel crétin, ce maire…", "Merci.", text] == [
        units[2 * span["begin"] : 2 * span["end"]].decode("utf-16-le") for span in spans
    ]
    assert spans[1]["score"]["value"] > spans[0]["score"]["value"]


@pytest.mark.parametrize("text", [RUDE, "Un seul mot", "😀"])
def test_there_is_always_one_span_over_the_whole_text(client: FlaskClient, text: str) -> None:
    for wanted in (True, False, None):
        [span] = analyze(client, asked(text, spanAnnotations=wanted))["attributeScores"]["TOXICITY"]["spanScores"]

        assert (0, len(text.encode("utf-16-le")) // 2) == (span["begin"], span["end"])


def test_a_thousand_sentences_are_not_scored_one_by_one(client: FlaskClient) -> None:
    text = "Non. " * 1000
    spans = analyze(client, asked(text, spanAnnotations=True))["attributeScores"]["TOXICITY"]["spanScores"]

    assert perspective.MOST_SENTENCES + 1 == len(spans)
    assert len(text) == spans[-2]["end"] == spans[-1]["end"]


def test_html_is_read_as_a_reader_sees_it(client: FlaskClient) -> None:
    html = {"text": "<p>Encore un article pay&eacute; par le lobby, bande d&#39;abrutis.</p>", "type": "HTML"}

    assert score(analyze(client, asked(comment=html))) == score(analyze(client, asked()))


def test_unknown_fields_and_arguments_are_ignored(client: FlaskClient) -> None:
    query = {"key": "k", "alt": "json", "prettyPrint": "true", "$.xgafv": "2", "fields": "*"}
    body = asked(sessionId="s", communityId="c", colour="blue", comment={"text": RUDE, "mood": 1})

    assert {"TOXICITY"} == set(analyze(client, body, query_string=query)["attributeScores"])


@pytest.mark.parametrize("context", [{}, None, {"entries": [{"text": "Avant"}]}, {"articleAndParentComment": {}}])
def test_a_context_is_accepted(client: FlaskClient, context: Any) -> None:
    assert analyze(client, asked(context=context))


both = {"entries": [{"text": "a"}], "articleAndParentComment": {"article": {"text": "b"}}}


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (asked(""), "COMMENT_EMPTY", "Comment must be non-empty."),
        (asked(" \u200b\n"), "COMMENT_EMPTY", "Comment must be non-empty."),
        (asked(comment=None), "COMMENT_EMPTY", "Comment must be non-empty."),
        (asked(comment={"text": None}), "COMMENT_EMPTY", "Comment must be non-empty."),
        (asked("é" * 10_241), "COMMENT_TOO_LONG", "Comment text too long."),
        (asked(requestedAttributes={}), "NO_REQUESTED_ATTRIBUTES", "Missing requested_attributes"),
        (asked(requestedAttributes=None), "NO_REQUESTED_ATTRIBUTES", "Missing requested_attributes"),
        (asked(requestedAttributes={"FLIRTATION": {}}), "INVALID_REQUEST", "Unknown requested attribute: FLIRTATION"),
        (asked(requestedAttributes={"<script>": {}}), "INVALID_REQUEST", "Unknown requested attribute: ?script?"),
        (
            asked(requestedAttributes={"INSULT": {"scoreType": "STD_DEV_SCORE"}}),
            "INVALID_REQUEST",
            "Requested score type STD_DEV_SCORE is not supported by attribute INSULT",
        ),
        (asked("12 345 !", languages=[]), "LANGUAGE_DETECTION_FAILED", "Unable to detect language"),
        (
            asked(context=both),
            "INVALID_REQUEST",
            "Context can have either entries or article_and_parent_comment fields, but not both.",
        ),
        (asked(comment={"text": "a", "type": "MARKDOWN"}), "INVALID_REQUEST", "Invalid value at 'comment.type'"),
        (asked(comment="a"), "INVALID_REQUEST", "Invalid value at 'comment'"),
        (asked(comment={"text": 1}), "INVALID_REQUEST", "Invalid value at 'comment'"),
        (asked(languages="fr"), "INVALID_REQUEST", "Invalid value at 'languages'"),
        (asked(requestedAttributes=["TOXICITY"]), "INVALID_REQUEST", "Invalid value at 'requestedAttributes'"),
        ({}, "COMMENT_EMPTY", "Comment must be non-empty."),
        ([], "INVALID_REQUEST", "Invalid JSON payload received."),
    ],
)
def test_what_is_wrong_is_told_in_words_that_clients_match(
    client: FlaskClient, body: Any, kind: str, message: str
) -> None:
    assert message == fault(client.post(ANALYZE, json=body), 400, kind)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"null", b'"x"'])
def test_a_body_that_is_no_json_is_told_in_the_same_envelope(client: FlaskClient, body: bytes) -> None:
    for path in (ANALYZE, SUGGEST):
        message = fault(client.post(path, data=body), 400, "INVALID_REQUEST")

        assert message.startswith("Invalid JSON payload received.")


def test_a_body_of_ten_megabytes_is_refused(client: FlaskClient) -> None:
    answer = client.post(ANALYZE, json=asked("x" * 10_000_000))

    assert "Request payload size exceeds the limit." == fault(answer, 413, "INVALID_REQUEST")


def test_unsupported_attributes_are_dropped_on_request(client: FlaskClient) -> None:
    wanted = {"TOXICITY": {}, "FLIRTATION": {}}
    answer = analyze(client, asked(requestedAttributes=wanted, dropUnsupportedAttributes=True))
    nothing = analyze(client, asked(requestedAttributes={"FLIRTATION": {}}, dropUnsupportedAttributes=True))

    assert ({"TOXICITY"}, {}) == (set(answer["attributeScores"]), nothing["attributeScores"])


def make_key(app: Flask, *scopes: str, rate: int = 1000) -> str:
    state, key = app.extensions["vigie"], keys.mint()
    store_keys.add(state.engine, keys.digest(key), "default", scopes, rate, "", "test", datetime.now(UTC))
    state.keys.until = 0.0
    return key


def test_the_key_stands_in_the_query_or_in_a_header(app: Flask, client: FlaskClient) -> None:
    key = make_key(app, "judge")

    assert analyze(client, asked(), query_string={"key": key})
    assert analyze(client, asked(), headers={"X-Goog-Api-Key": key})
    for query in ({}, {"key": "wrong"}):
        answer = client.post(ANALYZE, json=asked(), query_string=query)
        assert "API key not valid. Please pass a valid API key." == fault(answer, 400, "API_KEY_INVALID")
        assert answer.json
        assert "API_KEY_INVALID" == answer.json["error"]["details"][0]["reason"]
    fault(client.post(SUGGEST, json=SUGGESTED, query_string={"key": key}), 403, "PERMISSION_DENIED")


def test_a_key_that_asks_too_often_is_told_so(app: Flask, client: FlaskClient) -> None:
    key = make_key(app, "judge", rate=1)
    analyze(client, asked(), query_string={"key": key})
    answer = client.post(ANALYZE, json=asked(), query_string={"key": key})

    assert fault(answer, 429, "RATE_LIMIT_EXCEEDED").startswith("Quota exceeded")
    assert answer.json
    assert "RESOURCE_EXHAUSTED" == answer.json["error"]["status"]
    assert int(answer.headers["Retry-After"]) > 0


def test_a_stranger_is_told_that_there_is_no_key_yet(client: FlaskClient) -> None:
    answer = client.post(ANALYZE, json=asked(), environ_base={"REMOTE_ADDR": "203.0.113.7"})

    assert "vigie key new" in fault(answer, 400, "API_KEY_INVALID")


@pytest.mark.parametrize("do_not_store", [True, False, None])
def test_an_analysis_leaves_no_trace(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture, do_not_store: bool | None
) -> None:
    caplog.set_level(logging.DEBUG)
    analyze(client, asked(doNotStore=do_not_store), query_string={"key": "secretkey123"})

    assert [] == rows(app, tables.submissions)
    assert [] == rows(app, tables.fingerprints)
    assert "abrutis" not in caplog.text
    assert "secretkey123" not in caplog.text


def test_a_silent_database_does_not_stop_an_analysis_and_is_told_of_a_suggestion(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("down")

    monkeypatch.setattr("service.store.find", fail)
    answer = client.post(SUGGEST, json=SUGGESTED)

    assert analyze(client, asked())
    assert "The service is currently unavailable." == fault(answer, 503, "UNAVAILABLE")
    assert "5" == answer.headers["Retry-After"]


def test_an_error_inside_is_told_without_a_word_of_the_comment(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError(RUDE)

    monkeypatch.setattr(perspective.analyzer, "requested", fail)

    assert "Internal error encountered." == fault(client.post(ANALYZE, json=asked()), 500, "INTERNAL")


# Suggestions.


def test_what_coral_suggests_becomes_a_verdict_of_which_the_last_counts(app: Flask, client: FlaskClient) -> None:
    approved = SUGGESTED | {"attributeScores": {"TOXICITY": {"summaryScore": {"value": 0, "type": "PROBABILITY"}}}}
    answers = [client.post(SUGGEST, json=body) for body in (SUGGESTED, SUGGESTED, approved)]
    kept = [(row.decision, row.labels, row.actor, row.withdrawn_at is None) for row in rows(app, tables.verdicts)]

    assert {"clientToken": "comment:7f2", "detectedLanguages": ["fr"], "requestedLanguages": ["fr"]} == answers[0].json
    assert [200, 200, 200] == [answer.status_code for answer in answers]
    assert [
        ("reject", {"toxicity": 1}, "perspective", False), ("accept", {"toxicity": 0}, "perspective", True),
    ] == kept  # fmt: skip
    assert [RUDE] == [row.comment for row in rows(app, tables.submissions)]
    assert [] == rows(app, tables.queue)


def test_a_suggestion_about_a_comment_that_we_know_is_a_verdict_on_it(app: Flask, client: FlaskClient) -> None:
    known = client.post("/v1/comments", json={"name": "Luc", "comment": RUDE}).json
    client.post(SUGGEST, json=SUGGESTED)

    assert known
    assert [known["id"]] == [row.submission_id for row in rows(app, tables.verdicts)]


def test_a_comment_that_was_changed_is_another_one_under_the_same_token(app: Flask, client: FlaskClient) -> None:
    client.post(SUGGEST, json=SUGGESTED)
    client.post(SUGGEST, json=SUGGESTED | {"comment": {"text": "Encore un article sur le même sujet."}})

    assert 2 == len(rows(app, tables.submissions))
    assert 2 == len(rows(app, tables.verdicts))


def test_a_suggestion_about_a_part_of_the_text_counts_for_the_whole(app: Flask, client: FlaskClient) -> None:
    spans = [{"begin": 0, "end": 3, "score": {"value": value}} for value in (0, 1)]
    client.post(SUGGEST, json=SUGGESTED | {"attributeScores": {"TOXICITY": {"spanScores": spans}}})

    assert [("reject", {"toxicity": 1})] == [(row.decision, row.labels) for row in rows(app, tables.verdicts)]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"attributeScores": {"TOXICITY": {}}}, "Missing summary_score"),
        ({"attributeScores": {"TOXICITY": {"spanScores": []}}}, "Missing summary_score"),
        ({"attributeScores": {}}, "Missing attribute_scores"),
        ({"attributeScores": {"MOOD": {"summaryScore": {"value": 1}}}}, "Unknown requested attribute: MOOD"),
        ({"attributeScores": {"TOXICITY": {"summaryScore": {"value": 2}}}}, "Invalid value at 'attributeScores'"),
        (
            {"attributeScores": {"TOXICITY": {"spanScores": [{"begin": 0, "score": {"value": 1}}]}}},
            "Invalid value at 'attributeScores'",
        ),
    ],
)
def test_a_faulty_suggestion_is_refused(app: Flask, client: FlaskClient, more: dict[str, Any], message: str) -> None:
    assert message == fault(client.post(SUGGEST, json=SUGGESTED | more), 400, "INVALID_REQUEST")
    assert [] == rows(app, tables.submissions)


# The document from which Google's libraries are made.


def test_the_discovery_document_names_the_configured_address_and_never_a_stranger_s(
    make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    def root(settings: Settings, **more: Any) -> str:
        answer = make_app(settings).test_client().get("/$discovery/rest?version=v1alpha1&key=K", **more)
        assert answer.json
        assert {"analyze", "suggestscore"} == set(answer.json["resources"]["comments"]["methods"])
        return str(answer.json["rootUrl"])

    public = dataclasses.replace(settings, public_url="https://vigie.journal.example")
    stranger = {"headers": {"Host": "evil.example"}, "environ_base": {"REMOTE_ADDR": "203.0.113.7"}}

    assert "https://vigie.journal.example/" == root(public) == root(public, **stranger)
    assert "http://localhost/" == root(settings)
    assert "http://127.0.0.1:8000/" == root(settings, **stranger)


def test_a_suggestion_is_no_verdict_on_one_of_two_comments_that_say_the_same(app: Flask, client: FlaskClient) -> None:
    for name in ("Luc", "Zoé"):
        client.post("/v1/comments", json={"name": name, "comment": RUDE})
    client.post(SUGGEST, json=SUGGESTED)
    [verdict] = rows(app, tables.verdicts)

    assert "" == next(row.name for row in rows(app, tables.submissions) if row.id == verdict.submission_id)


def test_a_suggestion_does_not_overrule_what_somebody_else_decided(app: Flask, client: FlaskClient) -> None:
    known = client.post("/v1/comments", json={"name": "Luc", "comment": RUDE}).json
    assert known
    client.post(f"/v1/comments/{known['id']}/verdict", json={"decision": "reject", "reason": "HATE_SPEECH"})
    approved = SUGGESTED | {"attributeScores": {"TOXICITY": {"summaryScore": {"value": 0}}}}

    assert 200 == client.post(SUGGEST, json=approved).status_code
    assert [("reject", "api", True)] == [
        (row.decision, row.actor, row.withdrawn_at is None) for row in rows(app, tables.verdicts)
    ]


@pytest.mark.parametrize("odd", ["\ud800", "a\u0000", "x" * 5000])
def test_odd_tokens_are_no_errors(client: FlaskClient, odd: str) -> None:
    answers = [
        client.post(path, data=json.dumps(body | {"clientToken": odd, "communityId": odd}))
        for path, body in ((ANALYZE, asked()), (SUGGEST, SUGGESTED))
    ]

    assert [200, 200] == [answer.status_code for answer in answers]


def test_a_suggestion_in_another_language_is_not_learnt(app: Flask, client: FlaskClient) -> None:
    fault(client.post(SUGGEST, json=SUGGESTED | {"languages": ["en"]}), 400, "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE")

    assert [] == rows(app, tables.submissions)
