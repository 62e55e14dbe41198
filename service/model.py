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
from typing import Any, TypeVar

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
"""An explanation looks at so many clauses, and in a clause at so many parts, at most."""
FEWEST, SHORT = 4, 16
"""Words of a clause: a mark after fewer does not end it, more begin another."""
CLAUSE_ENDS = ".,;:!?…»)"
LONG = 400
"""Signs of a clause above which an explanation does not look at its words."""
SHOWN = 5
"""An explanation shows at most this many parts."""
WORD = re.compile(r"\S+")
Place = tuple[int, int]
Falls = tuple[list[Place], NDArray[np.float64]]
"""Parts of a clause, and the fall of the log odds without each: (n_parts, n_attributes)."""
T = TypeVar("T")


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

        First the clauses of the text are scored alone: together they are no longer than the text. Then, in the clause
        of the highest log odds of an attribute, each word is left out in turn, in one call for all attributes: those
        without which the log odds fall most, by at least a third of the greatest fall, are shown, neighbours as one.
        Clauses and words are at most PARTS, several in one where there are more; of a clause longer than LONG signs all
        of it is shown.
        """
        clauses = _clauses(text, [match.span() for match in WORD.finditer(text)])
        if not attributes or not clauses:
            return dict.fromkeys(attributes, ())
        columns = {name: self.attributes.index(name) for name in attributes}
        strongest = dict.fromkeys(attributes, 0)
        if len(clauses) > 1:
            odds = self.pipeline.decision_function([text[words[0][0] : words[-1][1]] for words in clauses])
            strongest = {name: int(odds[:, column].argmax()) for name, column in columns.items()}
        falls = self._falls(text, {place: clauses[place] for place in sorted(set(strongest.values()))})
        return {name: _strongest(text, *falls[place], columns[name]) for name, place in strongest.items()}

    def _falls(self, text: str, clauses: Mapping[int, Sequence[Place]]) -> dict[int, Falls]:
        """Return the parts of each of *clauses*, and how far its log odds fall without each; one call for all."""
        parts: dict[int, list[Place]] = {}
        asked: list[str] = []
        for at, words in clauses.items():
            begin, end = words[0][0], words[-1][1]
            parts[at] = [(begin, end)]
            if len(words) > 1 and end - begin <= LONG:
                parts[at] = [(some[0][0], some[-1][1]) for some in _grouped(words, PARTS)]
                asked += [text[begin:end], *(text[begin:first] + text[last:end] for first, last in parts[at])]
        odds = self.pipeline.decision_function(asked) if asked else np.empty((0, len(self.attributes)))
        falls: dict[int, Falls] = {}
        for at, found in parts.items():
            falls[at] = found, np.ones((1, len(self.attributes)))
            if len(found) > 1:
                falls[at] = found, odds[0] - odds[1 : len(found) + 1]
                odds = odds[len(found) + 1 :]
        return falls

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


def _clauses(text: str, words: Sequence[Place]) -> list[Sequence[Place]]:
    """Return the words of each clause: up to a mark that ends one, or SHORT words, whichever is first."""
    clauses: list[list[Place]] = [[]]
    for begin, end in words:
        clauses[-1].append((begin, end))
        told = len(clauses[-1])
        if told >= SHORT or (told >= FEWEST and text[end - 1] in CLAUSE_ENDS):
            clauses.append([])
    if len(clauses) > 1 and len(clauses[-1]) < FEWEST:  # a rest says nothing alone
        rest = clauses.pop()
        clauses[-1] += rest
    found = [clause for clause in clauses if clause]
    return [[word for clause in some for word in clause] for some in _grouped(found, PARTS)]


def _grouped(things: Sequence[T], most: int) -> list[Sequence[T]]:
    """Return *things* in their order, in at most *most* groups of like size."""
    step = max(1, -(-len(things) // most))
    return [things[at : at + step] for at in range(0, len(things), step)]


def _strongest(text: str, parts: Sequence[Place], falls: NDArray[np.float64], column: int) -> tuple[Span, ...]:
    """Return the parts of the greatest fall, neighbours joined, without the punctuation around them."""
    weights = falls[:, column]
    least = max(float(weights.max(initial=0.0)) / 3, 1e-6)
    chosen = sorted(place for place in np.argsort(-weights)[:SHOWN] if weights[place] >= least)
    spans: list[Place] = []
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
