"""Bodies that cannot be read: each is told as a problem in French, and none is an error of ours."""

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
GOOD = b'{"name": "Claire", "comment": "Merci."}'
POSTS = ("/v1/comments", "/v1/comments:preview", "/v1/comments:batch")

NOT_UTF_8 = "Le corps de la requête n'est pas de l'UTF-8 valide."
NOT_JSON = "Le corps de la requête n'est pas du JSON valide."
NOT_OBJECT = "Le corps de la requête doit être un objet JSON."
EMPTY = "Le corps de la requête est vide."
TWICE = "Un champ est présent plusieurs fois dans le même objet JSON."
TWICE_IN_FORM = "Un champ est présent plusieurs fois dans le formulaire."
FORM_NOT_UTF_8 = "Le formulaire n'est pas de l'UTF-8 valide."

UNREADABLE = [
    (b"", EMPTY),
    (b" \r\n\t", EMPTY),
    (b"{", NOT_JSON),
    (b"name=Claire", NOT_JSON),
    (b"{'name': 'Claire'}", NOT_JSON),
    (b'{"name": "Claire",}', NOT_JSON),
    (b'{"name": "a\nb"}', NOT_JSON),  # a line break that is not escaped
    (b"\xef\xbb\xbf" + GOOD, NOT_JSON),  # a byte order mark
    (b'{"a": NaN}', NOT_JSON),
    (b'{"a": [Infinity, -Infinity]}', NOT_JSON),
    (b'{"a": ' + b"9" * 10_000 + b"}", NOT_JSON),  # Python reads no integer of so many figures
    (b"[" * 100_000, NOT_JSON),
    (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, NOT_JSON),
    (b"null", NOT_OBJECT),
    (b"[]", NOT_OBJECT),
    (b'"name"', NOT_OBJECT),
    (b"1e999", NOT_OBJECT),
    (b'{"name": "a", "name": "b"}', TWICE),
    (b'{"article": {"id": "a", "id": "a"}}', TWICE),
    (b'{"name": "\xff"}', NOT_UTF_8),
    (b'{"name": "\xed\xa0\x80"}', NOT_UTF_8),  # half a surrogate pair, written in UTF-8
    (b'{"name": "\xc0\xaf"}', NOT_UTF_8),  # overlong
    ('{"name": "Zoé"}'.encode("latin-1"), NOT_UTF_8),
    ('{"name": "Zoé"}'.encode("utf-16"), NOT_UTF_8),
    (gzip.compress(GOOD), NOT_UTF_8),
]

UNREADABLE_FORMS = [
    (b"", EMPTY),
    (b"name=%FF", FORM_NOT_UTF_8),
    (b"name=%ED%A0%80", FORM_NOT_UTF_8),
    (b"%FF=name", FORM_NOT_UTF_8),
    (b"name=\xff", NOT_UTF_8),
    (b"name=a&name=b", TWICE_IN_FORM),
    (b"article[id]=a&article[id]=b", TWICE_IN_FORM),
    (b"article=a&article[id]=b", TWICE_IN_FORM),
    (b"article[id]=b&article=a", TWICE_IN_FORM),
    (b"&".join(b"a%d=" % n for n in range(101)), "Le formulaire a plus de 100 champs."),
]

OTHER_TYPES = [
    None,
    "",
    "text/plain",
    "text/json",
    "application/xml",
    "application/problem+json",
    "multipart/form-data; boundary=x",
    "json",
    "application/json; charset=latin-1",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded; charset=iso-8859-1",
]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(("body", "detail"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_unreadable_json_is_told(
    door: FlaskClient, problem: Callable[..., Any], path: str, body: bytes, detail: str
) -> None:
    told = problem(door.post(path, data=body, content_type=JSON), 400)

    assert ("urn:vigie:problem:unreadable", detail) == (told["type"], told["detail"])
    assert "errors" not in told


@pytest.mark.parametrize("path", POSTS[:2])
@pytest.mark.parametrize(("body", "detail"), UNREADABLE_FORMS, ids=range(len(UNREADABLE_FORMS)))
def test_an_unreadable_form_is_told(
    door: FlaskClient, problem: Callable[..., Any], path: str, body: bytes, detail: str
) -> None:
    assert detail == problem(door.post(path, data=body, content_type=FORM), 400)["detail"]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("kind", OTHER_TYPES)
def test_another_type_of_content_is_told(
    door: FlaskClient, problem: Callable[..., Any], path: str, kind: str | None
) -> None:
    told = problem(door.post(path, data=GOOD, content_type=kind), 415)

    assert "urn:vigie:problem:unsupported-media-type" == told["type"]


def test_a_batch_is_no_form(door: FlaskClient, problem: Callable[..., Any]) -> None:
    told = problem(door.post("/v1/comments:batch", data={"comments": "x"}), 415)

    assert "Envoyez du JSON (application/json)." == told["detail"]


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON", "application/json; charset=UTF-8"])
def test_json_may_be_named_in_any_case(door: FlaskClient, kind: str) -> None:
    assert 200 == door.post("/v1/comments:preview", data=GOOD, content_type=kind).status_code


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP"])
def test_a_compressed_body_is_refused(door: FlaskClient, problem: Callable[..., Any], encoding: str) -> None:
    answer = door.post(
        "/v1/comments", data=gzip.compress(GOOD), content_type=JSON, headers={"Content-Encoding": encoding}
    )

    assert "Le corps de la requête ne doit pas être compressé." == problem(answer, 415)["detail"]


@pytest.mark.parametrize("field", ["name", "comment", "email", "role"])
def test_a_nul_in_a_form_is_told(door: FlaskClient, problem: Callable[..., Any], field: str) -> None:
    body = {"name": b"Claire", "comment": b"Merci."} | {field: b"a\x00b"}
    told = problem(door.post("/v1/comments", data=body), 422)

    assert {field} == set(told["errors"])


def chunked(client: FlaskClient, path: str, body: bytes) -> TestResponse:
    """Send *body* without saying its length, as gunicorn hands in a request that comes in chunks."""
    return client.post(
        path,
        input_stream=io.BytesIO(body),
        content_type=JSON,
        environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    )


@pytest.mark.parametrize(
    ("path", "most"),
    [("/v1/comments", 1_048_576), ("/v1/comments:preview", 1_048_576), ("/v1/comments:batch", 16_777_216)],
)
def test_a_body_that_is_too_large_is_told(door: FlaskClient, problem: Callable[..., Any], path: str, most: int) -> None:
    largest = b'{"x":' + b" " * (most - 7) + b"1}"

    assert most == len(largest)
    assert 422 == door.post(path, data=largest, content_type=JSON).status_code
    assert 422 == chunked(door, path, largest).status_code
    told = problem(door.post(path, data=largest + b" ", content_type=JSON), 413)
    assert "urn:vigie:problem:too-large" == told["type"]
    assert told | {"request_id": ""} == problem(chunked(door, path, largest + b" "), 413) | {"request_id": ""}


def test_a_length_is_believed_before_the_body_comes(door: FlaskClient, problem: Callable[..., Any]) -> None:
    answer = door.post("/v1/comments", data=GOOD, content_type=JSON, environ_overrides={"CONTENT_LENGTH": str(10**12)})

    problem(answer, 413)


@pytest.mark.parametrize("length", ["-1", "x", "", "1e3"])
def test_a_length_that_is_none_is_no_error_of_ours(door: FlaskClient, length: str) -> None:
    answer = door.post("/v1/comments", data=GOOD, content_type=JSON, environ_overrides={"CONTENT_LENGTH": length})

    assert answer.status_code < 500


def test_a_body_in_chunks_is_read(door: FlaskClient) -> None:
    assert 200 == chunked(door, "/v1/comments:preview", GOOD).status_code


def answered(client: FlaskClient, check: Callable[..., Any], path: str, body: bytes, kind: str) -> None:
    answer = client.post(path, data=body, content_type=kind)

    assert answer.status_code in {200, 201, 400, 413, 415, 422}
    if answer.status_code >= 400:
        check(answer, answer.status_code)


# Values that are nearly those of a comment, so that many examples pass the first checks.
FIELDS = ("name", "comment", "email", "url", "article", "external_id", "ip", "submitted_at", "store", "x")
TEXTS = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["", " ", "\x00", "\ud800", "http://a.fr", "::1", "NaN"]
)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.sampled_from(["id", "url"]), inner, max_size=3)
    ),
    max_leaves=8,
)
COMMENTS = st.dictionaries(st.sampled_from(FIELDS) | TEXTS, VALUES, max_size=6)
bounded = settings(max_examples=150, derandomize=True, deadline=None, database=None)


@bounded
@given(
    path=st.sampled_from(POSTS),
    body=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    kind=st.sampled_from([JSON, FORM]),
)
def test_no_bytes_are_an_error_of_ours(
    door: FlaskClient, problem: Callable[..., Any], path: str, body: bytes, kind: str
) -> None:
    answered(door, problem, path, body, kind)


@bounded
@given(path=st.sampled_from(POSTS[:2]), comment=COMMENTS)
def test_no_json_value_is_an_error_of_ours(
    door: FlaskClient, problem: Callable[..., Any], path: str, comment: dict[str, Any]
) -> None:
    answered(door, problem, path, json.dumps(comment).encode(), JSON)


@bounded
@given(body=st.fixed_dictionaries({"comments": st.lists(COMMENTS | VALUES, max_size=4) | VALUES}) | VALUES)
def test_no_batch_is_an_error_of_ours(door: FlaskClient, problem: Callable[..., Any], body: object) -> None:
    answered(door, problem, "/v1/comments:batch", json.dumps(body).encode(), JSON)


@bounded
@given(comment=st.dictionaries(st.sampled_from((*FIELDS, "article[url]", "a[b]", "[")) | TEXTS, TEXTS, max_size=6))
def test_no_form_is_an_error_of_ours(door: FlaskClient, problem: Callable[..., Any], comment: dict[str, str]) -> None:
    body = "&".join(
        "=".join("".join(f"%{byte:02X}" for byte in word.encode("utf-8", "surrogatepass")) for word in pair)
        for pair in comment.items()
    )

    answered(door, problem, "/v1/comments", body.encode(), FORM)


def test_a_comment_goes_in_and_comes_out_whatever_its_letters(shared_app: Flask, door: FlaskClient) -> None:
    every = "".join(chr(point) for point in range(1, 0x3000)) + "😀\U0010ffff"
    answer = door.post("/v1/comments", json={"name": every[:100], "comment": every})

    assert 201 == answer.status_code
    assert answer.json == door.get(f"/v1/comments/{answer.json['id']}").json
