"""What is remembered of earlier submissions, as facts for the judgement of the next one."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, insert, or_, select

from service.domain import Comment, Memory, Submission
from service.fingerprint import HASHES, Fingerprint, fingerprint, is_near
from service.store.database import guarded
from service.store.tables import fingerprints, judgements, verdicts

KEPT = timedelta(days=7)
"""How long a text is known again."""
LATELY = timedelta(minutes=1)
JUDGED, FEWEST = 20, 3
"""An author's share of rejected comments is that of so many, the last; of too few nothing is said."""
CANDIDATES = 500


def recall(engine: Engine, site: str, comment: Comment, now: datetime, former: str | None = None) -> Memory:
    """Return what is known about the text, the author and the address of *comment* before it is judged.

    former : id of the submission that this one edits; it does not speak against its own edit.
    """
    print_, author = fingerprint(comment.text), author_key(comment)
    of_site = and_(fingerprints.c.site == site, fingerprints.c.submission_id != (former or ""))
    since = fingerprints.c.at >= now - LATELY
    with guarded(), engine.connect() as connection:

        def count(*wanted: object) -> int:
            query = select(func.count()).select_from(fingerprints).where(of_site, *wanted)  # type: ignore[arg-type]
            return int(connection.execute(query).scalar_one())

        before = count(fingerprints.c.author == author) if author else None
        last = _decided(connection, site, author) if author and before else []
        return Memory(
            repeats=count(fingerprints.c.exact == print_.exact, fingerprints.c.at >= now - KEPT) if print_ else 0,
            near_repeats=_near(connection, of_site, print_, now),
            author_lately=count(fingerprints.c.author == author, since) if before else 0,
            address_lately=count(fingerprints.c.address == comment.ip, since) if comment.ip else 0,
            author_before=before,
            author_clean=len(last) >= FEWEST and "reject" not in last,
            author_rejected=round(100 * last.count("reject") / len(last)) if len(last) >= FEWEST else 0,
        )


def in_company(comments: Sequence[Comment | None], known: Sequence[Memory]) -> list[Memory]:
    """Return what is *known* of each comment of a batch, and what came before it in the batch itself.

    comments : None for one that leaves no trace. One that comes again under its external id takes its own place.
    """
    places: dict[object, set[int]] = defaultdict(set)  # by what comments have in common
    marks: list[list[object]] = []
    prints: list[Fingerprint | None] = []
    told = []
    for place, (comment, memory) in enumerate(zip(comments, known, strict=True)):
        print_ = fingerprint(comment.text) if comment else None
        prints.append(print_)
        marks.append([])
        if comment is None:
            told.append(memory)
            continue
        named = [("self", comment.external_id)] if comment.external_id is not None else []
        for former in [former for mark in named for former in places[mark]]:
            for mark in marks[former]:
                places[mark].discard(former)
        exact, author, address = ("exact", print_ and print_.exact), ("author", author_key(comment)), ("ip", comment.ip)
        hashes = [("hash", *pair) for pair in enumerate((print_ and print_.hashes) or ())]
        same, by_author, by_address = (0 if mark[1] is None else len(places[mark]) for mark in (exact, author, address))
        alike = set[int]().union(*(places[mark] for mark in hashes))
        told.append(
            replace(
                memory,
                repeats=memory.repeats + same,
                near_repeats=memory.near_repeats + sum(_nearly(print_, prints[other]) for other in alike),
                author_lately=memory.author_lately + by_author,
                address_lately=memory.address_lately + by_address,
                author_before=None if memory.author_before is None else memory.author_before + by_author,
            )
        )
        marks[place] = [exact, author, address, *named, *hashes]
        for mark in marks[place]:
            places[mark].add(place)
    return told


def _nearly(one: Fingerprint | None, other: Fingerprint | None) -> bool:
    """Tell whether two texts are nearly the same, and not the very same."""
    if one is None or other is None or one.hashes is None or other.hashes is None:
        return False
    return one.exact != other.exact and is_near(one.hashes, other.hashes)


def remember(connection: Connection, submission: Submission) -> None:
    """Keep the fingerprint of *submission*; it goes when the submission goes."""
    comment = submission.comment
    found = fingerprint(comment.text)
    hashes = (found.hashes if found else None) or (None,) * HASHES
    connection.execute(
        insert(fingerprints).values(
            submission_id=submission.id,
            site=submission.site,
            at=submission.received_at,
            exact=found.exact if found else None,
            author=author_key(comment),
            address=comment.ip,
            **{f"hash{number}": value for number, value in enumerate(hashes)},
        )
    )


def author_key(comment: Comment) -> str | None:
    """Return a digest that stands for the author: by the site's id, else by the e-mail address.

    None when the site gives neither: a name alone is many people's.
    """
    if comment.author_id is not None:
        who = f"id:{comment.author_id}"
    elif comment.email is not None:
        who = f"email:{comment.email.lower()}"
    else:
        return None
    return hashlib.blake2b(who.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _near(connection: Connection, of_site: ColumnElement[bool], print_: Fingerprint | None, now: datetime) -> int:
    """Return how many other texts were nearly this one, among those that share a hash with it."""
    if print_ is None or print_.hashes is None:
        return 0
    columns = [fingerprints.c[f"hash{number}"] for number in range(HASHES)]
    alike = or_(*(column == value for column, value in zip(columns, print_.hashes, strict=True)))
    query = (
        select(*columns)
        .where(of_site, fingerprints.c.at >= now - KEPT, alike)
        .where(fingerprints.c.exact != print_.exact)
        .order_by(fingerprints.c.at.desc())
        .limit(CANDIDATES)
    )
    return sum(is_near(print_.hashes, tuple(row)) for row in connection.execute(query))


def _decided(connection: Connection, site: str, author: str) -> Sequence[str]:
    """Return what was decided of the author's last JUDGED comments, by a person or else by Vigie, held ones apart."""
    stands = and_(verdicts.c.submission_id == fingerprints.c.submission_id, verdicts.c.withdrawn_at.is_(None))
    decided = func.coalesce(verdicts.c.decision, judgements.c.decision)
    query = (
        select(decided)
        .join_from(fingerprints, judgements, judgements.c.submission_id == fingerprints.c.submission_id)
        .join(verdicts, stands, isouter=True)
        .where(fingerprints.c.site == site, fingerprints.c.author == author, decided != "hold")
        .order_by(fingerprints.c.at.desc())
        .limit(JUDGED)
    )
    return connection.execute(query).scalars().all()
