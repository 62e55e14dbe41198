"""A release in service: checked before it is unpickled, then one path from raw text to probabilities."""

import hashlib
import importlib.metadata
import io
import json
import re
import tomllib
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.pipeline import Pipeline

from service.domain import Scores, Span

LIBRARIES = ("scikit-learn", "numpy", "scipy", "joblib", "onnxruntime", "sentencepiece")
"""Libraries whose version decides what an unpickled model computes."""
PARTS = 24
"""An explanation leaves out one part of the text at a time: at most this many, each at least one word."""
LONG = 1200
"""Signs of a text above which an explanation scores its parts alone."""
SHOWN = 5
"""An explanation shows at most this many parts."""
WORD = re.compile(r"\S+")


class ModelError(RuntimeError):
    """A release that must not be served; the message says what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded release."""

    version: str
    pipeline: Pipeline
    attributes: tuple[str, ...]
    folder: Path
    release: Mapping[str, Any]
    """What release.json says: when, from what, by which libraries."""

    def score(self, texts: Sequence[str]) -> list[Scores]:
        """Return the calibrated probability of each attribute for each text; a batch scores as its members do."""
        if not texts:
            return []
        with config_context(assume_finite=True, skip_parameter_validation=True):  # our own texts and parameters
            probabilities = self.pipeline.predict_proba(list(texts))
        return [
            {attribute: round(float(value), 6) for attribute, value in zip(self.attributes, row, strict=True)}
            for row in probabilities
        ]

    def explain(self, text: str, attributes: Collection[str]) -> dict[str, tuple[Span, ...]]:
        """Return for each of *attributes* the words of *text* that raise its score most, in the order of the text.

        Each part of the text (a word; several in a longer text) is left out in turn: the parts without which the log
        odds fall most, by at least a third of the greatest fall, are shown, neighbours as one. One batch call of at
        most PARTS texts; in a text longer than LONG signs, where that would cost too much, the parts are scored alone.
        """
        if not attributes:
            return {}
        found = [match.span() for match in WORD.finditer(text)]
        step = max(1, -(-len(found) // PARTS))
        parts = [(found[at][0], found[min(at + step, len(found)) - 1][1]) for at in range(0, len(found), step)]
        if len(text) <= LONG:
            decisions = self.pipeline.decision_function([text, *(text[:begin] + text[end:] for begin, end in parts)])
            weights = decisions[0] - decisions[1:]
        else:
            decisions = self.pipeline.decision_function(["", *(text[begin:end] for begin, end in parts)])
            weights = decisions[1:] - decisions[0]
        return {name: _strongest(text, parts, weights[:, self.attributes.index(name)]) for name in attributes}

    def card(self) -> str:
        """Return the model card: Markdown, English."""
        return (self.folder / "card.md").read_text("utf-8")


def load_model(models: Path, version: str | None = None) -> Model:
    """Load the release that `current.toml` of *models* names (or *version*), after checking it.

    Nothing is unpickled before the digest of every file of the release agrees with its release.json, that of
    release.json with current.toml, and the libraries are those it was trained with. Then the release scores its own
    probe texts, and must score them as it did when it was made: code that reads texts otherwise would be noticed.

    Raises ModelError, which says what was found and what was expected.
    """
    if version is None:
        version, expected = current(models)
        _check_digest(models / version / "release.json", expected)
    folder = models / version
    release = _json(folder / "release.json")
    for name, digest in release["files"].items():
        _check_digest(folder / name, digest)
    for library, made_with in release["libraries"].items():
        found = _installed(library)
        if found != made_with:
            raise ModelError(
                f"model {version}: expected {library} {made_with}, with which it was trained, found {found}"
            )
    model = Model(version, _unpickle(folder), tuple(release["attributes"]), folder, release)
    for probe, scores in zip(release["probes"], model.score([p["text"] for p in release["probes"]]), strict=True):
        if any(abs(scores[name] - value) > 1e-4 for name, value in probe["scores"].items()):
            raise ModelError(
                f"model {version}: expected the scores {probe['scores']} for its probe text, found {scores}"
            )
    return model


def current(models: Path) -> tuple[str, str]:
    """Return version and digest (of release.json) of the release in service."""
    path = models / "current.toml"
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        return str(table["version"]), str(table["sha256"])
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: expected version and sha256 of the release in service, found: {error}") from error


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check_digest(path: Path, expected: str) -> None:
    try:
        found = digest(path)
    except OSError as error:
        raise ModelError(f"{path}: expected a readable file of the release, found {error.strerror}") from error
    if found != expected:
        raise ModelError(f"{path}: expected sha256 {expected[:16]}…, found {found[:16]}…: changed since its release")


def _installed(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _json(path: Path) -> dict[str, Any]:
    try:
        release: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: expected a readable release.json, found {error}") from error
    if missing := {"files", "libraries", "attributes", "probes"} - set(release):
        raise ModelError(f"{path}: expected {', '.join(sorted(missing))}, found none")
    if missing := {"model.joblib", "policy.toml"} - set(release["files"]):
        raise ModelError(f"{path}: expected a digest of {', '.join(sorted(missing))} in files, found none")
    return release


def _unpickle(folder: Path) -> Pipeline:
    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        pipeline = joblib.load(io.BytesIO((folder / "model.joblib").read_bytes()))
    if not isinstance(pipeline, Pipeline):
        raise ModelError(f"{folder}: expected a scikit-learn Pipeline, found {type(pipeline).__name__}")
    encoder = dict(getattr(pipeline[0], "transformer_list", ())).get("encoder")
    if encoder is not None:  # its files lie beside the pickle, not in it
        encoder.set_params(folder=str(folder))
    return pipeline


def _strongest(text: str, parts: Sequence[tuple[int, int]], weights: NDArray[np.float64]) -> tuple[Span, ...]:
    """Return the parts of greatest weight, neighbours joined, without the punctuation around them."""
    least = max(float(weights.max(initial=0.0)) / 3, 1e-6)
    chosen = sorted(place for place in np.argsort(-weights)[:SHOWN] if weights[place] >= least)
    spans: list[tuple[int, int]] = []
    for place in chosen:
        begin, end = parts[place]
        if spans and text[spans[-1][1] : begin].isspace():
            begin = spans.pop()[0]
        spans.append((begin, end))
    return tuple(_trim(text, begin, end) for begin, end in spans)


def _trim(text: str, begin: int, end: int) -> Span:
    while begin < end - 1 and not text[begin].isalnum():
        begin += 1
    while end > begin + 1 and not text[end - 1].isalnum():
        end -= 1
    return Span(begin, end, text[begin:end])
