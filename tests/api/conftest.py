"""What the tests of the API share: one app for all that may use the same, its rows, and the shape of a problem."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from service import app as app_module
from service import store
from service.app import create_app
from service.model import Model
from service.settings import Settings

Check = Callable[[TestResponse, int], dict[str, Any]]


@pytest.fixture(scope="session")
def shared_app(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An app for many tests: each sends what is refused, or looks only at what it sent itself."""
    url = f"sqlite:///{tmp_path_factory.mktemp('shared') / 'vigie.db'}"
    engine = store.open_engine(url)
    store.upgrade(engine)
    engine.dispose()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module, "load_model", lambda models: model)
        app = create_app(Settings(database=url))
    yield app
    app.extensions["vigie"].engine.dispose()


@pytest.fixture(scope="session")
def door(shared_app: Flask) -> FlaskClient:
    return shared_app.test_client()


@pytest.fixture
def counts(app: Flask) -> Callable[[], tuple[int, int]]:
    """Count what the test's own app has stored: submissions and judgements."""

    def count() -> tuple[int, int]:
        with app.extensions["vigie"].engine.connect() as connection:
            return (
                connection.scalar(select(func.count()).select_from(store.submissions)),
                connection.scalar(select(func.count()).select_from(store.judgements)),
            )

    return count


@pytest.fixture(scope="session")
def problem() -> Check:
    """Assert that an answer is an RFC 9457 problem of this status, with all its members; return them."""

    def check(answer: TestResponse, status: int) -> dict[str, Any]:
        told = answer.get_json(force=True)

        assert (status, "application/problem+json") == (answer.status_code, answer.content_type), told
        assert {"type", "title", "status", "detail", "request_id"} == set(told) - {"errors"}
        assert told["type"].startswith("urn:vigie:problem:")
        assert status == told["status"]
        assert answer.headers["X-Request-ID"] == told["request_id"]
        assert told["title"]
        assert told["detail"]
        return told

    return check


class Watched:
    """A pipeline that tells the size of every batch it scores before it scores it."""

    def __init__(self, pipeline: Any, seen: Callable[[int], Any]) -> None:
        self.pipeline = pipeline
        self.seen = seen

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        self.seen(len(texts))
        return self.pipeline.predict_proba(texts)

    def decision_function(self, texts: Sequence[str]) -> np.ndarray:
        return self.pipeline.decision_function(texts)


@pytest.fixture
def watch() -> Callable[[Flask, Callable[[int], Any]], None]:
    """Have a function told of every batch that an app's model scores."""

    def put(app: Flask, seen: Callable[[int], Any]) -> None:
        state = app.extensions["vigie"]
        model = state.moderation.model
        watched = dataclasses.replace(model, pipeline=Watched(model.pipeline, seen))
        app.extensions["vigie"] = dataclasses.replace(
            state, moderation=dataclasses.replace(state.moderation, model=watched)
        )

    return put


@pytest.fixture
def database(settings: Settings) -> Path:
    """The SQLite file of the test's own app."""
    return Path(settings.database.removeprefix("sqlite:///"))
