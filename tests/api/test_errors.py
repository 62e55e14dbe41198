"""Every error, raised once: the one format, its headers, and nothing of what was sent or of what went wrong inside."""

import dataclasses
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, abort
from flask.testing import FlaskClient
from werkzeug.exceptions import default_exceptions

from service import store
from service.problems import TITLES, Problem
from service.settings import Settings
from service.store import StoreError

SECRET = "Zébulon-a-dit-ceci"
GOOD = {"name": "Claire", "comment": "Merci pour cet article."}
RAISED: dict[str, Callable[[], Exception]] = {
    "problem": lambda: Problem(422, "Trop de tout.", {"name": ["Non."]}),
    "store": lambda: StoreError(SECRET),
    "value": lambda: ValueError(SECRET),
    "key": lambda: KeyError(SECRET),
    "recursion": lambda: RecursionError(SECRET),
    "memory": lambda: MemoryError(SECRET),
    "assertion": lambda: AssertionError(SECRET),
    "driver": lambda: sqlite3.OperationalError(SECRET),
    "unicode": lambda: UnicodeEncodeError("utf-8", SECRET, 0, 1, SECRET),
    "json": lambda: TypeError(SECRET),
}


@pytest.fixture(scope="module")
def faulty(model: Any, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client of an app with a throw-away room whose every view raises."""
    url = f"sqlite:///{tmp_path_factory.mktemp('faulty') / 'vigie.db'}"
    engine = store.open_engine(url)
    store.upgrade(engine)
    engine.dispose()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.app.load_model", lambda models: model)
        from service.app import create_app

        app = create_app(Settings(database=url))
    room = Blueprint("faulty", __name__)

    @room.route("/raise/<name>", methods=["GET", "POST"])
    def throw(name: str) -> str:
        raise RAISED[name]()

    @room.get("/abort/<int:code>")
    def stop(code: int) -> str:
        abort(code, description=SECRET)

    @room.get("/broken")
    def broken() -> object:
        return object()  # what no view may return

    app.register_blueprint(room)
    return app.test_client()


@pytest.mark.parametrize("code", sorted(default_exceptions))
def test_every_http_error_is_a_problem(faulty: FlaskClient, problem: Callable[..., Any], code: int) -> None:
    answer = faulty.get(f"/abort/{code}")
    told = problem(answer, code)

    assert SECRET not in answer.text
    kind, title, detail = TITLES.get(code, ("error", "Erreur", "La requête n'a pas pu être traitée."))
    assert (f"urn:vigie:problem:{kind}", title, detail) == (told["type"], told["title"], told["detail"])


def test_a_problem_tells_its_own_words(faulty: FlaskClient, problem: Callable[..., Any]) -> None:
    told = problem(faulty.get("/raise/problem"), 422)

    assert ("Trop de tout.", {"name": ["Non."]}) == (told["detail"], told["errors"])


def test_a_fault_of_the_database_asks_to_come_again(faulty: FlaskClient, problem: Callable[..., Any]) -> None:
    answer = faulty.get("/raise/store")
    told = problem(answer, 503)

    assert "5" == answer.headers["Retry-After"]
    assert "La base de données ne répond pas, rien n'est gardé. Réessayez." == told["detail"]
    assert SECRET not in answer.text


@pytest.mark.parametrize("name", sorted(RAISED.keys() - {"problem", "store"}))
def test_what_nobody_foresaw_tells_its_request_and_nothing_else(
    faulty: FlaskClient, problem: Callable[..., Any], name: str
) -> None:
    answer = faulty.post(f"/raise/{name}", json=GOOD, headers={"X-Request-ID": "demande-1"})
    told = problem(answer, 500)

    assert "demande-1" == told["request_id"]
    assert ("urn:vigie:problem:internal", "Erreur interne") == (told["type"], told["title"])
    for word in (SECRET, "Error", "Traceback", ".py"):
        assert word not in answer.text


def test_a_broken_view_is_an_error_of_ours(faulty: FlaskClient, problem: Callable[..., Any]) -> None:
    problem(faulty.get("/broken"), 500)


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("GET", "/v1/comments", 405, {"POST", "OPTIONS"}),
        ("PUT", "/v1/comments", 405, {"POST", "OPTIONS"}),
        ("DELETE", "/v1/comments/x", 405, {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/healthz", 405, {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/v1/comments:preview", 405, {"POST", "OPTIONS"}),
        ("BREW", "/v1/model", 405, {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/v1", 404, None),
        ("GET", "/v1/comment", 404, None),
        ("GET", "/v1/comments/", 404, None),
        ("POST", "/v1/comments:", 404, None),
        ("GET", "/static/../app.py", 404, None),
        ("GET", "/%00%ff", 404, None),
    ],
)
def test_a_wrong_address_or_method_is_a_problem(
    door: FlaskClient, problem: Callable[..., Any], method: str, path: str, status: int, allowed: set[str] | None
) -> None:
    answer = door.open(path, method=method)

    problem(answer, status)
    assert allowed == (set(answer.headers["Allow"].split(", ")) if "Allow" in answer.headers else None)


@pytest.mark.parametrize("host", ["x" * 300, "[::1", "é", "a b", "", ":", "a:99999999"], ids=range(7))
def test_a_strange_host_is_no_error_of_ours(door: FlaskClient, host: str) -> None:
    assert door.get("/healthz", headers={"Host": host}).status_code in {200, 400}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/healthz", None),
        ("HEAD", "/healthz", None),
        ("GET", "/readyz", None),
        ("GET", "/metrics", None),
        ("GET", "/v1/policy", None),
        ("OPTIONS", "/v1/comments", None),
        ("POST", "/v1/comments:preview", GOOD),
        ("POST", "/v1/comments", {}),
        ("GET", "/v1/comments", None),
        ("GET", "/nowhere", None),
        ("GET", "/docs", None),
        ("GET", "/openapi.json", None),
        ("GET", "/essai", None),
        ("GET", "/", None),
        ("GET", "/static/vigie.css", None),
        ("GET", "/raise/value", None),
        ("GET", "/raise/store", None),
        ("GET", "/abort/413", None),
    ],
)
def test_every_answer_has_the_headers_that_protect(faulty: FlaskClient, method: str, path: str, body: object) -> None:
    answer = faulty.open(path, method=method, json=body)

    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "nosniff" == answer.headers["X-Content-Type-Options"]
    assert "same-origin" == answer.headers["Referrer-Policy"]
    assert answer.headers["X-Request-ID"]
    assert "Set-Cookie" not in answer.headers
    answer.close()


@pytest.mark.parametrize("sent", ["demande-1", "A.b_c-9", "a" * 64])
def test_a_plain_request_id_is_given_back(door: FlaskClient, sent: str) -> None:
    assert sent == door.get("/healthz", headers={"X-Request-ID": sent}).headers["X-Request-ID"]
    assert sent == door.get("/nowhere", headers={"X-Request-ID": sent}).json["request_id"]


@pytest.mark.parametrize("sent", ["", " ", "a" * 65, "a b", "é", "<script>", "jean@exemple.fr", '"', "a,b", "a\tb"])
def test_another_request_id_is_replaced(door: FlaskClient, sent: str) -> None:
    given = [door.get("/healthz", headers={"X-Request-ID": sent}).headers["X-Request-ID"] for _ in range(2)]

    assert [32, 32] == list(map(len, given))
    assert given[0] != given[1]
    assert sent not in given


def _removed(app: Flask, database: Path) -> None:
    for file in database.parent.glob("vigie.db*"):
        file.unlink()


def _a_folder(app: Flask, database: Path) -> None:
    _removed(app, database)
    database.mkdir()


def _folder_removed(app: Flask, database: Path) -> None:
    database.parent.rename(database.parent.with_suffix(".aside"))


def _rubbish(app: Flask, database: Path) -> None:
    _removed(app, database)
    database.write_bytes(b"This is not a database. " * 1000)


def _no_tables(app: Flask, database: Path) -> None:
    with app.extensions["vigie"].engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE judgements")
        connection.exec_driver_sql("DROP TABLE alembic_version")


def _nowhere(app: Flask, database: Path) -> None:
    engine = store.open_engine("postgresql://vigie:mot-de-passe@127.0.0.1:1/vigie")
    app.extensions["vigie"] = dataclasses.replace(app.extensions["vigie"], engine=engine)


@pytest.mark.parametrize("used", [True, False], ids=["used before", "never used"])
@pytest.mark.parametrize("gone", [_removed, _a_folder, _folder_removed, _rubbish, _no_tables, _nowhere])
def test_without_its_database_the_service_lives_and_says_so(
    app: Flask,
    client: FlaskClient,
    problem: Callable[..., Any],
    database: Path,
    gone: Callable[[Flask, Path], None],
    used: bool,
) -> None:
    known = client.post("/v1/comments", json=GOOD).json["id"] if used else "00000000-0000-4000-8000-000000000000"
    gone(app, database)

    for answer in (
        client.post("/v1/comments", json=GOOD),
        client.post("/v1/comments", json=GOOD | {"external_id": "x-1"}),
        client.post("/v1/comments:batch", json={"comments": [GOOD]}),
        client.get(f"/v1/comments/{known}"),
        client.get("/readyz"),
    ):
        told = problem(answer, 503)
        assert "5" == answer.headers["Retry-After"]
        assert "La base de données ne répond pas, rien n'est gardé. Réessayez." == told["detail"]
    assert 200 == client.get("/healthz").status_code
    assert 200 == client.post("/v1/comments:preview", json=GOOD).status_code  # needs no database
    assert 200 == client.post("/v1/comments", json=GOOD | {"store": False}).status_code


def test_a_database_that_comes_back_is_used_again(app: Flask, client: FlaskClient, database: Path) -> None:
    kept = client.post("/v1/comments", json=GOOD).json["id"]
    aside = database.with_name("aside")
    app.extensions["vigie"].engine.dispose()  # the last one to close writes all into the one file
    database.rename(aside)

    assert 503 == client.get("/readyz").status_code
    _removed(app, database)
    aside.rename(database)
    assert 200 == client.get("/readyz").status_code
    assert 200 == client.get(f"/v1/comments/{kept}").status_code
    assert 201 == client.post("/v1/comments", json=GOOD).status_code


def test_nothing_is_half_stored(
    app: Flask, client: FlaskClient, problem: Callable[..., Any], counts: Callable[[], tuple[int, int]]
) -> None:
    with app.extensions["vigie"].engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER broken BEFORE INSERT ON judgements BEGIN SELECT RAISE(ABORT, 'broken'); END"
        )

    problem(client.post("/v1/comments", json=GOOD), 503)
    assert (0, 0) == counts()


def test_a_database_that_another_holds_is_waited_for_and_then_told(
    app: Flask, client: FlaskClient, problem: Callable[..., Any], database: Path, counts: Callable[[], tuple[int, int]]
) -> None:
    engine = app.extensions["vigie"].engine
    with sqlite3.connect(database, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 50")  # of the one connection that the pool keeps
        problem(client.post("/v1/comments", json=GOOD), 503)
        other.execute("ROLLBACK")
    other.close()

    assert (0, 0) == counts()
    assert 201 == client.post("/v1/comments", json=GOOD).status_code
