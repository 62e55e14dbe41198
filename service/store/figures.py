"""What the statistics of the console count."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from statistics import median

from sqlalchemy import Engine, and_, select

from service.store.database import guarded
from service.store.tables import judgements, submissions, verdicts


@dataclass(frozen=True, slots=True)
class Day:
    """What came in on one day, by what Vigie decided, and what the model thought of it."""

    day: date
    decisions: Mapping[str, int]
    toxicity: float | None
    """Mean score, None on a day without any. When it drifts, readers write otherwise or a model reads otherwise."""

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
            Day(day, decisions[day], sum(scores[day]) / len(scores[day]) if scores[day] else None)
            for day in (first + timedelta(days=number) for number in range(days))
        ],
        {code: (len(told), sum(told)) for code, told in sorted(agreement.items(), key=lambda pair: -len(pair[1]))},
        (len(passed), sum(passed)),
        dict(by_moderator.most_common()),
        median(waited) if waited else None,
    )
