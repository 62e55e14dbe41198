"""Accounts of moderators: passwords, signing in and out, and what keeps guessers away."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine

from service.store import acts, members
from service.store.acts import Who
from service.store.members import Moderator, Session

SHORTEST_PASSWORD = 12
LASTS = timedelta(hours=12)
"""A session ends by itself after a long working day."""
WINDOW = timedelta(minutes=15)
TRIES_PER_NAME, TRIES_PER_ADDRESS = 5, 20
"""So many failures within WINDOW, and nobody signs in with that name or from that address until it is over."""
HASHER = PasswordHasher()
NOBODY = HASHER.hash(secrets.token_hex(16))
"""Compared with when there is no such account, so that the time taken does not tell."""


class ThrottledError(RuntimeError):
    """Too many failures: wait."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session just begun: the secret is for the cookie alone."""

    secret: str
    moderator: Moderator


def hash_password(password: str) -> str:
    """Return the argon2id digest of *password*.

    Raises ValueError (in French) when it is shorter than SHORTEST_PASSWORD.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise ValueError(f"Le mot de passe doit avoir au moins {SHORTEST_PASSWORD} caractères.")
    return HASHER.hash(password)


def sign_in(engine: Engine, name: str, password: str, address: str | None, now: datetime) -> SignedIn | None:
    """Begin a session; None when name or password are wrong or the account is disabled.

    Raises ThrottledError after too many failures, before the password is looked at.
    """
    since = now - WINDOW
    name = name[:100]
    if acts.how_often(engine, "sign_in_failed", since, actor=name) >= TRIES_PER_NAME or (
        address is not None and acts.how_often(engine, "sign_in_failed", since, address=address) >= TRIES_PER_ADDRESS
    ):
        raise ThrottledError
    moderator = members.find_moderator(engine, name)
    who = Who(actor=name, address=address)
    if not _is_right(moderator, password) or moderator is None or moderator.disabled:
        acts.note(engine, who, "sign_in_failed", now)
        return None
    if HASHER.check_needs_rehash(moderator.password):
        members.change_moderator(engine, name, ends_sessions=False, password=HASHER.hash(password))
    secret = secrets.token_urlsafe(32)
    members.begin_session(engine, digest(secret), moderator, secrets.token_urlsafe(24), now, now + LASTS)
    acts.note(engine, who, "sign_in", now)
    return SignedIn(secret, moderator)


def session_of(engine: Engine, secret: str | None, now: datetime) -> Session | None:
    """Return the session of the cookie's *secret*, None when there is none."""
    return members.find_session(engine, digest(secret), now) if secret else None


def sign_out(engine: Engine, secret: str, who: Who, now: datetime) -> None:
    """End the session of the cookie's *secret*."""
    members.end_session(engine, digest(secret))
    acts.note(engine, who, "sign_out", now)


def digest(secret: str) -> str:
    """Return what is kept of a session's secret: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _is_right(moderator: Moderator | None, password: str) -> bool:
    try:
        return HASHER.verify(moderator.password if moderator else NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
