"""A site's own words to hold or reject, and what they have led to."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from service.lexicon import phrase_of
from service.store.database import guarded
from service.store.tables import judgements, submissions, verdicts, words

LISTED = ("listed_hold", "listed_reject")


@dataclass(frozen=True, slots=True)
class Listed:
    """One word of a site's lists."""

    id: int
    word: str
    decision: str
    added_by: str
    added_at: datetime
    hits: int = 0
    """Comments that it was seen in, of those that are kept and were judged since *since*."""
    disputed: int = 0
    """How many of these a moderator has accepted."""


def entries(engine: Engine, site: str) -> tuple[tuple[str, str], ...]:
    """Return the words that are in force, each with what it leads to."""
    query = select(words.c.word, words.c.decision).where(words.c.site == site, words.c.removed_at.is_(None))
    with guarded(), engine.connect() as connection:
        return tuple((row.word, row.decision) for row in connection.execute(query.order_by(words.c.id)))


def add(engine: Engine, site: str, word: str, decision: str, by: str, now: datetime) -> bool:
    """Put a word into force; tell whether it was not there already."""
    with guarded():
        try:
            with engine.begin() as connection:
                connection.execute(
                    insert(words).values(site=site, word=word, decision=decision, added_by=by, added_at=now)
                )
        except IntegrityError:
            return False
    return True


def remove(engine: Engine, site: str, number: int, now: datetime) -> str | None:
    """Take a word out of force and return it; None when it is not in force."""
    with guarded(), engine.begin() as connection:
        wanted = and_(words.c.id == number, words.c.site == site, words.c.removed_at.is_(None))
        return connection.execute(update(words).where(wanted).values(removed_at=now).returning(words.c.word)).scalar()


def listed(engine: Engine, site: str, since: datetime) -> list[Listed]:
    """Return the words in force with how often they were seen since then, and how often a moderator disagreed."""
    stands = and_(verdicts.c.submission_id == submissions.c.id, verdicts.c.withdrawn_at.is_(None))
    judged = (
        select(judgements.c.signals, verdicts.c.decision)
        .join_from(submissions, judgements)
        .join(verdicts, stands, isouter=True)
        .where(submissions.c.site == site, submissions.c.received_at >= since)
    )
    hits, disputed = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    in_force = select(words).where(words.c.site == site, words.c.removed_at.is_(None)).order_by(words.c.word)
    with guarded(), engine.connect() as connection:
        for signals, verdict in connection.execute(judged):
            spans = [span["text"] for signal in signals if signal["code"] in LISTED for span in signal["spans"]]
            seen = {phrase_of(text) for text in spans}
            hits.update(seen)
            if verdict == "accept":
                disputed.update(seen)
        return [
            Listed(
                row.id, row.word, row.decision, row.added_by, row.added_at,
                hits[phrase_of(row.word)], disputed[phrase_of(row.word)],
            )
            for row in connection.execute(in_force)
        ]  # fmt: skip
