"""Who may ask: a program with the key of its site; as long as there is no key, only this very machine."""

import enum
import re
from datetime import UTC, datetime
from ipaddress import ip_address

from flask import request

from service.keys import digest
from service.logs import log
from service.sites import Site
from service.state import state
from service.store import StoreError, keys
from service.store.keys import USED_STEP, Key

FORWARDED = (
    "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via", "CF-Connecting-IP",
)  # fmt: skip
OWN_NAME = re.compile(r"(?:(?:[a-z0-9-]+\.)?localhost|127\.0\.0\.1|\[::1\])(?::\d+)?", re.IGNORECASE)


class Fault(enum.Enum):
    """Why somebody is not admitted."""

    missing = "no key was given"
    unknown = "the key is unknown or revoked"
    scope = "the key may not do this"
    rate = "the key has asked too often"
    stranger = "there is no key yet, and only this machine is served without"


class RefusedError(Exception):
    """Not admitted; each protocol says it in its own way."""

    def __init__(self, fault: Fault, retry_after: float = 0.0) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.retry_after = round(retry_after)
        """Seconds, for Fault.rate."""


def admit(key: str | None, scope: str, units: int = 1) -> Site:
    """Return the site for which *key* may do what *scope* says; count *units* comments against its rate.

    As long as no key was ever made, this very machine is admitted, whatever key it names, for the site of the settings;
    but no page of another site that is open in a browser there.

    Raises RefusedError.
    """
    made = state().keys.get(lambda: keys.known(state().engine))
    if not made:
        if is_local() and not _is_of_a_foreign_page():
            return state().sites[state().settings.site]
        raise RefusedError(Fault.stranger)
    if not key:
        raise RefusedError(Fault.missing)
    known = made.get(digest(key))
    site = state().sites.get(known.site) if known and known.revoked_at is None else None
    if known is None or site is None:  # of a site that is no longer configured
        raise RefusedError(Fault.unknown)
    if scope not in known.scopes:
        raise RefusedError(Fault.scope)
    if wait := state().rates.wait(known.id, known.rate, units):
        raise RefusedError(Fault.rate, wait)
    _note_use(known)
    return site


def is_local() -> bool:
    """Say whether this request comes from this very machine, and not through a proxy that speaks for another.

    It must also name this machine: a page of another site may let its own name lead here.
    """
    if any(header in request.headers for header in FORWARDED):
        return False
    return _is_loopback(request.remote_addr or "") and OWN_NAME.fullmatch(request.host) is not None


def _is_of_a_foreign_page() -> bool:
    origin = request.headers.get("Origin")
    foreign = origin is not None and origin.partition("://")[2] != request.host
    return foreign or request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _note_use(key: Key) -> None:
    now = datetime.now(UTC)
    if key.used_at is None or key.used_at < now - USED_STEP:
        try:
            keys.used(state().engine, key.id, now)
        except StoreError as error:
            log.error("database", fault=str(error))
