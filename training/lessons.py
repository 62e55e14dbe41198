"""What the sentence encoder learns from: every corpus in its own words, and our labels of the same rows in ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.domain import ATTRIBUTES
from training.examples import Example
from training.material import AUTHORED, Material, gather, source
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
    """Rows that are not learnt but say when to stop."""
    groups: Sequence[str]
    """By which the figures of dev rows are averaged: a large corpus must not drown a small one. "" is not looked at."""


def is_dev(example: Example, recipe: Recipe) -> bool:
    """Tell whether a row of the train part is kept back to say when to stop."""
    return example.language == "fr" and fold_of(example.group, recipe.encoder["dev_folds"]) == 0


def unlearnt(material: Material, recipe: Recipe) -> NDArray[np.bool_]:
    """Tell which rows an encoder of this recipe has not learnt: those on which heads may be fitted.

    A moderator's own rows are never among what the shipped encoder has learnt.
    """
    learns = recipe.encoder["corpora"]
    return np.array(
        [
            part != "train" or source(example) not in learns or is_dev(example, recipe)
            for example, part in zip(material.examples, material.parts, strict=True)
        ]
    )


def gather_lessons(recipe: Recipe, *, root: Path | None, authored: Path = AUTHORED) -> Lessons:
    """Return the rows of the train part; a row that we labelled too is there twice, once by each definition."""
    material = gather(recipe, root=root, authored=authored, weights=recipe.encoder["corpora"], readings={})
    readings: Readings = read_relabels(RELABELS)
    rows = [int(row) for row in material.rows(part="train")]
    again = [row for row in rows if (material.examples[row].corpus, material.examples[row].row) in readings]
    everything = [*rows, *again]
    examples = [material.examples[row] for row in everything]
    ours = [relabel(material.examples[row], readings, recipe.relabels["keep"]).labels for row in again]
    labels = material.labels[everything]
    weights = material.weights[everything]
    taken = [name not in recipe.relabels["encoder_without"] for name in ATTRIBUTES]
    for place, found in enumerate(ours, start=len(rows)):
        labels[place] = np.where(taken, [found.get(name, np.nan) for name in ATTRIBUTES], np.nan)
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
        np.array([is_dev(example, recipe) for example in examples]),
        groups,
    )
