"""What happens to valid comments at the edge, whatever protocol brought them: judged, counted, kept, shown."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from time import monotonic
from typing import Any

from service import store
from service.domain import Comment, Judgement, Memory, Submission
from service.logs import log
from service.schemas import JudgementSchema, Received
from service.sitelists import SiteLists, site_lists
from service.state import state
from service.store import StoreError, memory
from service.store import words as store_words

SHOWN = JudgementSchema()
WORDS_FOR = 2.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The judgement of one comment; `id` is None when it is not kept, `new` tells whether it was kept just now."""

    judgement: Judgement
    id: str | None = None
    new: bool = False

    @property
    def status(self) -> int:
        """What HTTP says of it: 201 when something was made, 200 otherwise."""
        return 201 if self.new else 200

    def shown(self) -> dict[str, Any]:
        """Return the answer as `JudgementSchema` describes it."""
        members = {name: getattr(self.judgement, name) for name in ("decision", "reasons", "scores", "model", "policy")}
        shown: dict[str, Any] = SHOWN.dump(members | {"id": self.id})
        return shown


def take(batch: Sequence[Received]) -> list[Outcome]:
    """Judge and keep *batch*, in order: one call of the model, one transaction.

    A comment whose external id is known gets its first judgement; one that is not to be stored leaves no trace.
    """
    known = [_earlier(received.comment) for received in batch]
    waiting = [received for received, earlier in zip(batch, known, strict=True) if earlier is None]
    outcomes = iter(_kept(waiting, judge([received.comment for received in waiting], _remembered(waiting))))
    return [Outcome(earlier.judgement, earlier.id) if earlier else next(outcomes) for earlier in known]


def judge(comments: Sequence[Comment], memories: Sequence[Memory] | None = None) -> list[Judgement]:
    """Judge and count *comments*; keep nothing."""
    judgements = state().moderation.judge_all(comments, memories, lists())
    state().metrics.judged(judgements)
    return judgements


def _as_kept(comment: Comment) -> Comment:
    """Return *comment* with no more of its author's address than the settings want to keep."""
    if comment.ip is None or state().settings.addresses == "full":
        return comment
    return replace(comment, ip=None if state().settings.addresses == "off" else shortened(comment.ip))


def shortened(ip: str) -> str:
    """Return the network of an address: the first three bytes of IPv4, the first 48 bits of IPv6."""
    address = ip_address(ip)
    return str(ip_network((ip, 24 if address.version == 4 else 48), strict=False).network_address)


def lists() -> SiteLists:
    """Return the site's own words, at most WORDS_FOR seconds old, or the last read while the database is away."""
    words = state().words
    if monotonic() >= words.until:
        try:
            words.entries = store_words.entries(state().engine, state().settings.site)
        except StoreError as error:
            log.error("database", fault=str(error))
        words.until = monotonic() + WORDS_FOR
    return site_lists(words.entries)


def _remembered(batch: Sequence[Received]) -> list[Memory]:
    """Return what is known before each of *batch*; nothing is looked up for what is not to be kept either.

    Comments of one batch do not know each other yet.
    """
    engine, site, now = state().engine, state().settings.site, datetime.now(UTC)
    with state().metrics.step("memory"):
        return [
            memory.recall(engine, site, _as_kept(received.comment), now) if received.store else Memory()
            for received in batch
        ]


def _earlier(comment: Comment) -> Submission | None:
    if comment.external_id is None:
        return None
    return store.find(state().engine, state().settings.site, external_id=comment.external_id)


def _kept(batch: Sequence[Received], judgements: Sequence[Judgement]) -> list[Outcome]:
    now, site = datetime.now(UTC), state().settings.site
    new = [
        Submission(str(uuid.uuid4()), site, now, _as_kept(received.comment), judgement)
        for received, judgement in zip(batch, judgements, strict=True)
        if received.store
    ]
    with state().metrics.step("store"):
        stored = iter(zip(new, store.add(state().engine, new) if new else (), strict=True))
    outcomes = []
    for received, judgement in zip(batch, judgements, strict=True):
        if received.store:
            sent, kept = next(stored)
            outcomes.append(Outcome(kept.judgement, kept.id, new=kept is sent))
        else:
            outcomes.append(Outcome(judgement))
    return outcomes
