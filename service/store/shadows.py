"""What another model or policy would have decided of the same comments."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import Engine, and_, insert, select

from service.domain import Decision, Judgement
from service.store.database import guarded
from service.store.tables import judgements, shadows, submissions, verdicts

Compared = tuple[Decision, Decision, Decision | None]
"""What was decided, what would have been, and what a person decided; None where nobody did."""


def add(engine: Engine, judged: Mapping[str, Judgement]) -> None:
    """Keep what the shadow found, by the ids of the submissions."""
    rows = [
        {
            "submission_id": known, "decision": found.decision.name, "scores": dict(found.scores), "model": found.model,
            "reasons": " ".join(reason.code for reason in found.reasons), "policy": found.policy,
        }
        for known, found in judged.items()
    ]  # fmt: skip
    with guarded(), engine.begin() as connection:
        connection.execute(insert(shadows), rows)


def compared(engine: Engine, site: str | None, model: str, policy: str, since: datetime | None) -> Iterator[Compared]:
    """Yield for each comment (of every site: None) that this shadow has judged what was decided beside it."""
    stands = and_(verdicts.c.submission_id == submissions.c.id, verdicts.c.withdrawn_at.is_(None))
    query = (
        select(judgements.c.decision, shadows.c.decision, verdicts.c.decision)
        .join_from(submissions, judgements)
        .join(shadows, shadows.c.submission_id == submissions.c.id)
        .join(verdicts, stands, isouter=True)
        .where(shadows.c.model == model, shadows.c.policy == policy)
    )
    if site is not None:
        query = query.where(submissions.c.site == site)
    if since is not None:
        query = query.where(submissions.c.received_at >= since)
    with guarded(), engine.connect() as connection:
        for was, would, verdict in connection.execute(query):
            yield Decision[was], Decision[would], Decision[verdict] if verdict else None
