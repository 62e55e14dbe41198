"""`make bench`: how long each protocol's callers wait at half of its capacity, beside an empty service in the same run.

First each endpoint is asked as fast as it answers, which is its capacity. Then requests are sent at fixed moments, half
as many a second, whether earlier ones were answered or not; a latency counts from the moment that a request was due.
"""

import hashlib
import hmac
import itertools
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import click

from service import store
from service.settings import ROOT
from tests.load.bench import NUMBERS, Server, body, comment, percentile, serving

SECRET = "empsec_only_for_this_bench"
CLIENTS = 16
Sent = tuple[bytes, Mapping[str, str]]


@dataclass(frozen=True)
class Endpoint:
    """One endpoint, what is sent to it, and after how many milliseconds its callers give up."""

    name: str
    path: str
    make: Callable[[], Sent]
    limit: int | None


def ours() -> Sent:
    return body(400), {}


def coral_to_perspective() -> Sent:
    asked = {"comment": {"text": comment(next(NUMBERS), 400)}, "doNotStore": True, "languages": ["fr"]}
    return json.dumps(asked | {"requestedAttributes": {"TOXICITY": {}}}).encode(), {}


def wordpress_to_akismet() -> Sent:
    form = {"blog": "https://journal.example/", "user_ip": "203.0.113.9", "comment_author": "Claire"}
    sent = form | {"comment_type": "comment", "comment_content": comment(next(NUMBERS), 400)}
    return urlencode(sent).encode(), {"Content-Type": "application/x-www-form-urlencoded"}


def coral_phase() -> Sent:
    asked = {
        "action": "NEW", "comment": {"body": f"<div>{comment(next(NUMBERS), 400)}</div>", "parentID": None},
        "author": {"id": f"u-{next(NUMBERS)}", "role": "COMMENTER"}, "story": {"id": "s-77", "url": None},
    }  # fmt: skip
    sent = json.dumps(asked, indent=2).encode()
    return sent, {"X-Coral-Signature": f"sha256={hmac.new(SECRET.encode(), sent, hashlib.sha256).hexdigest()}"}


ENDPOINTS = (
    Endpoint("POST /v1/comments, stored", "/v1/comments", ours, None),
    Endpoint("Perspective, as Coral asks", "/v1alpha1/comments:analyze", coral_to_perspective, 800),
    Endpoint("Akismet comment-check, stored", "/1.1/comment-check", wordpress_to_akismet, 1000),
    Endpoint("Coral phase, stored", "/coral/phase", coral_phase, 200),
)


def capacity(server: Server, endpoint: Endpoint, seconds: float, clients: int) -> float:
    """Return how many requests a second are answered when *clients* ask one after the other."""
    until, answered = time.perf_counter() + seconds, itertools.count()

    def client() -> None:
        while time.perf_counter() < until:
            _ask(server, endpoint)
            next(answered)

    begun = time.perf_counter()
    _run(client, clients)
    return next(answered) / (time.perf_counter() - begun)


def latencies(server: Server, endpoint: Endpoint, rate: float, seconds: float) -> list[float]:
    """Return the milliseconds from the moment that each request was due to its answer, *rate* of them a second."""
    numbers, taken, begun = itertools.count(), list[float](), time.perf_counter() + 0.1

    def client() -> None:
        while (due := begun + next(numbers) / rate) < begun + seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            _ask(server, endpoint)
            taken.append(1000 * (time.perf_counter() - due))

    _run(client, CLIENTS)
    return taken


def _ask(server: Server, endpoint: Endpoint) -> None:
    sent, headers = endpoint.make()
    status, answer = server.post(endpoint.path, sent, headers)
    if status not in {200, 201, 204} or b"unavailable" in answer or b'"error"' in answer:
        raise click.ClickException(f"{endpoint.path}: expected a judgement, found {status} {answer[:300]!r}")


def _run(client: Callable[[], None], number: int) -> None:
    faults: list[Exception] = []

    def guarded() -> None:
        try:
            client()
        except (click.ClickException, OSError) as error:
            faults.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise click.ClickException(str(faults[0]))


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Rounds of each measurement")
@click.option("--seconds", default=4.0, show_default=True, type=click.FloatRange(0.05), help="Of each measurement")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Of gunicorn")
def main(rounds: int, seconds: float, workers: int) -> None:
    """Measure what callers of each protocol wait at half of capacity, beside an empty Flask + marshmallow service."""
    with tempfile.TemporaryDirectory(prefix="vigie-bench-") as name:
        folder = Path(name)
        database = f"sqlite:///{folder / 'vigie.db'}"
        engine = store.open_engine(database)
        store.upgrade(engine)
        engine.dispose()
        chosen = {"workers": workers, "database": database}
        gunicorn = ["-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "tests.load.echo:app"]
        vigie = ["-m", "service.cli", "serve"]
        more = {"coral_secrets": SECRET, "coral_deadline": 9000}  # so that what is late is measured, not cut off
        click.echo(
            f"{workers} sync workers, comments of 400 characters, {rounds} rounds of {seconds:g} s; the load generator "
            "shares the cores\nlatency in ms at half of capacity, from the moment a request was due; ratio of the "
            "medians to the echo at half of its own capacity\n\n"
            f"  {'':<32}{'capacity':>9}{'p50':>8}{'p99':>8}{'worst':>8}{'ratio':>8}{'limit':>8}"
        )
        with (
            serving(gunicorn, folder / "echo", **chosen) as echo,
            serving(vigie, folder / "vigie", **chosen, **more) as server,
        ):
            base = 0.0
            for endpoint in (Endpoint("echo: Flask + marshmallow", "/v1/comments", ours, None), *ENDPOINTS):
                of = server if base else echo
                capacity(of, endpoint, min(1.0, seconds), CLIENTS)  # warms up
                rates, taken = [], []
                for _ in range(rounds):
                    rates.append(capacity(of, endpoint, seconds, 2 * workers))
                    taken += latencies(of, endpoint, rates[-1] / 2, seconds)
                median = statistics.median(taken)
                base = base or median
                limit = f"{endpoint.limit:>8}" if endpoint.limit else ""
                click.echo(
                    f"  {endpoint.name:<32}{statistics.median(rates):>7.0f}/s{median:>8.1f}"
                    f"{percentile(taken, 0.99):>8.1f}{max(taken):>8.1f}{median / base:>8.1f}{limit}"
                )


if __name__ == "__main__":
    main()
