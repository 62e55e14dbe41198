"""`make bench`: how fast Vigie decides, beside an empty Flask + marshmallow service in the same run.

Everything runs on this machine and speaks to 127.0.0.1 only; the load generator shares the cores with what it measures,
and the output says so where it is what limits a row. Every figure is a median with its spread beside it: the least and
the greatest of the rounds, or the 10th and 90th percentile of the repeats of a step. Memory is read from Linux's /proc.
"""

import functools
import http.client
import itertools
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from flask import Flask, jsonify

from service import bodies, policy, store, text
from service.app import create_app
from service.domain import Comment, Decision, Judgement, Submission
from service.intake import Outcome
from service.settings import PREFIX, ROOT, Settings
from service.signals import observe
from service.state import State
from service.store.memory import recall

LENGTHS = (60, 400)
"""Characters of a text, about: sentences are not cut."""
MOST_REQUESTS = 20_000
"""One measurement of one client ends here, however long it may last."""
PATIENCE = 120
"""Seconds that a start or one answer may take."""
SATURATED = 0.9
"""From this share of one core on, the load generator (one process, one interpreter lock) can do no more."""

OPENINGS = (
    "Je trouve que", "Je crois que", "Il paraît que", "On nous dit que", "Je ne vois pas pourquoi", "Ma sœur pense que",
    "Nous savons tous que", "L'article oublie que", "Merci de rappeler que", "Depuis hier,", "Cela dit,",
)  # fmt: skip
SUBJECTS = ("le maire de {}", "la gare de {}", "le lycée de {}", "notre élu, M. {},", "le préfet {}", "Mme {}")
ROUGH_SUBJECTS = ("ce crétin de {}", "cet abruti de {}", "cette connasse de {}", "ce salaud de {}", "ce con de {}")
VERBS = (
    "a refusé",
    "a changé",
    "défend encore",
    "attend toujours",
    "oublie",
    "a voté",
    "regrette",
    "doit revoir",
    "a lu",
)
OBJECTS = ("le budget", "les horaires", "la loi", "ce rapport", "le plan", "le projet", "cette réforme", "l'accord")
ENDINGS = ("sans nous", "depuis 2019", "avant l'été", "à moitié", "en mai", "avec soin", "comme prévu")
SYLLABLES = ("mo", "ran", "del", "bou", "lin", "tar", "ves", "gau", "pri", "chon", "sé", "quet")
ONE_ROUGH_IN = 10


def sentence(number: int, *, rough: bool = False) -> str:
    """Return sentence *number*, another one for each number below 50 million; a *rough* one insults somebody."""
    subjects = ROUGH_SUBJECTS if rough else SUBJECTS
    rest = number * 104_729  # a prime: neighbours have little in common, and no two numbers meet
    picked = []
    for choices in (OPENINGS, subjects, VERBS, OBJECTS, ENDINGS, SYLLABLES, SYLLABLES, SYLLABLES):
        rest, place = divmod(rest, len(choices))
        picked.append(choices[place])
    opening, subject, verb, thing, ending, *syllables = picked
    return f"{opening} {subject.format(''.join(syllables).capitalize())} {verb} {thing} {ending}."


def comment(number: int, length: int) -> str:
    """Return comment *number* of about *length* characters; one in ten begins with a rough sentence."""
    first = number * 16
    sentences = [sentence(first, rough=number % ONE_ROUGH_IN == 0)]
    while sum(map(len, sentences)) + len(sentences) < length - 20:
        sentences.append(sentence(first + len(sentences)))
    return " ".join(sentences)


NUMBERS = itertools.count(1)
"""Of the comments, over the whole run: no text is sent twice. Drawing from it is atomic."""


def body(length: int, **more: Any) -> bytes:
    """Return the body of a request with the next comment."""
    article = {"id": "a-17", "url": "https://journal.example/monde/a-17", "title": "Une visite très attendue"}
    name = sentence(next(NUMBERS)).split()[-1]
    sent = {"name": name, "comment": comment(next(NUMBERS), length), "email": "l@journal.example", "article": article}
    return json.dumps(sent | more, ensure_ascii=False).encode()


@dataclass
class Row:
    """One line of the output: a figure of several rounds or repeats."""

    name: str
    unit: str
    median: float
    low: float
    high: float
    more: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        more = "  ".join(f"{name} {_figure(value)}" for name, value in self.more.items())
        spread = f"{_figure(self.low)} - {_figure(self.high)}"
        return f"  {self.name:<38}{_figure(self.median):>9} {self.unit:<11} {spread:<17} {more}".rstrip()


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def over_rounds(name: str, unit: str, figures: Sequence[float], **more: float) -> Row:
    return Row(name, unit, statistics.median(figures), min(figures), max(figures), more)


def percentile(figures: Sequence[float], share: float) -> float:
    """Return the figure that *share* of the figures do not exceed."""
    return sorted(figures)[min(len(figures) - 1, int(share * len(figures)))]


# Servers and requests


@dataclass(frozen=True)
class Server:
    port: int
    process: subprocess.Popen[bytes]

    def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Send one request over a connection of its own, as sync workers close each."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            usual = {"Content-Type": "application/json", "Connection": "close"}
            connection.request("POST", path, body, usual | dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def workers(self) -> list[int]:
        """Return the process ids of gunicorn's workers (Linux)."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def environment(folder: Path, **variables: object) -> dict[str, str]:
    """Return the environment of a process that is measured: the defaults of Vigie, files below *folder*."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    folder.mkdir(exist_ok=True)
    told = {f"{PREFIX}{name.upper()}": str(value) for name, value in variables.items()}
    return plain | told | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}


@contextmanager
def serving(command: Sequence[str], folder: Path, **variables: object) -> Iterator[Server]:
    """Run a server on a free port until the block ends; it answers when the block begins."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment(folder, host="127.0.0.1", port=port, **variables),
            stdout=log,
            stderr=log,
        )
    server = Server(port, process)
    try:
        _wait(server, Path(log.name))
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: Server, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while server.process.poll() is None and time.monotonic() < until:
        try:
            server.post("/v1/comments", b"{}")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise click.ClickException(f"expected a server on port {server.port}, found: {log.read_text()[-2000:]}")


@dataclass
class Burst:
    """What came of one measurement: seconds of each request, seconds in all, share of a core that sending took."""

    latencies: list[float]
    seconds: float
    generator: float
    held: int = 0

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


def burst(server: Server, path: str, make: Callable[[], bytes], *, seconds: float, clients: int) -> Burst:
    """Send what *make* makes for some *seconds* from *clients* threads, each waiting for its answer.

    Raises ClickException when anything but success is answered.
    """
    done: list[tuple[float, bytes]] = []
    faults: list[str] = []
    until = time.perf_counter() + seconds

    def client() -> None:
        try:
            for _ in range(MOST_REQUESTS):
                sent = make()
                begun = time.perf_counter()
                if begun >= until or faults:
                    return
                status, answer = server.post(path, sent)
                done.append((time.perf_counter() - begun, answer))
                if status not in {200, 201}:
                    faults.append(f"{path}: expected success, found {status} {answer[:300]!r}")
        except OSError as error:
            faults.append(f"{path}: {error!r}")

    threads = [threading.Thread(target=client) for _ in range(clients)]
    begun, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed, used = time.perf_counter() - begun, time.process_time() - cpu
    if faults or not done:
        raise click.ClickException(faults[0] if faults else f"{path}: no request was sent within {seconds} s")
    held = sum(json.loads(answer).get("decision", "accept") != "accept" for _, answer in done)
    return Burst([latency for latency, _ in done], elapsed, used / elapsed, held)


def requests_per_second(
    vigie: Server, echo: Server, *, rounds: int, seconds: float, clients: int
) -> Iterator[tuple[int, list[Row], list[str]]]:
    """Yield, for each length, the rows of `POST /v1/comments` and what must be said about them."""
    kinds: dict[str, tuple[Server, str, dict[str, Any]]] = {
        "bare WSGI (no Flask)": (echo, "/bare", {}),
        "echo: Flask + marshmallow": (echo, "/v1/comments", {}),
        "vigie, not stored": (vigie, "/v1/comments", {"store": False}),
        "vigie, stored": (vigie, "/v1/comments", {}),
    }
    for length in LENGTHS:
        bursts: dict[str, list[Burst]] = {kind: [] for kind in kinds}
        for number in range(-1, rounds):  # the round before the first warms up and does not count
            for kind, (server, path, more) in kinds.items():
                make = functools.partial(body, length, **more)
                lasting = seconds if number >= 0 else min(seconds, 0.5)
                one = burst(server, path, make, seconds=lasting, clients=clients)
                bursts[kind] += [one] if number >= 0 else []
        yield length, *_compared(bursts)


def _compared(bursts: dict[str, list[Burst]]) -> tuple[list[Row], list[str]]:
    bare, echo, *_ = bursts.values()
    rows, notes = [], []
    for kind, measured in bursts.items():
        latencies = [1000 * latency for one in measured for latency in one.latencies]
        ratio = statistics.median(one.rate / other.rate for one, other in zip(measured, echo, strict=True))
        generator = statistics.median(one.generator for one in measured)
        row = over_rounds(
            kind, "requests/s", [one.rate for one in measured], ratio=ratio,
            p50=percentile(latencies, 0.5), p95=percentile(latencies, 0.95), p99=percentile(latencies, 0.99),
            generator=generator,
        )  # fmt: skip
        rows.append(row)
        if generator >= SATURATED or (measured is not bare and row.median >= 0.8 * rows[0].median):
            notes.append(f"  {kind}: the load generator is the bottleneck, the server could do more.")
    notes.append(
        f"  No row can pass the first: sending and gunicorn alone, {rows[0].more['generator']:.2f} cores to send."
    )
    sent = sum(len(one.latencies) for kind in ("vigie, not stored", "vigie, stored") for one in bursts[kind])
    held = sum(one.held for one in itertools.chain(*bursts.values()))
    notes.append(f"  {held / sent:.0%} of vigie's answers were hold or reject, which cost an explanation each.")
    return rows, notes


def batches(server: Server, *, rounds: int, size: int) -> Iterator[Row]:
    """Yield the throughput of `comments:batch`, stored, for each length."""
    for length in LENGTHS:
        figures = []
        for _ in range(rounds):
            sent = b'{"comments": [' + b",".join(body(length) for _ in range(size)) + b"]}"
            begun = time.perf_counter()
            status, answer = server.post("/v1/comments:batch", sent)
            figures.append(size / (time.perf_counter() - begun))
            if status != 200:
                raise click.ClickException(f"comments:batch: expected 200, found {status} {answer[:300]!r}")
        yield over_rounds(f"comments:batch, {length}, stored", "comments/s", figures)


def score_command(folder: Path, *, rounds: int, size: int) -> Iterator[Row]:
    """Yield the throughput of `vigie score` for each length, its start included and taken off, and that start."""
    starts = [_score(folder, LENGTHS[0], 1) for _ in range(rounds)]
    for length in LENGTHS:
        whole = [_score(folder, length, size) for _ in range(rounds)]
        rest = statistics.median(whole) - statistics.median(starts)
        more = {"without its start": size / rest} if rest > 0 else {}
        yield over_rounds(f"vigie score, {length}", "comments/s", [size / seconds for seconds in whole], **more)
    yield over_rounds("vigie score of one comment", "s", starts)


def _score(folder: Path, length: int, lines: int) -> float:
    file = folder / "comments.jsonl"
    rows = ({"comment": comment(next(NUMBERS), length)} for _ in range(lines))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    command = [sys.executable, "-m", "service.cli", "score", str(file), "--output", str(folder / "judged.jsonl")]
    begun = time.perf_counter()
    subprocess.run(
        command, cwd=ROOT, env=environment(folder / "score"), check=True, capture_output=True, timeout=PATIENCE
    )
    return time.perf_counter() - begun


# One process, step by step


class Stopwatch:
    """Times steps by name, many times over."""

    def __init__(self) -> None:
        self.microseconds: dict[str, list[float]] = {}

    def __call__(self, step: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Return what *function* returns, and remember how long it took."""
        begun = time.perf_counter()
        result = function(*arguments, **options)
        self.microseconds.setdefault(step, []).append(1e6 * (time.perf_counter() - begun))
        return result

    def rows(self) -> list[Row]:
        return [
            Row(step, "us", statistics.median(taken), percentile(taken, 0.1), percentile(taken, 0.9))
            for step, taken in self.microseconds.items()
        ]


def request_steps(app: Flask, length: int, repeats: int) -> list[Row]:
    """Return what each step of `POST /v1/comments` takes, in its order, Flask and gunicorn apart."""
    state: State = app.extensions["vigie"]
    moderation, timed = state.moderation, Stopwatch()
    for number in range(repeats):
        with app.test_request_context("/v1/comments", method="POST", data=body(length), content_type=bodies.JSON):
            sent = timed("decode the body", bodies.read, state.settings.max_body_bytes, form=True)
            loaded: Comment = timed("load the schema", state.comment_schema.load, sent).comment
            loaded = replace(loaded, author_id=f"reader {number % 50}", ip="192.0.2.0")
            timed("recall what came before", recall, state.engine, "bench", loaded, datetime.now(UTC))
            signals = timed("signals", observe, loaded, moderation.lexicon)
            (scores,) = timed("score", moderation.model.score, [loaded.text])
            found = timed("reasons, unexplained", policy.reasons, moderation.policy, scores, signals)
            decision = max((reason.decision for reason in found), default=Decision.accept)
            judgement = Judgement(decision, found, scores, signals, moderation.model.version, "bench")
            new = Submission(f"{length}-{number}", "bench", datetime.now(UTC), loaded, judgement)
            timed("store in SQLite", store.add, state.engine, [new])
            shown = timed("dump the answer", Outcome(judgement, new.id, new=True).shown)
            timed("write the answer as JSON", jsonify, shown)
    return timed.rows()


def score_steps(app: Flask, length: int, repeats: int) -> list[Row]:
    """Return what a score is made of; each kind of feature reads the text for itself."""
    pipeline, timed = app.extensions["vigie"].moderation.model.pipeline, Stopwatch()
    for _ in range(repeats):
        timed("score: normalize alone", text.normalize, comment(next(NUMBERS), length))
        for name, transformer in pipeline[0].transformer_list:
            timed(f"score: {name} alone", transformer.transform, [comment(next(NUMBERS), length)])
        together = timed("score: all features, in one matrix", pipeline[0].transform, [comment(next(NUMBERS), length)])
        timed("score: heads", pipeline[-1].predict_proba, together)
    return timed.rows()


def held_steps(app: Flask, length: int, repeats: int) -> list[Row]:
    """Return what judging a rough comment takes, and explaining it, which is done once for all its reasons."""
    moderation, timed = app.extensions["vigie"].moderation, Stopwatch()
    for _ in range(repeats):
        rough = Comment(comment(ONE_ROUGH_IN * next(NUMBERS), length))
        timed("judge a rough comment", moderation.judge, rough)
        timed("explain every attribute of it", moderation.model.explain, rough.text, moderation.model.attributes)
    return timed.rows()


def disk(folder: Path, repeats: int) -> Row:
    """Return what one write of 4 KiB that must reach the disk takes in the folder of the database."""
    timed = Stopwatch()
    with (folder / "page").open("wb") as file:
        for _ in range(repeats):
            file.write(bytes(4096))
            file.flush()
            timed("4 KiB to the disk (fsync)", os.fsync, file.fileno())
    return timed.rows()[0]


# Start and memory

START = """
import json, os, time
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
begun = time.perf_counter()
from service.model import load_model
from service.settings import Settings
imported, before = time.perf_counter(), resident()
load_model(Settings().models)
print(json.dumps([imported - begun, time.perf_counter() - imported, before, resident()]))
"""


def start(folder: Path, *, rounds: int) -> list[Row]:
    """Return how long a fresh process imports and loads the model, and its resident memory before and after."""
    found = []
    for _ in range(rounds):
        told = subprocess.run(
            [sys.executable, "-c", START], cwd=ROOT, env=environment(folder / "start"), check=True,
            capture_output=True, timeout=PATIENCE,
        )  # fmt: skip
        found.append(json.loads(told.stdout))
    imported, loaded, before, after = zip(*found, strict=True)
    return [
        over_rounds("import the service's core", "s", imported),
        over_rounds("check and load the model", "s", loaded),
        over_rounds("memory with the libraries", "MiB", before),
        over_rounds("memory with the model", "MiB", after),
    ]


def memory(server: Server, name: str) -> Row:
    """Return the memory of a worker that has served: all it touches, and its fair share of what workers share."""
    found = []
    for pid in server.workers():
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        found.append([int(lines[kind].split()[0]) / 1024 for kind in ("Rss", "Pss")])
    rss, pss = zip(*found, strict=True)
    return over_rounds(f"memory of a worker, {name}", "MiB", rss, proportional=statistics.median(pss))


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Rounds of each measurement")
@click.option("--seconds", default=1.5, show_default=True, type=click.FloatRange(0.05), help="Of one burst of requests")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Of gunicorn")
@click.option("--batch", default=1000, show_default=True, type=click.IntRange(1, 1000), help="Comments in a batch")
@click.option("--repeats", default=200, show_default=True, type=click.IntRange(1), help="Of each step in one process")
@click.option("--json", "file", type=click.File("w", encoding="utf-8"), help="Write every row to this file too")
def main(rounds: int, seconds: float, workers: int, batch: int, repeats: int, file: Any) -> None:
    """Measure Vigie on this machine, beside an empty Flask + marshmallow service in the same run."""
    begun = time.monotonic()
    rows: dict[str, list[Row]] = {}

    def show(title: str, measured: Iterable[Row], notes: Iterable[str] = ()) -> None:
        rows[title] = list(measured)
        click.echo("\n".join([f"\n{title}", *map(str, rows[title]), *notes]))

    clients = 2 * workers
    load = ", ".join(f"{share:.1f}" for share in os.getloadavg())
    click.echo(
        f"{os.cpu_count()} cores (load before: {load}), Python {platform.python_version()}, {workers} sync workers of "
        f"gunicorn, preloaded\n{rounds} rounds, {clients} clients of one process, a connection for each request\n"
        "columns: median, unit, spread (least - greatest round; 10th - 90th percentile of the steps)"
    )
    with tempfile.TemporaryDirectory(prefix="vigie-bench-") as name:
        folder = Path(name)
        database = f"sqlite:///{folder / 'vigie.db'}"
        engine = store.open_engine(database)
        store.upgrade(engine)
        engine.dispose()
        chosen = {"workers": workers, "database": database}
        gunicorn = ["-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "tests.load.echo:app"]
        with (
            serving(gunicorn, folder / "echo", **chosen) as echo,
            serving(["-m", "service.cli", "serve"], folder / "vigie", **chosen) as vigie,
        ):
            for length, measured, notes in requests_per_second(
                vigie, echo, rounds=rounds, seconds=seconds, clients=clients
            ):
                show(f"POST /v1/comments, {length} characters; ratio to the echo, latency in ms", measured, notes)
            show(f"comments:batch of {batch}, one client", batches(vigie, rounds=rounds, size=batch))
            served = [memory(echo, "echo"), memory(vigie, "vigie")]
        show(f"vigie score, {batch} lines", score_command(folder, rounds=rounds, size=batch))
        app = create_app(Settings(database=database))
        for length in LENGTHS:
            parts = [
                *request_steps(app, length, repeats),
                *score_steps(app, length, repeats),
                *held_steps(app, length, max(1, repeats // 5)),
            ]
            show(f"Steps of a decision in one process, {length} characters", parts)
        app.extensions["vigie"].engine.dispose()
        show("Disk, start and memory", [disk(folder, repeats), *start(folder, rounds=rounds), *served])
    click.echo(f"\n{time.monotonic() - begun:.0f} s in all")
    if file:
        json.dump({title: [asdict(row) for row in found] for title, found in rows.items()}, file, indent=1)


if __name__ == "__main__":
    main()
