"""`make bench`, second half: the model on one core beside a classifier of XLM-R-base's size, and retraining.

The large classifier has random weights, which are as fast as trained ones. It needs torch and transformers, which
nothing else here does: its row is left out, with a message, where they are absent.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from service.model import load_model
from service.settings import ROOT
from tests.load.bench import NUMBERS, Row, comment, percentile

CHARACTERS = 212
"""About sixty pieces of the tokenizer, begin and end included."""

RETRAIN = """
import json, resource, sys, time
import numpy as np
from service.domain import ATTRIBUTES
from service.lexicon import load_lexicon
from service.model import current
from service.settings import ROOT
from tests.load.bench import comment
from training.examples import Example
from training.material import Material
from training.recipe import read_recipe
from training.release import train
rows = int(sys.argv[1])
texts = [comment(number, 60 if number % 3 else 160) for number in range(rows)]
random = np.random.default_rng(1)
share = [[0.3 if number % 10 == 0 else 0.05] for number in range(rows)]
labels = (random.random((rows, len(ATTRIBUTES))) < share) * 1.0
examples = [Example("own/bench", str(number), text, {}, "fr", str(number)) for number, text in enumerate(texts)]
forum = np.where(np.arange(rows) % 20 == 0, labels[:, 0], np.nan)
material = Material(examples, texts, labels, labels, forum, np.ones(rows), np.array(["train"] * rows), {}, None)
begun = time.perf_counter()
train(read_recipe(), material, load_lexicon(), ROOT / "models" / current(ROOT / "models")[0])
print(json.dumps([time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def timed(name: str, call: Callable[[str], Any], repeats: int, **more: float) -> Row:
    """Return the median of *call* on *repeats* texts of CHARACTERS each, in milliseconds, with the 95th percentile."""
    taken = []
    for _ in range(repeats + 3):
        text = comment(next(NUMBERS), CHARACTERS)
        begun = time.perf_counter()
        call(text)
        taken.append(1000 * (time.perf_counter() - begun))
    taken = taken[3:]
    spread = (percentile(taken, 0.1), percentile(taken, 0.9))
    return Row(name, "ms", percentile(taken, 0.5), *spread, {"p95": percentile(taken, 0.95), **more})


def large() -> Callable[[str], Any] | None:
    """Return a classifier as large as XLM-R base, with random weights, or None where it cannot be made."""
    try:
        import torch
        from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification
    except ImportError:
        return None
    torch.set_num_threads(1)
    config = XLMRobertaConfig(
        vocab_size=250_002, max_position_embeddings=514, type_vocab_size=1, num_labels=8, layer_norm_eps=1e-5
    )
    classifier = XLMRobertaForSequenceClassification(config).eval()
    places = torch.arange(2, 62).unsqueeze(0) * 1009

    def classify(text: str) -> Any:
        """Read sixty pieces; the tokenizer's share is left out, in its favour."""
        with torch.inference_mode():
            return classifier(input_ids=places)

    return classify


@click.command()
@click.option("--repeats", default=200, show_default=True, type=click.IntRange(2), help="Of each measurement")
@click.option("--rows", default=100_000, show_default=True, type=click.IntRange(200), help="Comments to retrain on")
@click.option("--json", "file", type=click.File("w", encoding="utf-8"), help="Write every row to this file too")
def main(repeats: int, rows: int, file: Any) -> None:
    """Measure the model alone, on one core, and retraining its heads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    model = load_model(ROOT / "models")
    encoder = dict(model.pipeline[0].transformer_list).get("encoder")
    found = [timed("score of a comment of 60 pieces", lambda text: model.score([text]), repeats)]
    if encoder is not None:
        found.append(timed("of which the encoder", lambda text: encoder.transform([text]), repeats))
    begun = time.perf_counter()
    model.score([comment(next(NUMBERS), CHARACTERS) for _ in range(repeats)])
    each = repeats / (time.perf_counter() - begun)
    found.append(Row(f"batch of {repeats}", "comments/s", each, each, each))
    classify = large()
    if classify is not None:
        slow = timed("XLM-R base, random weights", classify, max(2, repeats // 10))
        slow.more["ratio"] = slow.median / found[0].median
        found.append(slow)
    click.echo(
        "\n".join([f"\nThe model, one core, {CHARACTERS} characters (10th - 90th percentile)", *map(str, found)])
    )
    if classify is None:
        click.echo("  the classifier of XLM-R base's size was left out: it needs torch and transformers")
    affinity = (
        {"preexec_fn": lambda: os.sched_setaffinity(0, range(os.cpu_count() or 1))}
        if hasattr(os, "sched_setaffinity")
        else {}
    )
    told = subprocess.run(
        [sys.executable, "-c", RETRAIN, str(rows)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=3600,
        **affinity,
    )
    seconds, memory = json.loads(told.stdout.splitlines()[-1])
    retrained = [
        Row(f"retrain the heads on {rows:,} comments", "s", *[seconds] * 3),
        Row("at most in memory", "MiB", *[memory] * 3),
    ]
    click.echo("\n".join(["\nRetraining, all cores, once", *map(str, retrained)]))
    if file:
        json.dump([asdict(row) for row in [*found, *retrained]], file, indent=1)


if __name__ == "__main__":
    main()
