"""What the sentence encoder learns from: every corpus in its own words, and our labels of the same rows in ours."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.domain import ATTRIBUTES
from training.examples import Example
from training.material import AUTHORED, gather, source
from training.recipe import Recipe
from training.relabels import RELABELS, Readings, read_relabels, relabel
from training.split import fold_of

OURS = ""
"""The source whose labels follow docs/annotation.md; its definition is the one that is served."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """Row i of each belongs to `texts[i]`."""

    texts: Sequence[str]
    labels: NDArray[np.float64]
    """(n_texts, n_attributes): 0 to 1, NaN for unknown."""
    weights: NDArray[np.float64]
    sources: Sequence[str]
    """Whose definition the labels follow."""
    french: NDArray[np.bool_]
    dev: NDArray[np.bool_]
    """Rows that are kept back: they say when to stop, or are read by an encoder that has not learnt them."""
    groups: Sequence[str]
    """By which the figures of dev rows are averaged: a large corpus must not drown a small one. "" is not looked at."""


def kept_back(example: Example, recipe: Recipe, fold: int | None) -> bool:
    """Tell whether a French row is not learnt: in *fold*, or, for None, to say when to stop."""
    folds = recipe.encoder["dev_folds" if fold is None else "folds"]
    return example.language == "fr" and fold_of(example.group, folds) == (fold or 0)


def gather_lessons(recipe: Recipe, *, root: Path | None, authored: Path = AUTHORED, fold: int | None = None) -> Lessons:
    """Return the rows of the train part; a row that we labelled too is there twice, once by each definition.

    fold : which French rows are kept back, of `recipe.encoder["folds"]`; None for those that say when to stop.
    """
    material = gather(recipe, root=root, authored=authored, weights=recipe.encoder["corpora"], readings={})
    readings: Readings = read_relabels(RELABELS)
    rows = [int(row) for row in material.rows(part="train")]
    again = [row for row in rows if (material.examples[row].corpus, material.examples[row].row) in readings]
    everything = [*rows, *again]
    examples = [material.examples[row] for row in everything]
    ours = [relabel(material.examples[row], readings).labels for row in again]
    labels = material.labels[everything]
    weights = material.weights[everything]
    for place, found in enumerate(ours, start=len(rows)):
        labels[place] = [found.get(name, np.nan) for name in ATTRIBUTES]
        weights[place] = recipe.encoder["relabelled"]
    sources = [OURS if source(example) == "authored" else source(example) for example in examples]
    sources[len(rows) :] = [OURS] * len(again)
    groups = ["toxifrench" if source(example).startswith("toxifrench") else source(example) for example in examples]
    groups[len(rows) :] = ["relabelled"] * len(again)
    # What another definition says of a row that we labelled ourselves should not choose between models.
    twice = set(again)
    groups = ["" if row in twice and g in ("mlma", "ftr") else g for row, g in zip(everything, groups, strict=True)]
    return Lessons(
        [material.texts[row] for row in everything],
        labels,
        weights,
        sources,
        np.array([example.language == "fr" for example in examples]),
        np.array([kept_back(example, recipe, fold) for example in examples]),
        groups,
    )


def disturbed(text: str, random: np.random.Generator, share: float) -> str:
    """Return *text* as others might have typed it: now and then without accents, without capitals, or shouted."""
    dice = random.random()
    if dice < share:
        return "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))
    if dice < 2 * share:
        return text.lower()
    if dice < 2.3 * share:
        return text.upper()
    return text
