"""What is remembered, in SQLite or PostgreSQL. The only room that speaks SQL."""

from service.store.database import StoreError, check, open_engine, upgrade
from service.store.submissions import add, alike, find, name, name_lone
from service.store.tables import Instant, judgements, metadata, submissions

__all__ = [
    "Instant",
    "StoreError",
    "add",
    "alike",
    "check",
    "find",
    "judgements",
    "metadata",
    "name",
    "name_lone",
    "open_engine",
    "submissions",
    "upgrade",
]
