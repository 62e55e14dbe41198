"""Every act of a person: who, when, from where, on what; and how often, so that guessers can be kept away."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, insert, select

from service.store.database import guarded
from service.store.tables import acts


@dataclass(frozen=True, slots=True)
class Act:
    """What a person did, when, from where."""

    at: datetime
    actor: str
    act: str
    address: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who acts: a moderator, or a site's program (without an id)."""

    actor: str
    id: int | None = None
    address: str | None = None


def note(engine: Engine, who: Who, act: str, now: datetime, detail: Mapping[str, Any] | None = None) -> None:
    """Write down an act that is not about a submission."""
    with guarded(), engine.begin() as connection:
        write(connection, who, act, now, None, detail or {})


def how_often(
    engine: Engine, act: str, since: datetime, *, actor: str | None = None, address: str | None = None
) -> int:
    """Return how often *act* was done since then, by *actor* or from *address*."""
    wanted: list[ColumnElement[bool]] = [acts.c.act == act, acts.c.at >= since]
    if actor is not None:
        wanted.append(acts.c.actor == actor)
    if address is not None:
        wanted.append(acts.c.address == address)
    with guarded(), engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(acts).where(*wanted)).scalar_one())


def write(connection: Connection, who: Who, act: str, now: datetime, id: str | None, detail: Mapping[str, Any]) -> None:
    """Write down an act in the transaction that does it."""
    connection.execute(
        insert(acts).values(
            at=now, actor=who.actor, act=act, submission_id=id, address=who.address, detail=dict(detail)
        )
    )


def of_submission(connection: Connection, id: str) -> list[Act]:
    """Return every act on a submission, in order."""
    done = connection.execute(select(acts).where(acts.c.submission_id == id).order_by(acts.c.id))
    return [Act(row.at, row.actor, row.act, row.address, row.detail) for row in done]
