"""Keys of sites: who may ask, what for, how often; revoked ones say when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, RowMapping, insert, or_, select, update

from service.store.database import guarded
from service.store.tables import keys

USED_STEP = timedelta(minutes=10)
"""When a key was last used is known so exactly."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a site; the key itself is not kept."""

    id: int
    site: str
    scopes: tuple[str, ...]
    rate: int
    """Comments a minute."""
    note: str
    made_by: str
    made_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


def add(
    engine: Engine, digest: str, site: str, scopes: Sequence[str], rate: int, note: str, by: str, now: datetime
) -> int:
    """Keep the *digest* of a new key and return the key's number."""
    values = {"digest": digest, "site": site, "scopes": " ".join(scopes), "rate": rate, "note": note}
    with guarded(), engine.begin() as connection:
        made = insert(keys).values(values | {"made_by": by, "made_at": now}).returning(keys.c.id)
        return int(connection.execute(made).scalar_one())


def known(engine: Engine) -> Mapping[str, Key]:
    """Return every key that was ever made, by their digests."""
    with guarded(), engine.connect() as connection:
        return {row["digest"]: _key(row) for row in connection.execute(select(keys)).mappings()}


def listed(engine: Engine) -> Sequence[Key]:
    """Return every key, those in force first, the newest first."""
    order = (keys.c.revoked_at.is_not(None), keys.c.id.desc())
    with guarded(), engine.connect() as connection:
        return [_key(row) for row in connection.execute(select(keys).order_by(*order)).mappings()]


def revoke(engine: Engine, number: int, now: datetime) -> bool:
    """End a key; tell whether it was in force."""
    with guarded(), engine.begin() as connection:
        in_force = (keys.c.id == number, keys.c.revoked_at.is_(None))
        return connection.execute(update(keys).where(*in_force).values(revoked_at=now)).rowcount > 0


def used(engine: Engine, number: int, now: datetime) -> None:
    """Remember that a key was used."""
    with guarded(), engine.begin() as connection:
        long_ago = or_(keys.c.used_at.is_(None), keys.c.used_at < now - USED_STEP)
        connection.execute(update(keys).where(keys.c.id == number, long_ago).values(used_at=now))


def _key(row: RowMapping) -> Key:
    fields: dict[str, Any] = {column.name: row[column] for column in keys.c if column.name != "digest"}
    return Key(**fields | {"scopes": tuple(row["scopes"].split())})
