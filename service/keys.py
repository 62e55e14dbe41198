"""The keys of sites: minted, known again by their digest, never kept."""

import hashlib
import secrets
import string

SCOPES = ("judge", "verdict", "author")
"""What a key may do: have comments judged, say what people decided, export and erase what is kept of an author."""
USUAL_SCOPES = ("judge", "verdict")
USUAL_RATE = 6000
"""Comments a minute."""
SIGNS = string.ascii_lowercase + string.digits
LENGTH = 12
"""Akismet's clients ask for exactly so many; and a key must be able to be the first label of a host name."""


def mint() -> str:
    """Return a new key of 62 random bits."""
    return "".join(secrets.choice(SIGNS) for _ in range(LENGTH))


def digest(key: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
