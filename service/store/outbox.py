"""What a site is to be told of verdicts: kept until it has taken it, tried again ever more slowly, then laid aside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from service.store.database import guarded
from service.store.tables import outbox

WAITS = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200, 21_600, 43_200))
"""After each failure the next try waits longer; after the last one the letter is laid aside."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to a site."""

    id: int
    submission_id: str
    body: Mapping[str, Any]
    tries: int
    fault: str | None
    """What the last try ended with."""
    written_at: datetime


def post(connection: Connection, submission_id: str, body: Mapping[str, Any], now: datetime) -> None:
    """Put a letter into the outbox, in the transaction that makes it true."""
    connection.execute(
        insert(outbox).values(submission_id=submission_id, body=dict(body), written_at=now, next_try_at=now, tries=0)
    )


def due(engine: Engine, now: datetime, lease: timedelta, most: int = 20) -> list[Letter]:
    """Return letters whose time has come; nobody else gets them before *lease* is over."""
    letters = []
    with guarded(), engine.begin() as connection:
        waiting = outbox.c.next_try_at <= now
        ids = connection.execute(select(outbox.c.id).where(waiting).order_by(outbox.c.id).limit(most)).scalars().all()
        for number in ids:
            taken = connection.execute(
                update(outbox)
                .where(outbox.c.id == number, waiting)
                .values(next_try_at=now + lease)
                .returning(*outbox.c)
            ).one_or_none()
            if taken is not None:
                letters.append(_letter(taken._mapping))
    return letters


def delivered(engine: Engine, letter: Letter) -> None:
    """The site has taken *letter*: it is forgotten."""
    with guarded(), engine.begin() as connection:
        connection.execute(outbox.delete().where(outbox.c.id == letter.id))


def failed(engine: Engine, letter: Letter, fault: str, now: datetime) -> None:
    """The site has not taken *letter*: try again later, or lay it aside."""
    later = now + WAITS[letter.tries] if letter.tries < len(WAITS) else None
    with guarded(), engine.begin() as connection:
        wanted = outbox.c.id == letter.id
        connection.execute(
            update(outbox).where(wanted).values(tries=letter.tries + 1, next_try_at=later, fault=fault[:200])
        )


def laid_aside(engine: Engine) -> Sequence[Letter]:
    """Return the letters that are no longer tried, the newest first."""
    query = select(outbox).where(outbox.c.next_try_at.is_(None)).order_by(outbox.c.id.desc()).limit(200)
    with guarded(), engine.connect() as connection:
        return [_letter(row._mapping) for row in connection.execute(query)]


def try_again(engine: Engine, now: datetime) -> int:
    """Let every letter that was laid aside be tried once more; return how many there are."""
    with guarded(), engine.begin() as connection:
        aside = outbox.c.next_try_at.is_(None)
        return connection.execute(update(outbox).where(aside).values(next_try_at=now, tries=0)).rowcount


def waiting(engine: Engine) -> int:
    """Return how many letters have not been taken yet, laid aside ones too."""
    with guarded(), engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(outbox)).scalar_one())


def _letter(row: Mapping[Any, Any]) -> Letter:
    return Letter(row["id"], row["submission_id"], row["body"], row["tries"], row["fault"], row["written_at"])
