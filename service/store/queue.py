"""What waits for a person, what people decided, and every act of theirs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    Table,
    and_,
    case,
    func,
    or_,
    select,
    update,
)

from service.domain import Submission
from service.store.acts import Who
from service.store.database import guarded
from service.store.submissions import WHOLE, submission_of
from service.store.tables import Plain, judgements, moderators, plain, queue, submissions, verdicts
from service.store.verdicts import Given, given_of

PAGE = 50
"""Rows of one page of a list."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One submission as a list shows it."""

    submission: Submission
    given: Given | None
    """The verdict that stands."""
    since: datetime | None
    """Since when it waits; None when it does not."""
    reader: str | None
    """Who reads it now."""


def waiting(
    engine: Engine,
    site: str | None,
    now: datetime,
    *,
    worst_first: bool = False,
    reason: str | None = None,
    article: str | None = None,
    page: int = 0,
) -> list[Entry]:
    """Return one page of the queue of *site* (None: of every site), oldest or worst first."""
    query = _entries(now).where(*_wanted(site, reason, article)).order_by(*_order(worst_first))
    with guarded(), engine.connect() as connection:
        return [_entry(row) for row in connection.execute(query.limit(PAGE).offset(page * PAGE))]


def counts(engine: Engine, site: str | None) -> tuple[int, Mapping[str, int], Mapping[str, int]]:
    """Return how many wait in *site* (None: in every site): all, by code of reason, by title or id of article.

    The fullest articles come first.
    """
    title = func.coalesce(submissions.c.article_title, submissions.c.article_id, submissions.c.article_url, "")
    by_reasons = select(queue.c.reasons, func.count()).where(*_of(queue, site)).group_by(queue.c.reasons)
    by_article = select(title, func.count()).join_from(queue, submissions).where(*_of(queue, site)).group_by(title)
    with guarded(), engine.connect() as connection:
        reasons: Counter[str] = Counter()
        total = 0
        for codes, number in connection.execute(by_reasons):
            total += number
            reasons.update(dict.fromkeys(codes.split(), number))
        articles = Counter({name: number for name, number in connection.execute(by_article) if name})
    return total, dict(reasons.most_common()), dict(articles.most_common(20))


def take_next(
    engine: Engine,
    site: str | None,
    reader: Who,
    now: datetime,
    lease: timedelta,
    *,
    worst_first: bool = False,
    reason: str | None = None,
    article: str | None = None,
    passed: str | None = None,
) -> str | None:
    """Lease the next submission that nobody else reads to *reader*; return its id, None when nothing waits.

    passed : the submission that the reader leaves undecided; the next is the one behind it, or the first again.
    Two readers who ask at once never get the same one: whoever comes second finds it leased and looks again.
    """
    free = or_(queue.c.leased_until.is_(None), queue.c.leased_until < now, queue.c.reader_id == reader.id)
    candidate = (
        select(queue.c.submission_id)
        .join(submissions)
        .where(free, *_wanted(site, reason, article))
        .order_by(*_order(worst_first))
        .limit(1)
    )
    with guarded():
        while True:
            with engine.begin() as connection:
                behind = _leave(connection, passed, reader, worst_first) if passed else None
                wanted = connection.execute(candidate.where(behind)).scalar() if behind is not None else None
                if wanted is None:
                    wanted = connection.execute(candidate).scalar()
                if wanted is None:
                    return None
                taken = connection.execute(
                    update(queue)
                    .where(queue.c.submission_id == wanted, free)
                    .values(reader_id=reader.id, leased_until=now + lease)
                )
                if taken.rowcount:
                    return str(wanted)


def _leave(connection: Connection, passed: str, reader: Who, worst_first: bool) -> ColumnElement[bool] | None:
    """Give back the lease of *passed*, and return what stands behind it in the queue; None when it waits no more."""
    left = connection.execute(select(queue).where(queue.c.submission_id == passed)).one_or_none()
    if left is None:
        return None
    mine = and_(queue.c.submission_id == passed, queue.c.reader_id == reader.id)
    connection.execute(update(queue).where(mine).values(reader_id=None, leased_until=None))
    older = and_(queue.c.since == left.since, queue.c.submission_id > passed)
    behind: ColumnElement[bool] = or_(queue.c.since > left.since, older)
    if worst_first:
        behind = or_(queue.c.severity < left.severity, and_(queue.c.severity == left.severity, behind))
    return behind


def lease(engine: Engine, id: str, reader: Who, now: datetime, duration: timedelta) -> str | None:
    """Lease the waiting submission *id* to *reader*; return the name of who reads it instead, None when nobody does."""
    with guarded(), engine.begin() as connection:
        free = or_(queue.c.leased_until.is_(None), queue.c.leased_until < now, queue.c.reader_id == reader.id)
        taken = connection.execute(
            update(queue)
            .where(queue.c.submission_id == id, free)
            .values(reader_id=reader.id, leased_until=now + duration)
        )
        if taken.rowcount:
            return None
        other = select(moderators.c.name).join_from(queue, moderators).where(queue.c.submission_id == id)
        return connection.execute(other).scalar()


def entry(engine: Engine, id: str, now: datetime) -> Entry | None:
    """Return the submission *id* as a list shows it; None when there is none."""
    query = _entries(now, outer=True).where(submissions.c.id == id)
    with guarded(), engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else _entry(row)


def search(engine: Engine, site: str | None, words: str, now: datetime, *, page: int = 0) -> list[Entry]:
    """Return one page of what *site* has sent whose text, author or article has *words*, the newest first."""
    columns = (submissions.c.comment, submissions.c.name, submissions.c.article_title, submissions.c.external_id)
    found = or_(*(Plain(column).contains(plain(words), autoescape=True) for column in columns))
    query = _entries(now, outer=True).where(*_of(submissions, site), found)
    with guarded(), engine.connect() as connection:
        query = query.order_by(submissions.c.received_at.desc()).limit(PAGE).offset(page * PAGE)
        return [_entry(row) for row in connection.execute(query)]


def by_author(engine: Engine, submission: Submission, now: datetime, most: int = 10) -> list[Entry]:
    """Return what the author of *submission* has sent to its site besides, the newest first.

    An author is known by the site's id, else by the e-mail address, else by the name.
    """
    comment = submission.comment
    if comment.author_id is not None:
        same = submissions.c.author_id == comment.author_id
    elif comment.email is not None:
        same = func.lower(submissions.c.email) == comment.email.lower()
    else:
        same = and_(submissions.c.name == comment.name, submissions.c.author_id.is_(None))
    query = _entries(now, outer=True).where(
        submissions.c.site == submission.site, submissions.c.id != submission.id, same
    )
    with guarded(), engine.connect() as connection:
        return [_entry(row) for row in connection.execute(query.order_by(submissions.c.received_at.desc()).limit(most))]


def _of(table: Table, site: str | None) -> list[ColumnElement[bool]]:
    return [] if site is None else [table.c.site == site]


def _wanted(site: str | None, reason: str | None, article: str | None) -> list[ColumnElement[bool]]:
    wanted = _of(queue, site)
    if reason:
        wanted.append(queue.c.reasons.contains(f" {reason} ", autoescape=True))
    if article:
        wanted.append(
            or_(
                submissions.c.article_title == article,
                submissions.c.article_id == article,
                submissions.c.article_url == article,
            )
        )
    return wanted


def _order(worst_first: bool) -> Sequence[ColumnElement[Any]]:
    place = (queue.c.since, queue.c.submission_id)
    return (queue.c.severity.desc(), *place) if worst_first else place


def _entries(now: datetime, *, outer: bool = False) -> Select[Any]:
    reads = case((queue.c.leased_until >= now, moderators.c.name), else_=None)
    stands = and_(verdicts.c.submission_id == submissions.c.id, verdicts.c.withdrawn_at.is_(None))
    return (
        select(
            *WHOLE,
            queue.c.since.label("since"),
            reads.label("reader"),
            *(column.label(f"verdict_{column.name}") for column in verdicts.c),
        )
        .join_from(submissions, judgements)
        .join(queue, queue.c.submission_id == submissions.c.id, isouter=outer)
        .join(moderators, moderators.c.id == queue.c.reader_id, isouter=True)
        .join(verdicts, stands, isouter=True)
    )


def _entry(row: Row[Any]) -> Entry:
    given = given_of(row, "verdict_") if row.verdict_id is not None else None
    return Entry(submission_of(row), given, row.since, row.reader)
