"""What lives as long as the app, and the one way to reach it from a view."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Generic, TypeVar, cast

from flask import current_app
from marshmallow import Schema
from sqlalchemy import Engine

from service.logs import log
from service.metrics import Metrics
from service.moderation import Moderation
from service.policy import Policy
from service.rates import Rates
from service.settings import Settings
from service.sites import Site
from service.store import StoreError
from service.store.keys import Key

Value = TypeVar("Value")
FRESH_SECONDS = 2.0


@dataclass(slots=True)
class Fresh(Generic[Value]):
    """What was read from the database, at most FRESH_SECONDS old; while the database is away, what was read last."""

    value: Value
    until: float = 0.0

    def get(self, read: Callable[[], Value]) -> Value:
        if monotonic() >= self.until:
            try:
                self.value = read()
            except StoreError as error:
                log.error("database", fault=str(error))
            self.until = monotonic() + FRESH_SECONDS
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    settings: Settings
    engine: Engine
    sites: Mapping[str, Site]
    moderation: Moderation
    """With the policy of the site that the settings name."""
    policies: Mapping[str, Policy]
    """Of the other sites."""
    shadow: Moderation | None
    """Judges beside, without effect."""
    metrics: Metrics
    comment_schema: Schema
    rates: Rates
    keys: Fresh[Mapping[str, Key]]
    """Every key that was ever made, by their digests."""
    words: dict[str, Fresh[tuple[tuple[str, str], ...]]] = field(default_factory=dict)
    """The own words of each site."""

    def moderation_of(self, site: str) -> Moderation:
        """Return what judges the comments of *site*."""
        policy = self.policies.get(site)
        return self.moderation if policy is None else replace(self.moderation, policy=policy)


def state() -> State:
    """Return what `create_app` has put together for the app of this request."""
    return cast(State, current_app.extensions["vigie"])
