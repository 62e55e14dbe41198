"""The figures of a report: ranking, calibration and decisions, with intervals where rows are few."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

Floats = NDArray[np.float64]
FEWEST = 15
"""Fewer positives or negatives than this are not measured."""


def ranking(truth: Floats, scores: Floats, *, seed: int, repeats: int = 500) -> dict[str, Any] | None:
    """Return AUC (with a 95 % bootstrap interval), average precision and the share found at 5 % false alarms.

    truth : (n,) labels, positive from 0.5; scores : (n,). None when there are fewer than FEWEST of either kind.
    """
    positive = truth >= 0.5
    if min(positive.sum(), (~positive).sum()) < FEWEST:
        return None
    low, high = bootstrap(lambda rows: _auc(positive[rows], scores[rows]), len(truth), seed=seed, repeats=repeats)
    false_alarms, found, _ = roc_curve(positive, scores)
    return {
        "rows": len(truth),
        "positives": int(positive.sum()),
        "auc": _auc(positive, scores),
        "auc_low": low,
        "auc_high": high,
        "average_precision": float(average_precision_score(positive, scores)),
        "found_at_5_percent_false_alarms": float(found[np.searchsorted(false_alarms, 0.05, side="right") - 1]),
    }


def bootstrap(
    measure: Callable[[NDArray[np.intp]], float], rows: int, *, seed: int, repeats: int
) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles of *measure* over resampled rows."""
    random = np.random.default_rng(seed)
    values = [measure(random.integers(0, rows, rows)) for _ in range(repeats)]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def calibration(truth: Floats, scores: Floats, bins: int = 10) -> dict[str, Any] | None:
    """Return the expected calibration error over *bins* of equal width, and the curve as (mean score, share, rows)."""
    positive = truth >= 0.5
    if min(positive.sum(), (~positive).sum()) < FEWEST:
        return None
    places = np.minimum((scores * bins).astype(int), bins - 1)
    curve = [
        (float(scores[places == place].mean()), float(positive[places == place].mean()), int((places == place).sum()))
        for place in range(bins)
        if (places == place).any()
    ]
    error = sum(rows * abs(mean - share) for mean, share, rows in curve) / len(truth)
    return {"error": float(error), "curve": curve}


def shares(decisions: Sequence[str]) -> dict[str, float]:
    """Return the share of each decision, and the number of rows."""
    total = max(1, len(decisions))
    counted = {name: decisions.count(name) / total for name in ("accept", "hold", "reject")}
    return {**counted, "rows": len(decisions)}


def _auc(positive: NDArray[np.bool_], scores: Floats) -> float:
    return float(roc_auc_score(positive, scores)) if positive.any() and not positive.all() else float("nan")
