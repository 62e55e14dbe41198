"""What Prometheus may know: requests, decisions, reasons, time per step, versions; labels are few and never data."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess, values

from service.domain import Judgement

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"

place = {"name": "master"}
"""Whose files this process counts in. A worker takes over the place of one that is gone (gunicorn.conf.py): with a
file for every worker that ever lived, the folder would fill up, and reading it would take longer from day to day."""
BY_PLACE = values.MultiProcessValue(lambda: place["name"])  # type: ignore[no-untyped-call]


class Metrics:
    """The counters of one process; under gunicorn those of all workers are added up when they are read."""

    def __init__(self) -> None:
        if DIRECTORY in os.environ:
            values.ValueClass = BY_PLACE
        registry = self.registry = CollectorRegistry()
        self.requests = Counter(
            "vigie_requests_total", "Requests answered", ["endpoint", "method", "status"], registry=registry
        )
        self.seconds = Histogram(
            "vigie_request_seconds", "Time to answer", ["endpoint"], buckets=SECONDS, registry=registry
        )
        self.decisions = Counter("vigie_decisions_total", "Comments judged", ["decision"], registry=registry)
        self.reasons = Counter(
            "vigie_reasons_total", "Grounds of holds and rejections", ["code", "decision"], registry=registry
        )
        self.steps = Histogram(
            "vigie_step_seconds", "Time of one step of a judgement", ["step"], buckets=SECONDS, registry=registry
        )
        self.versions = Gauge(
            "vigie_release",
            "1 for the release in service",
            ["model", "policy"],
            registry=registry,
            multiprocess_mode="max",
        )

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step."""
        begun = perf_counter()
        yield
        self.steps.labels(name).observe(perf_counter() - begun)

    def judged(self, judgements: Iterable[Judgement]) -> None:
        """Count decisions and their reasons."""
        for judgement in judgements:
            self.decisions.labels(judgement.decision.name).inc()
            for reason in judgement.reasons:
                self.reasons.labels(reason.code, reason.decision.name).inc()

    def exposition(self) -> bytes:
        """Return all figures in Prometheus' text format, those of every worker together."""
        if DIRECTORY not in os.environ:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
