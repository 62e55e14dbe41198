"""The database itself: opened, brought to this version, checked; its faults told without data."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, create_engine, delete, event, false, make_url
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError

from service.store.tables import plain, submissions

MIGRATIONS = Path(__file__).parent.parent / "migrations"


class StoreError(RuntimeError):
    """The database did not do what was asked; the cause is chained, the message never holds stored data."""


def open_engine(url: str) -> Engine:
    """Return an engine for *url*; nothing is connected yet.

    SQLite writes ahead (readers never wait) and waits up to five seconds for another writer; a commit is on the disk
    before it is acknowledged. Raises StoreError for a URL that names no supported database.
    """
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise StoreError("expected a database URL sqlite:///… or postgresql://…, found another kind")
    try:
        make_url(url)
    except (SQLAlchemyError, ValueError) as error:
        raise StoreError("expected a database URL sqlite:///… or postgresql://…, found an unreadable one") from error
    if url.startswith("postgresql"):
        prepared = {"connect_timeout": 3, "options": "-c timezone=UTC"}
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=prepared)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 5})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("plain", 1, plain, deterministic=True)
        connection.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows ASCII alone
        record.info["file"] = _file(engine)

    @event.listens_for(engine, "checkout")
    def _same_file(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["file"] != _file(engine):  # SQLite would go on writing to a file that nobody finds again
            raise DisconnectionError

    return engine


def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest revision; make SQLite's folder when it is missing."""
    database = engine.url.database
    with guarded():
        if engine.dialect.name == "sqlite" and database:
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        with engine.begin() as connection:
            config = _alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def check(engine: Engine) -> None:
    """Raise StoreError unless the database can be written and its tables are those that this version expects."""
    expected = ScriptDirectory.from_config(_alembic()).get_current_head()
    with guarded(), engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found != expected:
            raise StoreError(f"expected tables of revision {expected}, found {found}: run `vigie db upgrade`")
        connection.execute(delete(submissions).where(false()))  # SQLite begins any transaction on a read-only file
        connection.rollback()


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _file(engine: Engine) -> tuple[int, int] | None:
    """Return what tells SQLite's file from another one of the same name; None when there is none."""
    try:
        found = Path(engine.url.database or "").stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


@contextmanager
def guarded() -> Iterator[None]:
    """Turn what the driver raises into StoreError, whose message names the kind of fault and no data."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise StoreError(f"{type(cause).__name__}: {_reason(cause)}") from error
    except CommandError as error:  # the tables of a later version
        raise StoreError(f"expected tables of this version or an earlier one, found: {error}") from error
    except OSError as error:
        raise StoreError(f"{error.filename}: expected a folder that can be written, found: {error.strerror}") from error


def _reason(cause: BaseException) -> str:
    """Return the driver's own words only when they cannot hold data: faults of the connection or of the file."""
    words = str(cause).splitlines()[0] if str(cause) else ""
    return words if type(cause).__name__ == "OperationalError" else "see the class of the error"
