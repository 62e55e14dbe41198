"""Promises turned into limits, on rows that the model has not seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reference:
    """Rows that stand for a site's comments; a row counts as much as its weight says.

    good, bad : arrays of shape (n_rows,), the weight of the row among the good and among the bad comments, or 0.
    """

    good: Floats
    bad: Floats
    base_rate: float
    """Share of bad comments on a real site, which is not their share here."""

    def alarms(self, chosen: NDArray[np.bool_]) -> float:
        """Return the share of good comments among *chosen* rows, as if half a row more had been: none is no proof.

        That row weighs as much as good rows do on average, so that the proof does not depend on the unit of weights.
        """
        row = self.good[self.good > 0].mean()
        return float((self.good[chosen].sum() + 0.5 * row) / (self.good.sum() + row))

    def precision(self, chosen: NDArray[np.bool_]) -> float:
        """Return the share of bad comments among what a site would see of *chosen* rows."""
        found = self.base_rate * self.bad[chosen].sum() / self.bad.sum()
        return float(found / (found + (1 - self.base_rate) * self.alarms(chosen)))


def hold_limit(values: Floats, reference: Reference, false_alarms: float) -> float | None:
    """Return the lowest limit at which at most the share *false_alarms* of the good comments is held.

    values : array of shape (n_rows,). None when even the highest value would hold too many.
    """
    for value in np.unique(values):
        if reference.alarms(values >= value) <= false_alarms:
            return _below(values, float(value))
    return None


def reject_limit(values: Floats, reference: Reference, precision: float) -> float | None:
    """Return the lowest limit from which at least *precision* of what is rejected on a real site is bad.

    None when the rows do not show that for any limit.
    """
    for value in np.unique(values[reference.bad > 0]):
        if reference.precision(values >= value) >= precision:
            return _below(values, float(value))
    return None


def _below(values: Floats, value: float) -> float:
    """Return a limit half-way between *value* and the next lower one, so that equal values fare alike."""
    lower = values[values < value]
    return float(value if not len(lower) else (value + lower.max()) / 2)
