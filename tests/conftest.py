"""What most tests need: an app with the shipped release and a database of its own, and a client that speaks to it."""

import functools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service import app as app_module
from service import store
from service.app import create_app
from service.model import Model, load_model
from service.settings import Settings

MODELS = Settings().models


@functools.cache
def _loaded(models: Path, version: str | None = None) -> Model:
    return load_model(models, version)


@pytest.fixture(scope="session")
def model() -> Model:
    """The release in service, loaded once."""
    return _loaded(MODELS)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and nothing in them."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    engine = store.open_engine(f"sqlite:///{path}")
    store.upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture
def settings(tmp_path: Path, empty_database: Path) -> Settings:
    """Settings with a database of the test's own."""
    path = tmp_path / "vigie.db"
    shutil.copy(empty_database, path)
    return Settings(database=f"sqlite:///{path}")


@pytest.fixture
def make_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Settings], Flask]]:
    """Make an app; the release is not unpickled again for each."""
    monkeypatch.setattr(app_module, "load_model", _loaded)
    made: list[Flask] = []

    def make(settings: Settings) -> Flask:
        made.append(create_app(settings))
        return made[-1]

    yield make
    for app in made:
        app.extensions["vigie"].engine.dispose()


@pytest.fixture
def app(make_app: Callable[[Settings], Flask], settings: Settings) -> Flask:
    return make_app(settings)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
