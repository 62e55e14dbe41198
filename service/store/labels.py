"""What leaves the store: labels for training, everything about an author; and what is forgotten."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, delete, func, or_, select

from service.domain import ATTRIBUTES, Decision, Judgement
from service.store.acts import Who, write
from service.store.database import StoreError, guarded
from service.store.submissions import WHOLE, submission_of
from service.store.tables import acts, judgements, submissions, verdicts


def labels(engine: Engine, site: str, since: datetime | None = None) -> Iterator[dict[str, Any]]:
    """Yield one row for each verdict that stands and teaches something: text, attributes, and where they come from."""
    stands = [submissions.c.site == site, verdicts.c.withdrawn_at.is_(None)]
    if since is not None:
        stands.append(verdicts.c.given_at >= since)
    query = (
        select(submissions.c.comment, submissions.c.name, verdicts, judgements.c.model, judgements.c.policy)
        .join_from(verdicts, submissions)
        .join(judgements, judgements.c.submission_id == submissions.c.id)
        .where(*stands)
        .order_by(verdicts.c.id)
    )
    with guarded(), engine.connect() as connection:
        for row in connection.execute(query):
            if row.labels:
                yield {
                    "id": row.submission_id,
                    "text": row.comment,
                    "name": row.name,
                    **{name: row.labels[name] for name in ATTRIBUTES if name in row.labels},
                    "decision": row.decision,
                    "reason": row.reason or "",
                    "by": row.actor,
                    "given_at": row.given_at.isoformat(),
                    "model": row.model,
                    "policy": row.policy,
                }


def judged(engine: Engine, site: str, since: datetime | None = None) -> Iterator[tuple[Judgement, Decision | None]]:
    """Yield each judgement that is kept, in order, with what a person decided; None where nobody did."""
    stands = and_(verdicts.c.submission_id == submissions.c.id, verdicts.c.withdrawn_at.is_(None))
    query: Select[Any] = (
        select(*WHOLE, verdicts.c.decision.label("verdict"))
        .join_from(submissions, judgements)
        .join(verdicts, stands, isouter=True)
        .where(submissions.c.site == site)
        .order_by(submissions.c.received_at)
    )
    if since is not None:
        query = query.where(submissions.c.received_at >= since)
    with guarded(), engine.connect() as connection:
        for row in connection.execution_options(yield_per=500).execute(query):
            yield submission_of(row).judgement, Decision[row.verdict] if row.verdict else None


def author(engine: Engine, site: str, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return all that is kept of the author whose `author_id`, `email` or `name` is *wanted*, the oldest first."""
    query = select(submissions).where(*_of(site, wanted)).order_by(submissions.c.received_at)
    with guarded(), engine.connect() as connection:
        found = []
        for row in connection.execute(query).all():
            kept = {name: _plain(value) for name, value in row._mapping.items() if value is not None}
            judged = connection.execute(select(judgements).where(judgements.c.submission_id == row.id)).all()
            given = connection.execute(select(verdicts).where(verdicts.c.submission_id == row.id)).all()
            found.append(
                kept
                | {"judgements": [_without(dict(one._mapping), "id", "submission_id") for one in judged]}
                | {"verdicts": [_without(dict(one._mapping), "id", "submission_id", "moderator_id") for one in given]}
            )
    return found


def erase_author(engine: Engine, site: str, wanted: Mapping[str, str], who: Who, now: datetime) -> int:
    """Erase everything that is kept of an author; return how many submissions there were.

    Earlier and later versions of a comment go with it, also when the author had another name there. Their judgements
    and verdicts go with them. What remains of the acts tells that a moderator decided something at some moment, and
    nothing of whom or what.
    """
    with guarded(), engine.begin() as connection:
        ids = _with_versions(
            connection, set(connection.execute(select(submissions.c.id).where(*_of(site, wanted))).scalars())
        )
        for id in ids:  # noqa: A001 - as the column
            connection.execute(delete(submissions).where(submissions.c.id == id))
        write(connection, who, "author_erase", now, None, {"comments": len(ids)})
    return len(ids)


def _with_versions(connection: Connection, ids: set[str]) -> set[str]:
    """Return *ids* with those of every version of the same comments."""
    new = ids
    while new:
        later = select(submissions.c.id).where(submissions.c.former_id.in_(new))
        former = select(submissions.c.former_id).where(submissions.c.id.in_(new), submissions.c.former_id.is_not(None))
        new = {*connection.execute(later).scalars(), *connection.execute(former).scalars()} - ids
        ids = ids | new
    return ids


def forget(engine: Engine, before: Mapping[str, datetime | None]) -> Mapping[str, int]:
    """Erase what is older than its kind may be kept; None keeps it for ever. Return how many of each kind went.

    before : moments for `accepted`, `held` (no verdict yet) and `rejected` submissions, by what was decided last (the
    verdict's decision, else the judgement's), and for `acts`.
    """
    decided = {"accepted": "accept", "held": "hold", "rejected": "reject"}
    gone = {}
    with guarded(), engine.begin() as connection:
        for kind, decision in decided.items():
            if (moment := before.get(kind)) is None:
                continue
            given = select(verdicts.c.submission_id).where(verdicts.c.withdrawn_at.is_(None))
            told = given.where(verdicts.c.decision == decision)
            judged = select(judgements.c.submission_id).where(judgements.c.decision == decision)
            last = or_(submissions.c.id.in_(told), and_(submissions.c.id.in_(judged), submissions.c.id.not_in(given)))
            old = and_(submissions.c.received_at < moment, last)
            gone[kind] = connection.execute(delete(submissions).where(old)).rowcount
        if (moment := before.get("acts")) is not None:
            gone["acts"] = connection.execute(delete(acts).where(acts.c.at < moment)).rowcount
    scrub(engine)
    return gone


def _of(site: str, wanted: Mapping[str, str]) -> list[ColumnElement[bool]]:
    told = dict(wanted)
    email = told.pop("email", None)  # Claire@ and claire@ are one author
    same = [submissions.c[name] == value for name, value in told.items()]
    return [submissions.c.site == site, *same, *([func.lower(submissions.c.email) == email.lower()] if email else [])]


def _without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items() if name not in names and value is not None}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def scrub(engine: Engine) -> None:
    """Let nothing of what was erased lie about in SQLite's file or beside it. PostgreSQL's own vacuum does that.

    Raises StoreError when somebody reads older pages all the while: then they are still beside the file.
    """
    if engine.dialect.name == "sqlite":
        with guarded(), engine.connect() as connection:
            busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        if busy:
            raise StoreError("erased, but another process still reads older pages beside the file: run it again later")
