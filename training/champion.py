"""A new release beside the one in service: the same rows, the difference with its interval."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline

from service.domain import ATTRIBUTES
from service.model import Model
from training.evaluate import reference_good
from training.material import Material
from training.measures import FEWEST, bootstrap
from training.recipe import Recipe


def against(
    champion: Model, challenger: Pipeline, material: Material, recipe: Recipe, repeats: int = 300
) -> dict[str, Any]:
    """Return per attribute the AUC of both on the test part, and the challenger's gain with its 95 % interval.

    Both are measured on rows that neither was fitted to: a row's part never changes, whichever release comes when.
    """
    rows = material.rows(part="test")
    texts = [material.texts[row] for row in rows]
    new = challenger.predict_proba(texts)
    old = champion.pipeline.predict_proba(texts)
    found = {}
    for column, name in enumerate(ATTRIBUTES):
        if name not in champion.attributes:
            continue
        truth = material.labels[rows, column]
        known = np.flatnonzero(~np.isnan(truth))
        positive = truth[known] >= 0.5
        if min(positive.sum(), (~positive).sum()) >= FEWEST:
            pair = (new[known, column], old[known, champion.attributes.index(name)])
            found[name] = _gain(positive, *pair, seed=recipe.seed, repeats=repeats)
    return {"version": champion.version, "attributes": found}


def _gain(
    positive: NDArray[np.bool_], new: NDArray[np.float64], old: NDArray[np.float64], *, seed: int, repeats: int
) -> dict[str, float]:
    def gain(rows: NDArray[np.intp]) -> float:
        if positive[rows].all() or not positive[rows].any():
            return float("nan")
        return float(roc_auc_score(positive[rows], new[rows]) - roc_auc_score(positive[rows], old[rows]))

    low, high = bootstrap(gain, len(positive), seed=seed, repeats=repeats)
    every = np.arange(len(positive))
    return {
        "rows": len(positive),
        "champion": float(roc_auc_score(positive, old)),
        "challenger": float(roc_auc_score(positive, new)),
        "gain": gain(every),
        "low": low,
        "high": high,
    }


def decisions_beside(
    champion: Sequence[str],
    challenger: Sequence[str],
    material: Material,
    rows: NDArray[np.intp],
    recipe: Recipe,
    repeats: int = 300,
) -> dict[str, dict[str, float]]:
    """Return how often each of two releases, with its own policy, does what is asked of it, on the same *rows*.

    champion, challenger : what each decided on *rows*. Good comments are weighted as on a site; the difference comes
    with its 95 % interval.
    """
    bad, good = material.bad()[rows], reference_good(recipe, material, rows)
    spam, toxicity = (material.labels[rows, ATTRIBUTES.index(name)] >= 0.5 for name in ("spam", "toxicity"))
    asked = {
        "good comments held or rejected": (good, ("hold", "reject")),
        "good comments rejected": (good, ("reject",)),
        "toxic comments held or rejected": ((toxicity & bad).astype(float), ("hold", "reject")),
        "spam held or rejected": ((spam & bad).astype(float), ("hold", "reject")),
        "bad comments rejected": (bad.astype(float), ("reject",)),
    }
    found = {}
    for name, (weights, wanted) in asked.items():
        old, new = (np.isin(decided, wanted).astype(float) for decided in (champion, challenger))

        def change(places: NDArray[np.intp], weights: Any = weights, old: Any = old, new: Any = new) -> float:
            total = weights[places].sum()
            return float((weights[places] * (new - old)[places]).sum() / total) if total else float("nan")

        if np.count_nonzero(weights) < FEWEST:
            continue
        low, high = bootstrap(change, len(rows), seed=recipe.seed, repeats=repeats)
        shares = {
            kind: float(weights @ taken / weights.sum()) for kind, taken in (("champion", old), ("challenger", new))
        }
        found[name] = {"rows": int(np.count_nonzero(weights)), **shares, "low": low, "high": high}
    return found


def surest_loss(comparison: dict[str, Any]) -> float:
    """Return by how much the challenger is surely worse than the champion in its worst attribute; 0 when in none."""
    return max((max(0.0, -found["high"]) for found in comparison["attributes"].values()), default=0.0)
