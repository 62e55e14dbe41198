"""What people decided: kept beside the judgement, never rewritten; one that was undone says when."""

from collections.abc import Container
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from service.domain import Decision, Verdict
from service.store import outbox
from service.store.acts import Act, Who, of_submission, write
from service.store.database import guarded
from service.store.submissions import WHOLE, enqueue, submission_of
from service.store.tables import judgements, queue, submissions, verdicts


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


class AlreadyJudgedError(RuntimeError):
    """A verdict stands already; it is told, not overwritten."""

    def __init__(self, given: Given) -> None:
        super().__init__("a verdict stands already")
        self.given = given


class GoneError(RuntimeError):
    """The submission was erased meanwhile."""


def give(
    engine: Engine,
    id: str,
    verdict: Verdict,
    who: Who,
    now: datetime,
    *,
    told: Container[str] = (),
    replaces: bool = False,
) -> Given:
    """Keep *verdict* on the submission *id*, which leaves the queue.

    told : the sites that want to be told.
    replaces : whether a verdict that stands is withdrawn for it, by whomever that one was.

    Raises AlreadyJudgedError when a verdict stands (it is told, not overwritten), GoneError when it was erased.
    """
    with guarded():
        try:
            with engine.begin() as connection:
                connection.execute(select(submissions.c.id).where(submissions.c.id == id).with_for_update())
                if replaces:
                    stands = and_(verdicts.c.submission_id == id, verdicts.c.withdrawn_at.is_(None))
                    connection.execute(update(verdicts).where(stands).values(withdrawn_at=now))
                waited = connection.execute(delete(queue).where(queue.c.submission_id == id)).rowcount > 0
                number = connection.execute(
                    insert(verdicts)
                    .values(
                        asdict(verdict)
                        | {"decision": verdict.decision.name, "labels": dict(verdict.labels)}
                        | {
                            "submission_id": id,
                            "given_at": now,
                            "waited": waited,
                            "moderator_id": who.id,
                            "actor": who.actor,
                        }
                    )
                    .returning(verdicts.c.id)
                ).scalar_one()
                write(connection, who, verdict.decision.name, now, id, {"verdict": number})
                _tell(connection, told, id, "verdict", now, verdict)
        except IntegrityError:
            standing = _standing(engine, id)
            if standing is None:
                raise GoneError from None
            raise AlreadyJudgedError(standing) from None
    return Given(number, id, now, verdict, who.actor, who.id, None)


def withdraw(
    engine: Engine, number: int, who: Who, now: datetime, within: timedelta, *, told: Container[str] = ()
) -> str | None:
    """Undo the verdict *number* of *who*, at most *within* after it was given; return the submission's id.

    What was held waits again, where it waited. None when the verdict is another's, too old or undone already.

    told : the sites that want to be told.
    """
    with guarded(), engine.begin() as connection:
        undone = connection.execute(
            update(verdicts)
            .where(
                verdicts.c.id == number,
                verdicts.c.moderator_id == who.id,
                verdicts.c.withdrawn_at.is_(None),
                verdicts.c.given_at >= now - within,
            )
            .values(withdrawn_at=now)
            .returning(verdicts.c.submission_id, verdicts.c.waited)
        ).one_or_none()
        if undone is None:
            return None
        judged = undone.submission_id
        row = connection.execute(select(*WHOLE).join(judgements).where(submissions.c.id == judged)).first()
        if row is not None and undone.waited is not False:
            enqueue(connection, submission_of(row))
        write(connection, who, "withdraw", now, judged, {"verdict": number})
        _tell(connection, told, judged, "verdict_withdrawn", now, None)
    return str(judged)


def history(engine: Engine, id: str) -> tuple[list[Given], list[Act]]:
    """Return every verdict on a submission, undone ones too, and every act, in order."""
    with guarded(), engine.connect() as connection:
        given = connection.execute(select(verdicts).where(verdicts.c.submission_id == id).order_by(verdicts.c.id))
        return [given_of(row) for row in given], of_submission(connection, id)


def last_given(engine: Engine, number: int) -> Given | None:
    """Return the verdict *number*."""
    with guarded(), engine.connect() as connection:
        row = connection.execute(select(verdicts).where(verdicts.c.id == number)).one_or_none()
    return None if row is None else given_of(row)


def _tell(
    connection: Connection, told: Container[str], id: str, event: str, now: datetime, verdict: Verdict | None
) -> None:
    """Write the letter to the site, if it wants any: which comment, and what becomes of it; no text, no author."""
    if not told:
        return
    columns = (submissions.c.site, submissions.c.external_id, judgements.c.decision)
    query = select(*columns).join_from(submissions, judgements).where(submissions.c.id == id)
    row = connection.execute(query).one()
    if row.site not in told:
        return
    about = {"event": event, "id": id, "external_id": row.external_id, "site": row.site, "at": now.isoformat()}
    if verdict is None:
        letter = about | {"decision": row.decision}  # what Vigie found holds again
    else:
        why = {"reason": verdict.reason, "legal_ground": verdict.legal_ground, "explanation": verdict.explanation}
        letter = about | {"decision": verdict.decision.name} | why
    outbox.post(connection, id, letter, now)


def _standing(engine: Engine, id: str) -> Given | None:
    with engine.connect() as connection:
        stands = and_(verdicts.c.submission_id == id, verdicts.c.withdrawn_at.is_(None))
        row = connection.execute(select(verdicts).where(stands)).first()
    return None if row is None else given_of(row)


def given_of(row: Row[Any], prefix: str = "") -> Given:
    kept = {name: row._mapping[prefix + name] for name in verdicts.c.keys()}  # noqa: SIM118 - a collection of columns
    words = {name: kept[name] for name in ("reason", "legal_ground", "explanation", "note")}
    verdict = Verdict(Decision[kept["decision"]], kept["labels"], **words)
    about = (kept["actor"], kept["moderator_id"], kept["withdrawn_at"])
    return Given(kept["id"], kept["submission_id"], kept["given_at"], verdict, *about)
