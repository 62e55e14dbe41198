"""What waits for a person, what people decided, and every act of theirs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    and_,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from service.domain import Decision, Submission, Verdict
from service.store import outbox
from service.store.acts import Act, Who, of_submission, write
from service.store.database import guarded
from service.store.submissions import WHOLE, enqueue, submission_of
from service.store.tables import Plain, judgements, moderators, plain, queue, submissions, verdicts

PAGE = 50
"""Rows of one page of a list."""


@dataclass(frozen=True, slots=True)
class Given:
    """A verdict as it is kept."""

    id: int
    submission_id: str
    given_at: datetime
    verdict: Verdict
    actor: str
    moderator_id: int | None
    withdrawn_at: datetime | None


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


class AlreadyJudgedError(RuntimeError):
    """A verdict stands already; it is told, not overwritten."""

    def __init__(self, given: Given) -> None:
        super().__init__("a verdict stands already")
        self.given = given


class GoneError(RuntimeError):
    """The submission was erased meanwhile."""


def waiting(
    engine: Engine,
    site: str,
    now: datetime,
    *,
    worst_first: bool = False,
    reason: str | None = None,
    article: str | None = None,
    page: int = 0,
) -> list[Entry]:
    """Return one page of the queue of *site*, oldest or worst first."""
    query = _entries(now).where(*_wanted(site, reason, article)).order_by(*_order(worst_first))
    with guarded(), engine.connect() as connection:
        return [_entry(row) for row in connection.execute(query.limit(PAGE).offset(page * PAGE))]


def counts(engine: Engine, site: str) -> tuple[int, Mapping[str, int], Mapping[str, int]]:
    """Return how many wait in *site*: all, by code of reason, by title or id of article (the fullest first)."""
    title = func.coalesce(submissions.c.article_title, submissions.c.article_id, submissions.c.article_url, "")
    by_reasons = select(queue.c.reasons, func.count()).where(queue.c.site == site).group_by(queue.c.reasons)
    by_article = select(title, func.count()).join_from(queue, submissions).where(queue.c.site == site).group_by(title)
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
    site: str,
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


def entry(engine: Engine, site: str, id: str, now: datetime) -> Entry | None:
    """Return the submission *id* of *site* as a list shows it; None when there is none."""
    query = _entries(now, outer=True).where(submissions.c.site == site, submissions.c.id == id)
    with guarded(), engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else _entry(row)


def search(engine: Engine, site: str, words: str, now: datetime, *, page: int = 0) -> list[Entry]:
    """Return one page of what *site* has sent whose text, author or article has *words*, the newest first."""
    columns = (submissions.c.comment, submissions.c.name, submissions.c.article_title, submissions.c.external_id)
    found = or_(*(Plain(column).contains(plain(words), autoescape=True) for column in columns))
    query = _entries(now, outer=True).where(submissions.c.site == site, found)
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


def give(engine: Engine, id: str, verdict: Verdict, who: Who, now: datetime, *, tell: bool = False) -> Given:
    """Keep *verdict* on the submission *id*, which leaves the queue; *tell* whether the site is to be told.

    Raises AlreadyJudgedError when a verdict stands (it is told, not overwritten), GoneError when it was erased.
    """
    with guarded():
        try:
            with engine.begin() as connection:
                number = connection.execute(
                    insert(verdicts)
                    .values(
                        asdict(verdict)
                        | {"decision": verdict.decision.name, "labels": dict(verdict.labels)}
                        | {"submission_id": id, "given_at": now, "moderator_id": who.id, "actor": who.actor}
                    )
                    .returning(verdicts.c.id)
                ).scalar_one()
                connection.execute(delete(queue).where(queue.c.submission_id == id))
                write(connection, who, verdict.decision.name, now, id, {"verdict": number})
                if tell:
                    outbox.post(connection, id, _letter(connection, id, "verdict", now, verdict), now)
        except IntegrityError:
            standing = _standing(engine, id)
            if standing is None:
                raise GoneError from None
            raise AlreadyJudgedError(standing) from None
    return Given(number, id, now, verdict, who.actor, who.id, None)


def withdraw(
    engine: Engine, number: int, who: Who, now: datetime, within: timedelta, *, tell: bool = False
) -> str | None:
    """Undo the verdict *number* of *who*, at most *within* after it was given; return the submission's id.

    What was held waits again, where it waited. None when the verdict is another's, too old or undone already.
    """
    with guarded(), engine.begin() as connection:
        judged = connection.execute(
            update(verdicts)
            .where(
                verdicts.c.id == number,
                verdicts.c.moderator_id == who.id,
                verdicts.c.withdrawn_at.is_(None),
                verdicts.c.given_at >= now - within,
            )
            .values(withdrawn_at=now)
            .returning(verdicts.c.submission_id)
        ).scalar()
        if judged is None:
            return None
        row = connection.execute(select(*WHOLE).join(judgements).where(submissions.c.id == judged)).first()
        if row is not None:
            enqueue(connection, submission_of(row))
        write(connection, who, "withdraw", now, judged, {"verdict": number})
        if tell:
            outbox.post(connection, judged, _letter(connection, judged, "verdict_withdrawn", now, None), now)
    return str(judged)


def history(engine: Engine, id: str) -> tuple[list[Given], list[Act]]:
    """Return every verdict on a submission, undone ones too, and every act, in order."""
    with guarded(), engine.connect() as connection:
        given = connection.execute(select(verdicts).where(verdicts.c.submission_id == id).order_by(verdicts.c.id))
        return [_given(row) for row in given], of_submission(connection, id)


def last_given(engine: Engine, number: int) -> Given | None:
    """Return the verdict *number*."""
    with guarded(), engine.connect() as connection:
        row = connection.execute(select(verdicts).where(verdicts.c.id == number)).one_or_none()
    return None if row is None else _given(row)


def _letter(connection: Connection, id: str, event: str, now: datetime, verdict: Verdict | None) -> dict[str, Any]:
    """Return what the site is told: which comment, and what becomes of it. Neither its text nor its author."""
    columns = (submissions.c.site, submissions.c.external_id, judgements.c.decision)
    query = select(*columns).join_from(submissions, judgements).where(submissions.c.id == id)
    row = connection.execute(query).one()
    about = {"event": event, "id": id, "external_id": row.external_id, "site": row.site, "at": now.isoformat()}
    if verdict is None:
        return about | {"decision": row.decision}  # what Vigie found holds again
    told = {"reason": verdict.reason, "legal_ground": verdict.legal_ground, "explanation": verdict.explanation}
    return about | {"decision": verdict.decision.name} | told


def _standing(engine: Engine, id: str) -> Given | None:
    with engine.connect() as connection:
        stands = and_(verdicts.c.submission_id == id, verdicts.c.withdrawn_at.is_(None))
        row = connection.execute(select(verdicts).where(stands)).first()
    return None if row is None else _given(row)


def _wanted(site: str, reason: str | None, article: str | None) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [queue.c.site == site]
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
    given = _given(row, "verdict_") if row.verdict_id is not None else None
    return Entry(submission_of(row), given, row.since, row.reader)


def _given(row: Row[Any], prefix: str = "") -> Given:
    kept = {name: row._mapping[prefix + name] for name in verdicts.c.keys()}  # noqa: SIM118 - a collection of columns
    words = {name: kept[name] for name in ("reason", "legal_ground", "explanation", "note")}
    verdict = Verdict(Decision[kept["decision"]], kept["labels"], **words)
    about = (kept["actor"], kept["moderator_id"], kept["withdrawn_at"])
    return Given(kept["id"], kept["submission_id"], kept["given_at"], verdict, *about)
