"""What is remembered: submissions and judgements, in SQLite or PostgreSQL. The only file that speaks SQL."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    create_engine,
    delete,
    event,
    false,
    insert,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError

from service.domain import Article, Comment, Decision, Judgement, Reason, Signal, Span, Submission

MIGRATIONS = Path(__file__).parent / "migrations"


class StoreError(RuntimeError):
    """The database did not do what was asked; the cause is chained, the message never holds stored data."""


class Instant(TypeDecorator[datetime]):
    """An aware UTC moment, also on SQLite, which forgets time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                       "fk": "fk_%(table_name)s_%(column_0_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"}
)  # fmt: skip

submissions = Table(
    "submissions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("site", String(100), nullable=False),
    Column("external_id", String(200)),
    Column("received_at", Instant, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("email", Text),
    Column("url", Text),
    Column("article_id", Text),
    Column("article_url", Text),
    Column("article_title", Text),
    Column("author_id", Text),
    Column("parent_id", Text),
    Column("ip", String(45)),
    Column("user_agent", Text),
    Column("referrer", Text),
    Column("submitted_at", Instant),
    Column("role", Text),
    UniqueConstraint("site", "external_id"),
)

judgements = Table(
    "judgements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("submission_id", ForeignKey("submissions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("judged_at", Instant, nullable=False),
    Column("decision", String(10), nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("scores", JSON, nullable=False),
    Column("signals", JSON, nullable=False),
    Column("model", String(100), nullable=False),
    Column("policy", String(100), nullable=False),
)


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
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        record.info["file"] = _file(engine)

    @event.listens_for(engine, "checkout")
    def _same_file(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["file"] != _file(engine):  # SQLite would go on writing to a file that nobody finds again
            raise DisconnectionError

    return engine


def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest revision; make SQLite's folder when it is missing."""
    database = engine.url.database
    with _guarded():
        if engine.dialect.name == "sqlite" and database:
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        with engine.begin() as connection:
            config = _alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def check(engine: Engine) -> None:
    """Raise StoreError unless the database can be written and its tables are those that this version expects."""
    expected = ScriptDirectory.from_config(_alembic()).get_current_head()
    with _guarded(), engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found != expected:
            raise StoreError(f"expected tables of revision {expected}, found {found}: run `vigie db upgrade`")
        connection.execute(delete(submissions).where(false()))  # SQLite begins any transaction on a read-only file
        connection.rollback()


def add(engine: Engine, new: Sequence[Submission]) -> list[Submission]:
    """Store *new* in one transaction and return what is stored, in order.

    A submission whose external id its site has sent before is not stored again: the first one is returned instead.
    """
    kept: dict[str, Submission] = {}
    with _guarded(), engine.begin() as connection:
        for submission in sorted(new, key=lambda one: one.comment.external_id or ""):  # one order: no two batches block
            kept[submission.id] = submission if _insert(connection, submission) else _first(connection, submission)
    return [kept[submission.id] for submission in new]


def find(engine: Engine, site: str, *, id: str | None = None, external_id: str | None = None) -> Submission | None:
    """Return the submission of *site* with this id or external id; None when there is none."""
    wanted = submissions.c.id == id if id is not None else submissions.c.external_id == external_id
    with _guarded(), engine.connect() as connection:
        return _stored(connection, submissions.c.site == site, wanted)


def _insert(connection: Connection, submission: Submission) -> bool:
    comment, judgement = submission.comment, submission.judgement
    values = {
        column.name: getattr(comment, column.name)
        for column in submissions.c
        if hasattr(comment, column.name)  # the columns that are named as the fields of a comment
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    stored = connection.execute(
        dialect.insert(submissions)
        .values(
            values
            | {"id": submission.id, "site": submission.site, "received_at": submission.received_at}
            | {"comment": comment.text}
            | {f"article_{name}": getattr(comment.article, name) for name in ("id", "url", "title")}
        )
        .on_conflict_do_nothing(index_elements=["site", "external_id"])
        .returning(submissions.c.id)  # of a conflict, nothing; psycopg's rowcount does not tell
    )
    if stored.scalar() is None:
        return False
    grounds = dataclasses.asdict(judgement)
    for reason in grounds["reasons"]:
        reason["decision"] = Decision(reason["decision"]).name
    connection.execute(
        insert(judgements).values(
            grounds
            | {"submission_id": submission.id, "judged_at": submission.received_at}
            | {"decision": judgement.decision.name}
        )
    )
    return True


def _first(connection: Connection, submission: Submission) -> Submission:
    wanted = submissions.c.external_id == submission.comment.external_id
    first = _stored(connection, submissions.c.site == submission.site, wanted)
    assert first is not None  # noqa: S101 - its unique external id has just refused ours
    return first


def _stored(connection: Connection, *wanted: ColumnElement[bool]) -> Submission | None:
    row = connection.execute(
        select(*submissions.c, *(column.label(f"judgement_{column.name}") for column in judgements.c))
        .join(judgements)
        .where(*wanted)
        .order_by(judgements.c.id)
        .limit(1)
    ).one_or_none()
    return None if row is None else _submission(row)


def _submission(row: Row[Any]) -> Submission:
    fields = row._mapping
    kept = {f.name: fields[f.name] for f in dataclasses.fields(Comment) if f.name in fields}
    article = Article(fields["article_id"], fields["article_url"], fields["article_title"])
    return Submission(
        fields["id"],
        fields["site"],
        fields["received_at"],
        Comment(text=fields["comment"], article=article, **kept),
        Judgement(
            Decision[fields["judgement_decision"]],
            tuple(
                Reason(**{**reason, "decision": Decision[reason["decision"]], "spans": _spans(reason["spans"])})
                for reason in fields["judgement_reasons"]
            ),
            fields["judgement_scores"],
            tuple(Signal(**{**signal, "spans": _spans(signal["spans"])}) for signal in fields["judgement_signals"]),
            fields["judgement_model"],
            fields["judgement_policy"],
        ),
    )


def _spans(stored: Sequence[dict[str, Any]]) -> tuple[Span, ...]:
    return tuple(Span(**span) for span in stored)


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
def _guarded() -> Iterator[None]:
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
