"""What the statistics of the console count."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from statistics import median

from sqlalchemy import Engine, and_, func, select

from service.store.database import guarded
from service.store.tables import judgements, submissions, verdicts


@dataclass(frozen=True, slots=True)
class Day:
    """What came in on one day, by what Vigie decided, and what the model thought of it."""

    day: date
    decisions: Mapping[str, int]
    toxicity: tuple[float, float] | None
    """Median and 90th percentile of the scores, None on a day without any. When they drift, readers write otherwise, or
    a model reads otherwise."""

    @property
    def received(self) -> int:
        return sum(self.decisions.values())


@dataclass(frozen=True, slots=True)
class Figures:
    """One period of one site."""

    days: Sequence[Day]
    agreement: Mapping[str, tuple[int, int]]
    """By code of reason: verdicts on comments that it held or rejected, and how many of those were rejected."""
    passed: tuple[int, int]
    """Verdicts on comments that Vigie had accepted, and how many of those were rejected."""
    by_moderator: Mapping[str, int]
    minutes_in_queue: float | None
    """Median time from reception to verdict of what was held; None without any."""


@dataclass(frozen=True, slots=True)
class Month:
    """What a site sent in one month (UTC), and what people thought of the decisions."""

    received: int
    held_or_rejected: int
    missed: int
    """Accepted, and rejected by a person."""
    false_alarms: int
    """Held or rejected, and accepted by a person."""


def month(engine: Engine, site: str, year: int, number: int) -> Month:
    """Count one month of *site*."""
    begin = datetime(year, number, 1, tzinfo=UTC)
    end = (begin + timedelta(days=32)).replace(day=1)
    stands = and_(verdicts.c.submission_id == submissions.c.id, verdicts.c.withdrawn_at.is_(None))
    query = (
        select(judgements.c.decision, verdicts.c.decision.label("verdict"), func.count())
        .join_from(submissions, judgements)
        .join(verdicts, stands, isouter=True)
        .where(submissions.c.site == site, submissions.c.received_at >= begin, submissions.c.received_at < end)
        .group_by(judgements.c.decision, verdicts.c.decision)
    )
    with guarded(), engine.connect() as connection:
        rows = [(decision == "accept", verdict, number) for decision, verdict, number in connection.execute(query)]
    return Month(
        sum(number for _, _, number in rows),
        sum(number for accepted, _, number in rows if not accepted),
        sum(number for accepted, verdict, number in rows if accepted and verdict == "reject"),
        sum(number for accepted, verdict, number in rows if not accepted and verdict == "accept"),
    )


def figures(engine: Engine, site: str | None, now: datetime, zone: tzinfo, days: int = 30) -> Figures:
    """Count the last *days* days of *site* (None: of every site), today included, in the calendar of *zone*."""
    today = now.astimezone(zone).date()
    first = today - timedelta(days=days - 1)
    begin = datetime(first.year, first.month, first.day, tzinfo=zone)
    of_site = () if site is None else (submissions.c.site == site,)
    received = (
        select(submissions.c.received_at, judgements.c.decision, judgements.c.scores)
        .join_from(submissions, judgements)
        .where(*of_site, submissions.c.received_at >= begin)
    )
    stands = and_(verdicts.c.submission_id == submissions.c.id, verdicts.c.withdrawn_at.is_(None))
    given = (
        select(
            submissions.c.received_at,
            judgements.c.decision,
            judgements.c.reasons,
            verdicts.c.decision.label("verdict"),
            verdicts.c.given_at,
            verdicts.c.actor,
        )
        .join_from(submissions, judgements)
        .join(verdicts, stands)
        .where(*of_site, verdicts.c.given_at >= begin)
    )
    decisions: dict[date, Counter[str]] = defaultdict(Counter)
    scores: dict[date, list[float]] = defaultdict(list)
    agreement: dict[str, list[bool]] = defaultdict(list)
    passed, waited, by_moderator = [], [], Counter[str]()
    with guarded(), engine.connect() as connection:
        for row in connection.execute(received):
            day = row.received_at.astimezone(zone).date()
            decisions[day][row.decision] += 1
            scores[day].append(row.scores.get("toxicity", 0.0))
        for at, decision, reasons, verdict, given_at, actor in connection.execute(given):
            rejected = verdict == "reject"
            by_moderator[actor] += 1
            for reason in reasons:
                agreement[reason["code"]].append(rejected)
            if decision == "accept":
                passed.append(rejected)
            if decision == "hold":
                waited.append((given_at - at).total_seconds() / 60)
    return Figures(
        [
            Day(day, decisions[day], _middle_and_high(sorted(scores[day])) if scores[day] else None)
            for day in (first + timedelta(days=number) for number in range(days))
        ],
        {code: (len(told), sum(told)) for code, told in sorted(agreement.items(), key=lambda pair: -len(pair[1]))},
        (len(passed), sum(passed)),
        dict(by_moderator.most_common()),
        median(waited) if waited else None,
    )


def _middle_and_high(scores: Sequence[float]) -> tuple[float, float]:
    return median(scores), scores[min(len(scores) - 1, int(0.9 * len(scores)))]
