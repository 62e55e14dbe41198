"""What is remembered, in SQLite or PostgreSQL. The only room that speaks SQL."""

from service.store.database import StoreError, check, open_engine, upgrade
from service.store.submissions import add, find
from service.store.tables import Instant, judgements, metadata, submissions

__all__ = [
    "Instant",
    "StoreError",
    "add",
    "check",
    "find",
    "judgements",
    "metadata",
    "open_engine",
    "submissions",
    "upgrade",
]
