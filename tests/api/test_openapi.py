"""The OpenAPI document: valid, complete, and true: schemathesis sends what it allows and what it forbids."""

import re
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.settings import Settings

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="session")
def document(door: FlaskClient) -> dict[str, Any]:
    return door.get("/openapi.json").get_json()


@pytest.fixture(scope="session")
def api_schema(shared_app: Flask) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", shared_app)


def undescribed(app: Flask, document: dict[str, Any]) -> set[str]:
    """Return the method and path of every view under /v1, and of every probe, that *document* does not describe."""
    views = {
        method + " " + re.sub(r"<(?:[^:<>]+:)?(.+?)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/v1/") or rule.endpoint.startswith("probes.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    return views - {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}


def test_the_document_is_valid_openapi(api_schema: Any, document: dict[str, Any]) -> None:
    assert "3.1.0" == document["openapi"]
    api_schema.validate()
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_a_wrong_document_would_be_noticed(shared_app: Flask, document: dict[str, Any]) -> None:
    wrong = schemathesis.openapi.from_dict({**document, "paths": {"/v1": {"get": {"responses": []}}}})

    with pytest.raises(jsonschema_rs.ValidationError):
        wrong.validate()


def test_every_view_is_described(
    shared_app: Flask, make_app: Callable[[Settings], Flask], settings: Settings, document: dict[str, Any]
) -> None:
    forgetful = make_app(settings)
    forgetful.add_url_rule("/v1/things/<int:id>", "things", str, methods=["PUT"])

    assert set() == undescribed(shared_app, document)
    assert {"PUT /v1/things/{id}"} == undescribed(forgetful, document)
    assert {"/healthz", "/readyz", "/metrics"} < set(document["paths"])


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    operations = [
        operation for item in document["paths"].values() for key, operation in item.items() if key != "parameters"
    ]

    assert len(operations) == len({operation["operationId"] for operation in operations})
    for operation in operations:
        assert operation["summary"]
        assert operation["responses"]
        assert all(answer["description"] for answer in operation["responses"].values())


def test_the_document_knows_every_field_and_its_limit(document: dict[str, Any]) -> None:
    comment = document["components"]["schemas"]["Comment"]

    assert {"name", "comment"} == set(comment["required"])
    assert False is comment["additionalProperties"]
    assert {
        "name", "comment", "email", "url", "article", "author_id", "parent_id", "external_id", "ip", "user_agent",
        "referrer", "submitted_at", "role", "store", "honeypot", "seconds",
        "edited",
    } == set(comment["properties"])  # fmt: skip
    assert (245, 65_525) == (comment["properties"]["name"]["maxLength"], comment["properties"]["comment"]["maxLength"])


def test_the_example_of_each_body_is_answered_well(door: FlaskClient, document: dict[str, Any]) -> None:
    kept = door.post("/v1/comments", json={"name": "Claire", "comment": "Merci."}).json
    assert kept
    seen = 0
    for path, item in document["paths"].items():
        for media_type, content in item.get("post", {}).get("requestBody", {}).get("content", {}).items():
            sent = {"data" if "form" in media_type else "json": content["example"]}
            assert door.post(path.replace("{id}", kept["id"]), **sent).status_code in {200, 201}
            seen += 1

    assert 8 == seen


def test_the_page_shows_every_path(door: FlaskClient, document: dict[str, Any]) -> None:
    answer = door.get("/docs")

    assert (200, "text/html; charset=utf-8") == (answer.status_code, answer.content_type)
    for path in document["paths"]:
        assert path in answer.text


OPERATIONS = [
    ("POST", "/v1/comments"),
    ("POST", "/v1/comments:preview"),
    ("POST", "/v1/comments:batch"),
    ("GET", "/v1/comments/{id}"),
    ("POST", "/v1/comments/{id}/verdict"),
    ("POST", "/v1/authors:export"),
    ("POST", "/v1/authors:erase"),
    ("GET", "/v1/model"),
    ("GET", "/v1/policy"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
]


def test_every_operation_is_sent_to(document: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}

    assert {(method, path) for method, path in described if method != "PARAMETERS"} == set(OPERATIONS)


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_as_documented(api_schema: Any, method: str, path: str, mode: GenerationMode) -> None:
    operation = api_schema[path][method]
    if mode is GenerationMode.NEGATIVE and not operation.body and not operation.path_parameters:
        return  # it takes nothing that could be wrong

    @settings(max_examples=30, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def answer(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    answer()
