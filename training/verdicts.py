"""Moderators' verdicts before anything is learnt from them: what is left out, weighed down or kept back, and why."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.text import letters_only
from training.examples import Example


@dataclass(frozen=True, slots=True)
class Guarded:
    """Verdicts that may be learnt from; row i of `weights` and `later` belongs to `examples[i]`."""

    examples: Sequence[Example]
    weights: NDArray[np.float64]
    """1, or less for whoever gave more than their share."""
    later: NDArray[np.bool_]
    """The newest: they are not learnt, but say whether the new model agrees with the moderators."""
    told: Sequence[str]
    """What was done and why, in French, for whoever retrains."""


def guard(examples: Sequence[Example], rules: Mapping[str, Any]) -> Guarded:
    """Return what may be learnt of *examples*, by the table [verdicts] of the recipe.

    Rows without `by` and `at` (a moderator's own file) are taken as they are. Contradictory labels of one text are left
    out until somebody has looked again; too few verdicts, or hardly any of one side, teach nothing.
    """
    told: list[str] = []
    given = [example for example in examples if example.at]
    plain = [example for example in examples if not example.at]
    given = _agreed(given, told)
    bad = sum(max(example.labels.values(), default=0) >= 0.5 for example in given)
    if given and min(bad, len(given) - bad) < rules["fewest"]:
        told.append(
            f"{len(given)} verdicts, dont {bad} refus : il en faut au moins {rules['fewest']} de chaque côté pour en"
            " apprendre. Ils sont laissés de côté cette fois."
        )
        given = []
    given.sort(key=lambda example: example.at)
    kept_back = int(len(given) * rules["kept_back"])
    later = [False] * (len(given) - kept_back) + [True] * kept_back
    if kept_back:
        told.append(f"{kept_back} verdicts, les plus récents, ne sont pas appris : ils servent à vérifier le résultat.")
    weights = _weights(given, rules["most_of_one"], told)
    return Guarded(
        [*plain, *given],
        np.concatenate([np.ones(len(plain)), weights]),
        np.array([False] * len(plain) + later),
        told,
    )


def _agreed(given: Sequence[Example], told: list[str]) -> list[Example]:
    """Return *given* without the texts on which two verdicts say the opposite of one attribute."""
    by_text: dict[str, list[Example]] = defaultdict(list)
    for example in given:
        by_text[letters_only(example.text) or example.text].append(example)
    kept, disputed = [], []
    for same in by_text.values():
        names = {name for example in same for name in example.labels}
        if any(len({example.labels[name] for example in same if name in example.labels}) > 1 for name in names):
            disputed.append(", ".join(sorted(example.row for example in same)))
        else:
            kept.extend(same)
    if disputed:
        shown = " ; ".join(disputed[:10])
        told.append(f"{len(disputed)} texte(s) jugés de deux façons sont laissés de côté, à revoir : {shown}")
    return kept


def _weights(given: Sequence[Example], most: float, told: list[str]) -> NDArray[np.float64]:
    """Return a weight for each verdict, so that no one's are more than the share *most* of all, where others judge."""
    counted = Counter(example.by for example in given)
    weights = np.ones(len(given))
    if len(counted) < 2:
        return weights
    [(name, number)] = counted.most_common(1)
    others = len(given) - number
    if number > most * len(given):
        weight = most / (1 - most) * others / number
        weights[[example.by == name for example in given]] = weight
        told.append(
            f"{name} a rendu {number} des {len(given)} verdicts : chacun pèse {weight:.2f}, pour que personne ne décide"
            " seul de ce que le modèle apprend."
        )
    return weights
