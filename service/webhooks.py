"""Tells a site of verdicts, signed, so that it can publish or remove: a thread of each worker empties the outbox."""

import hashlib
import hmac
import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from sqlalchemy import Engine

from service.logs import log
from service.sites import Site
from service.store import StoreError, outbox

SECONDS = 5.0
"""A site that does not answer within this has not taken the letter."""
PAUSE = 2.0
LEASE = timedelta(minutes=5)


class _Stay(HTTPRedirectHandler):
    """A letter is not carried on to an address that nobody has configured."""

    def redirect_request(self, *given: Any) -> None:
        return None


OPENER = build_opener(_Stay)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of X-Vigie-Signature: HMAC-SHA256 over the timestamp, a full stop, and the raw body."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={signed}"


def deliver(engine: Engine, sites: Mapping[str, Site], now: datetime) -> int:
    """Send the letters whose time has come; return how many their sites have taken (answered 2xx)."""
    taken = 0
    for letter in outbox.due(engine, now, LEASE):
        site = sites.get(letter.body["site"])
        fault = _send(site, letter.body, now) if site else "no such site"
        if fault is None:
            outbox.delivered(engine, letter)
            taken += 1
        else:
            outbox.failed(engine, letter, fault, now)
            log.warning("webhook", letter=letter.id, tries=letter.tries + 1, fault=fault)
    return taken


def start(sites: Mapping[str, Site], engine: Engine) -> threading.Thread | None:
    """Start the thread that empties the outbox; None when no site wants to be told."""
    if not any(site.is_told for site in sites.values()):
        return None
    thread = threading.Thread(target=_run, args=(engine, sites), name="webhooks", daemon=True)
    thread.start()
    return thread


def _run(engine: Engine, sites: Mapping[str, Site]) -> None:
    wait = threading.Event().wait
    while True:
        try:
            deliver(engine, sites, datetime.now(UTC))
        except StoreError as error:
            log.error("database", fault=str(error))
        except Exception as error:
            log.error("unforeseen", exc_info=error)
        wait(PAUSE)


def _send(site: Site, letter: Mapping[str, Any], now: datetime) -> str | None:
    """Return what went wrong, in a word; None when the site has taken the letter."""
    if site.webhook_url is None or site.webhook_secret is None:
        return "no address"
    body = json.dumps(letter, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Vigie",
        "X-Vigie-Signature": signature(site.webhook_secret, int(now.timestamp()), body),
    }
    try:
        with OPENER.open(Request(site.webhook_url, body, headers), timeout=SECONDS):  # noqa: S310 - http or https, by the settings
            return None
    except HTTPError as error:
        error.close()
        return f"HTTP {error.code}"
    except (OSError, HTTPException, ValueError) as error:
        return type(error).__name__
