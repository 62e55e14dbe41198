"""What happens to valid comments at the edge, whatever protocol brought them: judged, counted, kept, shown."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

from service import shadow, store
from service.domain import Comment, Judgement, Memory, Submission, Verdict
from service.fingerprint import says_the_same
from service.moderation import MOST_EXPLAINED
from service.schemas import JudgementSchema, Received
from service.sitelists import SiteLists, site_lists
from service.sites import Site
from service.state import Fresh, state
from service.store import memory, verdicts
from service.store import words as store_words
from service.store.acts import Who
from service.store.verdicts import AlreadyJudgedError, Given, GoneError

SHOWN = JudgementSchema()
Waiting = tuple[Received, Submission | None]
"""A comment to be judged, and the submission that it edits."""


class TooOftenError(RuntimeError):
    """So much came of one author or address that the policy wants no more for now."""


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


def take(site: Site, batch: Sequence[Received], *, throttles: bool = False, queued: bool = True) -> list[Outcome]:
    """Judge and keep *batch*, comments of *site*, in order: one call of the model, one transaction.

    A comment whose external id is known gets its first judgement, unless it is an edit that says something else; one
    that is not to be stored leaves no trace. What is held waits for a person in the console, unless not *queued*: then
    the site has a place of its own for that, and nobody is shown the words that raised a score.

    Raises TooOftenError when *throttles* and the policy wants no more of an author or an address for now.
    """
    former = [_earlier(site, received) for received in batch]
    told = [
        earlier is not None and not _is_news(received, earlier) for received, earlier in zip(batch, former, strict=True)
    ]
    waiting = [(received, earlier) for received, earlier, known in zip(batch, former, told, strict=True) if not known]
    memories = _remembered(site, waiting)
    if throttles and any(map(state().moderation_of(site.name).policy.throttles, memories)):
        raise TooOftenError
    most = MOST_EXPLAINED if queued else 0
    judgements = judge(site, [received.comment for received, _ in waiting], memories, most_explained=most)
    outcomes = iter(_kept(site, waiting, judgements, memories, queued=queued))
    return [
        Outcome(earlier.judgement, earlier.id) if known and earlier else next(outcomes)
        for earlier, known in zip(former, told, strict=True)
    ]


def judge(
    site: Site,
    comments: Sequence[Comment],
    memories: Sequence[Memory] | None = None,
    *,
    most_explained: int = MOST_EXPLAINED,
) -> list[Judgement]:
    """Judge and count *comments* of *site*; keep nothing."""
    judging = state().moderation_of(site.name)
    judgements = judging.judge_all(comments, memories, lists(site), most_explained=most_explained)
    state().metrics.judged(judgements)
    return judgements


def decide(
    site: Site, id: str, verdict: Verdict, who: Who, *, replaces: bool = False, others_stay: bool = False
) -> tuple[Given, bool]:
    """Keep the *verdict* that *site* tells us on its submission *id*; return what stands, and whether it is new.

    The same verdict told twice is kept once. Another one that stands is withdrawn for it when it *replaces*, unless it
    was given by another actor and *others_stay*.

    Raises AlreadyJudgedError, GoneError.
    """
    now = datetime.now(UTC)
    try:
        return verdicts.give(state().engine, id, verdict, who, now), True
    except AlreadyJudgedError as error:
        standing = error.given.verdict
        if (standing.decision, standing.reason, standing.labels) == (verdict.decision, verdict.reason, verdict.labels):
            return error.given, False
        if not replaces or (others_stay and error.given.actor != who.actor):
            raise
        return verdicts.give(state().engine, id, verdict, who, now, replaces=True), True


def _as_kept(comment: Comment) -> Comment:
    """Return *comment* with no more of its author's address than the settings want to keep."""
    if comment.ip is None or state().settings.addresses == "full":
        return comment
    return replace(comment, ip=None if state().settings.addresses == "off" else shortened(comment.ip))


def shortened(ip: str) -> str:
    """Return the network of an address: the first three bytes of IPv4, the first 48 bits of IPv6."""
    address = ip_address(ip)
    return str(ip_network((ip, 24 if address.version == 4 else 48), strict=False).network_address)


def learn(site: Site, comment: Comment, verdict: Verdict, who: Who) -> None:
    """Keep what a person decided about *comment*, told by a protocol that has no ids of ours; the last one told counts.

    It becomes a verdict on the submission under its external id; else on the one of that text and author. A comment
    that was never sent to us is judged and kept now, or there would be nothing to learn from. What somebody else has
    decided in the meantime stays.
    """
    about = _meant(site, comment) or take(site, [Received(comment, edited=True)], queued=False)[0].id
    try:
        decide(site, str(about), verdict, who, replaces=True, others_stay=True)
    except AlreadyJudgedError as error:
        if error.given.actor == who.actor:
            raise
    except GoneError:  # erased at this very moment
        return


def _meant(site: Site, comment: Comment) -> str | None:
    """Return the id of the submission that *comment* is; None when it is to be kept as one of its own."""
    engine, named = state().engine, comment.external_id
    if named is None:
        found = store.alike(engine, site.name, comment)
        return found.id if found else None
    if store.find(engine, site.name, external_id=named):
        return None  # known, perhaps with another text: it is an edit then
    found = store.alike(engine, site.name, replace(comment, external_id=None), lone=True)
    if found is None or found.comment.external_id is not None:
        return None
    store.name(engine, found.id, named)
    return found.id


def lists(site: Site) -> SiteLists:
    """Return the own words of *site*."""
    words = state().words.setdefault(site.name, Fresh(()))
    return site_lists(words.get(lambda: store_words.entries(state().engine, site.name)))


def _remembered(site: Site, batch: Sequence[Waiting]) -> list[Memory]:
    """Return what is known before each of *batch*; nothing is looked up for what is not to be kept either."""
    engine, now = state().engine, datetime.now(UTC)
    kept = [_as_kept(received.comment) if received.store else None for received, _ in batch]
    with state().metrics.step("memory"):
        known = [
            Memory()
            if comment is None
            else memory.recall(engine, site.name, comment, now, former.id if former else None)
            for comment, (_, former) in zip(kept, batch, strict=True)
        ]
        return memory.in_company(kept, known)


def _earlier(site: Site, received: Received) -> Submission | None:
    if received.former_id is not None:
        return store.find(state().engine, site.name, id=received.former_id)
    if received.comment.external_id is None:
        return None
    return store.find(state().engine, site.name, external_id=received.comment.external_id)


def _is_news(received: Received, earlier: Submission) -> bool:
    return received.edited and not says_the_same(received.comment.text, earlier.comment.text)


def _kept(
    site: Site, batch: Sequence[Waiting], judgements: Sequence[Judgement], memories: Sequence[Memory], *, queued: bool
) -> list[Outcome]:
    now = datetime.now(UTC)
    new = [
        Submission(
            str(uuid.uuid4()),
            site.name,
            now,
            _as_kept(received.comment),
            judgement,
            former.id if former else None,
            received.edited,
        )
        for (received, former), judgement in zip(batch, judgements, strict=True)
        if received.store
    ]
    with state().metrics.step("store"):
        stored = iter(zip(new, store.add(state().engine, new, queued=queued) if new else (), strict=True))
    outcomes, followed = [], []
    for (received, _), judgement, known in zip(batch, judgements, memories, strict=True):
        if received.store:
            sent, kept = next(stored)
            new_one = kept.id == sent.id
            outcomes.append(Outcome(kept.judgement, kept.id, new=new_one))
            followed += [(kept, known)] if new_one else []
        else:
            outcomes.append(Outcome(judgement))
    shadow.follow(state(), [kept for kept, _ in followed], [known for _, known in followed], lists(site))
    return outcomes
