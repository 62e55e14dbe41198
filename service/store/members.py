"""Who may decide, and who is signed in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from service.store.database import StoreError, guarded
from service.store.tables import moderators, sessions

ROLES = ("moderator", "administrator")


class NameTakenError(StoreError):
    """There is an account of that name."""


@dataclass(frozen=True, slots=True)
class Moderator:
    """A person with an account."""

    id: int
    name: str
    role: str
    password: str
    """Its argon2id digest."""
    created_at: datetime
    disabled: bool
    blurs: bool
    """Whether comments are blurred until they are asked for."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in."""

    moderator: Moderator
    form_token: str
    expires_at: datetime


def add_moderator(engine: Engine, name: str, role: str, password: str, now: datetime) -> None:
    """Make an account. Raises NameTakenError when there is one of that name."""
    values = {"name": name, "role": role, "password": password, "created_at": now, "disabled": False, "blurs": False}
    with guarded():
        try:
            with engine.begin() as connection:
                connection.execute(insert(moderators).values(values))
        except IntegrityError as error:
            raise NameTakenError(f"expected a new name, found that {name} has an account already") from error


def change_moderator(engine: Engine, name: str, *, ends_sessions: bool = True, **values: Any) -> bool:
    """Change an account (password, disabled, role, blurs); tell whether there is one of that name.

    Whoever is signed in with it is signed out, unless *ends_sessions* is false.
    """
    with guarded(), engine.begin() as connection:
        found = connection.execute(select(moderators.c.id).where(moderators.c.name == name)).scalar()
        if found is None:
            return False
        connection.execute(update(moderators).where(moderators.c.id == found).values(**values))
        if ends_sessions:
            connection.execute(delete(sessions).where(sessions.c.moderator_id == found))
    return True


def find_moderator(engine: Engine, name: str) -> Moderator | None:
    """Return the account of that name, disabled or not."""
    with guarded(), engine.connect() as connection:
        row = connection.execute(select(moderators).where(moderators.c.name == name)).one_or_none()
    return None if row is None else Moderator(**row._mapping)


def all_moderators(engine: Engine) -> Sequence[Moderator]:
    """Return every account by name."""
    with guarded(), engine.connect() as connection:
        return [Moderator(**row._mapping) for row in connection.execute(select(moderators).order_by(moderators.c.name))]


def begin_session(
    engine: Engine, digest: str, moderator: Moderator, form_token: str, now: datetime, expires_at: datetime
) -> None:
    """Sign *moderator* in; sessions that have expired are forgotten."""
    with guarded(), engine.begin() as connection:
        connection.execute(delete(sessions).where(sessions.c.expires_at < now))
        connection.execute(
            insert(sessions).values(
                digest=digest, moderator_id=moderator.id, form_token=form_token, begun_at=now, expires_at=expires_at
            )
        )


def find_session(engine: Engine, digest: str, now: datetime) -> Session | None:
    """Return who is signed in with that digest, None when nobody is: unknown, expired, ended or disabled."""
    columns = (sessions.c.form_token, sessions.c.expires_at, *moderators.c)
    query = select(*columns).join_from(sessions, moderators)
    alive = (sessions.c.digest == digest, sessions.c.expires_at >= now, moderators.c.disabled.is_(False))
    with guarded(), engine.connect() as connection:
        row = connection.execute(query.where(*alive)).one_or_none()
    if row is None:
        return None
    fields = dict(row._mapping)
    return Session(
        form_token=fields.pop("form_token"), expires_at=fields.pop("expires_at"), moderator=Moderator(**fields)
    )


def end_other_sessions(engine: Engine, moderator: Moderator, digest: str) -> int:
    """Sign *moderator* out everywhere but in the session of that digest; return how many sessions ended."""
    others = (sessions.c.moderator_id == moderator.id, sessions.c.digest != digest)
    with guarded(), engine.begin() as connection:
        return connection.execute(delete(sessions).where(*others)).rowcount


def end_session(engine: Engine, digest: str) -> None:
    """Sign out."""
    with guarded(), engine.begin() as connection:
        connection.execute(delete(sessions).where(sessions.c.digest == digest))
