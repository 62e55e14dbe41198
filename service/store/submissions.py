"""Submissions and their judgements: added once, never rewritten."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from service.domain import Article, Comment, Decision, Judgement, Reason, Signal, Span, Submission
from service.fingerprint import fingerprint
from service.store.database import guarded
from service.store.memory import remember
from service.store.tables import fingerprints, judgements, queue, submissions

WHOLE = (*submissions.c, *(column.label(f"judgement_{column.name}") for column in judgements.c))
"""The columns that `submission_of` reads."""


def add(engine: Engine, new: Sequence[Submission], *, queued: bool = True) -> list[Submission]:
    """Store *new* in one transaction and return what is stored, in order; what is held waits, unless not *queued*.

    A submission whose external id its site has sent before is not stored again: the first one is returned instead. An
    edit takes over the external id of its former self, which waits no more.
    """
    kept: dict[str, Submission] = {}
    with guarded(), engine.begin() as connection:
        for submission in sorted(new, key=lambda one: one.comment.external_id or ""):  # one order: no two batches block
            kept[submission.id] = _add(connection, submission, queued=queued)
    return [kept[submission.id] for submission in new]


def find(engine: Engine, site: str, *, id: str | None = None, external_id: str | None = None) -> Submission | None:
    """Return the submission of *site* with this id or external id; None when there is none."""
    wanted = submissions.c.id == id if id is not None else submissions.c.external_id == external_id
    with guarded(), engine.connect() as connection:
        return _stored(connection, submissions.c.site == site, wanted)


def alike(
    engine: Engine,
    site: str,
    comment: Comment,
    since: datetime | None = None,
    *,
    same_text: bool = True,
    lone: bool = False,
) -> Submission | None:
    """Return the newest submission of *site* that may be *comment*, whose sender has no ids of ours; None without any.

    What of external id, author's id, name, address of the article and parent *comment* has is the same there; the text
    too, unless not *same_text*. Of several none is returned when only a *lone* one will do. What an edit has replaced
    is not meant.
    """
    later = submissions.alias("later")
    told = {
        "external_id": comment.external_id, "author_id": comment.author_id, "name": comment.name or None,
        "article_id": comment.article.id, "article_url": comment.article.url, "parent_id": comment.parent_id,
    }  # fmt: skip
    wanted = [submissions.c[name] == value for name, value in told.items() if value is not None]
    if since is not None:
        wanted.append(submissions.c.received_at >= since)
    replaced = select(later.c.id).where(later.c.former_id == submissions.c.id).exists()
    query = select(*WHOLE).join(judgements).where(submissions.c.site == site, ~replaced, *wanted)
    if same_text:
        query = query.where(submissions.c.comment == comment.text)
        if print_ := fingerprint(comment.text):  # has an index, which texts have not
            same = (fingerprints.c.submission_id == submissions.c.id, fingerprints.c.site == site)
            query = query.join(fingerprints, and_(*same, fingerprints.c.exact == print_.exact))
    with guarded(), engine.connect() as connection:
        rows = connection.execute(query.order_by(submissions.c.received_at.desc()).limit(2)).all()
    return submission_of(rows[0]) if len(rows) == 1 or (rows and not lone) else None


def name(engine: Engine, id: str, external_id: str) -> None:
    """Give a submission that has no external id this one."""
    with guarded(), engine.begin() as connection:
        nameless = (submissions.c.id == id, submissions.c.external_id.is_(None))
        connection.execute(update(submissions).where(*nameless).values(external_id=external_id))


def name_lone(engine: Engine, site: str, article_id: str, external_id: str, since: datetime) -> bool:
    """Give *external_id* to the one submission that came under that article since then; tell whether.

    Nothing is named when there are several, whatever was decided of them, or when the name is taken.
    """
    lately = (submissions.c.site == site, submissions.c.article_id == article_id, submissions.c.received_at >= since)
    with guarded(), engine.begin() as connection:
        named = submissions.c.external_id == external_id
        if connection.execute(select(submissions.c.id).where(submissions.c.site == site, named)).first():
            return False
        found = connection.execute(select(submissions.c.id).where(*lately).limit(2)).scalars().all()
        if len(found) != 1:
            return False
        nameless = (submissions.c.id == found[0], submissions.c.external_id.is_(None))
        return connection.execute(update(submissions).where(*nameless).values(external_id=external_id)).rowcount > 0


def enqueue(connection: Connection, submission: Submission) -> None:
    """Let *submission* wait for a person when it was held."""
    judgement = submission.judgement
    if judgement.decision is Decision.hold:
        connection.execute(
            insert(queue).values(
                submission_id=submission.id,
                site=submission.site,
                since=submission.received_at,
                severity=severity(judgement),
                reasons=" ".join(["", *(reason.code for reason in judgement.reasons), ""]),
            )
        )


def severity(judgement: Judgement) -> float:
    """Return what the queue is ordered by, worst first: the highest score that held it; a rule counts as one half."""
    return max((0.5 if reason.score is None else reason.score for reason in judgement.reasons), default=0.0)


def _add(connection: Connection, submission: Submission, *, queued: bool) -> Submission:
    """Store *submission* and return it; or return the one that holds its external id and is not to be replaced."""
    submission = _take_over(connection, submission)
    if _insert(connection, submission, queued=queued):
        return submission
    holder = _first(connection, submission)
    if not submission.edited or holder.comment.text == submission.comment.text:
        return holder
    # Another edit came first, or its first version in the same batch.
    submission = _take_over(connection, dataclasses.replace(submission, former_id=holder.id))
    return submission if _insert(connection, submission, queued=queued) else _first(connection, submission)


def _take_over(connection: Connection, edit: Submission) -> Submission:
    """Let *edit* stand in the place of its former self: under its external id, and alone in queue and memory."""
    if edit.former_id is None:
        return edit
    former = submissions.c.id == edit.former_id
    named = connection.execute(select(submissions.c.external_id).where(former)).scalar()
    connection.execute(update(submissions).where(former).values(external_id=None))
    for table in (queue, fingerprints):
        connection.execute(delete(table).where(table.c.submission_id == edit.former_id))
    if edit.comment.external_id is not None or named is None:
        return edit
    return dataclasses.replace(edit, comment=dataclasses.replace(edit.comment, external_id=named))


def _insert(connection: Connection, submission: Submission, *, queued: bool) -> bool:
    comment, judgement = submission.comment, submission.judgement
    values = {
        column.name: getattr(comment, column.name)
        for column in submissions.c
        if hasattr(comment, column.name)  # the columns that are named as the fields of a comment
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    stored = connection.execute(
        dialect.insert(submissions)
        .values(
            values
            | {"id": submission.id, "site": submission.site, "received_at": submission.received_at}
            | {"comment": comment.text, "former_id": submission.former_id}
            | {f"article_{name}": getattr(comment.article, name) for name in ("id", "url", "title")}
        )
        .on_conflict_do_nothing(index_elements=["site", "external_id"])
        .returning(submissions.c.id)  # of a conflict, nothing; psycopg's rowcount does not tell
    )
    if stored.scalar() is None:
        return False
    grounds = dataclasses.asdict(judgement)
    for reason in grounds["reasons"]:
        reason["decision"] = Decision(reason["decision"]).name
    connection.execute(
        insert(judgements).values(
            grounds
            | {"submission_id": submission.id, "judged_at": submission.received_at}
            | {"decision": judgement.decision.name}
        )
    )
    if queued:
        enqueue(connection, submission)
    remember(connection, submission)
    return True


def _first(connection: Connection, submission: Submission) -> Submission:
    wanted = submissions.c.external_id == submission.comment.external_id
    first = _stored(connection, submissions.c.site == submission.site, wanted)
    assert first is not None  # noqa: S101 - its unique external id has just refused ours
    return first


def _stored(connection: Connection, *wanted: ColumnElement[bool]) -> Submission | None:
    row = connection.execute(
        select(*WHOLE).join(judgements).where(*wanted).order_by(judgements.c.id).limit(1)
    ).one_or_none()
    return None if row is None else submission_of(row)


def submission_of(row: Row[Any]) -> Submission:
    fields = row._mapping
    kept = {f.name: fields[f.name] for f in dataclasses.fields(Comment) if f.name in fields}
    article = Article(fields["article_id"], fields["article_url"], fields["article_title"])
    return Submission(
        fields["id"],
        fields["site"],
        fields["received_at"],
        Comment(text=fields["comment"], article=article, **kept),
        Judgement(
            Decision[fields["judgement_decision"]],
            tuple(
                Reason(**{**reason, "decision": Decision[reason["decision"]], "spans": _spans(reason["spans"])})
                for reason in fields["judgement_reasons"]
            ),
            fields["judgement_scores"],
            tuple(Signal(**{**signal, "spans": _spans(signal["spans"])}) for signal in fields["judgement_signals"]),
            fields["judgement_model"],
            fields["judgement_policy"],
        ),
        fields["former_id"],
    )


def _spans(stored: Sequence[dict[str, Any]]) -> tuple[Span, ...]:
    return tuple(Span(**span) for span in stored)
