"""The bench runs and says what it promises; how fast is for `make bench` to tell."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from service.settings import ROOT

SMALLEST = ("--rounds", "1", "--seconds", "0.1", "--workers", "1", "--batch", "3", "--repeats", "2")
REQUESTS = ("bare WSGI (no Flask)", "echo: Flask + marshmallow", "vigie, not stored", "vigie, stored")
STEPS = (
    "decode the body", "load the schema", "recall what came before", "signals", "score",
    "reasons, unexplained", "store in SQLite",
    "dump the answer", "write the answer as JSON", "score: normalize alone", "score: characters alone",
    "score: words alone", "score: structure alone", "score: encoder alone",
    "score: all features, in one matrix", "score: heads",
    "judge a rough comment", "explain every attribute of it",
)  # fmt: skip
OTHERS = (
    "comments:batch, 60, stored", "comments:batch, 400, stored", "vigie score, 60", "vigie score, 400",
    "vigie score of one comment", "4 KiB to the disk (fsync)", "import the service's core", "check and load the model",
    "memory with the libraries", "memory with the model",
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, list[dict[str, object]]]]:
    """What the shortest run prints, and what it writes as JSON."""
    file = tmp_path_factory.mktemp("bench") / "rows.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.load.bench", *SMALLEST, "--json", str(file)],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(Path(file).read_text("utf-8"))


def test_every_row_is_printed_with_its_median_and_spread(run: tuple[str, dict[str, list[dict[str, object]]]]) -> None:
    printed, written = run
    found = [str(row["name"]) for rows in written.values() for row in rows]

    assert sorted([*REQUESTS * 2, *STEPS * 2, *OTHERS]) == sorted(n for n in found if not n.startswith("memory of a"))
    assert all(f"  {name} " in printed for name in found)
    assert all(row["low"] <= row["median"] <= row["high"] for rows in written.values() for row in rows)


def test_requests_are_compared_with_the_echo_of_the_same_run(
    run: tuple[str, dict[str, list[dict[str, object]]]],
) -> None:
    _, written = run
    compared = [rows for title, rows in written.items() if title.startswith("POST /v1/comments")]

    assert [REQUESTS, REQUESTS] == [tuple(row["name"] for row in rows) for rows in compared]
    for rows in compared:
        assert rows[1]["more"]["ratio"] == 1
        assert all({"ratio", "p50", "p95", "p99", "generator"} <= set(row["more"]) for row in rows)


def test_no_text_is_sent_twice() -> None:
    from tests.load.bench import LENGTHS, comment

    for length in LENGTHS:
        texts = [comment(number, length) for number in range(5000)]

        assert len(texts) == len(set(texts))
        assert abs(sum(map(len, texts)) / len(texts) - length) < 15


def test_the_model_is_measured_alone_and_retraining_too(tmp_path: Path) -> None:
    """The row of the large classifier may be absent: it needs libraries that nothing else does."""
    file = tmp_path / "rows.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.load.bench_model", "--repeats", "3", "--rows", "400", "--json", str(file)],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = [row["name"] for row in json.loads(file.read_text("utf-8"))]

    assert names[:3] == ["score of a comment of 60 pieces", "of which the encoder", "batch of 3"]
    assert names[-2:] == ["retrain the heads on 400 comments", "at most in memory"]
    assert ("XLM-R base, random weights" in names) != ("was left out: it needs torch" in done.stdout)


def test_every_protocol_is_measured_beside_the_echo() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.load.bench_protocols", "--rounds", "1", "--seconds", "0.3", "--workers", "1"],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name in ("echo", "POST /v1/comments, stored", "Perspective", "Akismet comment-check", "Coral phase"):
        assert f"  {name}" in done.stdout
