"""What lives as long as the app, and the one way to reach it from a view."""

from dataclasses import dataclass, field
from typing import cast

from flask import current_app
from marshmallow import Schema
from sqlalchemy import Engine

from service.metrics import Metrics
from service.moderation import Moderation
from service.settings import Settings


@dataclass(slots=True)
class Words:
    """The site's own words as they were last read, and until when they count as new: the one thing that changes."""

    entries: tuple[tuple[str, str], ...] = ()
    until: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    settings: Settings
    engine: Engine
    moderation: Moderation
    metrics: Metrics
    comment_schema: Schema
    words: Words = field(default_factory=Words)


def state() -> State:
    """Return what `create_app` has put together for the app of this request."""
    return cast(State, current_app.extensions["vigie"])
