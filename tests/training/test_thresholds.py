"""Promises turned into limits, on rows that can be checked by hand."""

import numpy as np
import pytest

from training.thresholds import Reference, hold_limit, reject_limit

# Ten good comments score 0.0 to 0.9, ten bad ones 0.05 to 0.95: each good one has a bad one just above it.
GOOD = np.arange(10) / 10
BAD = GOOD + 0.05
VALUES = np.concatenate([GOOD, BAD])
REFERENCE = Reference(np.repeat([1.0, 0.0], 10), np.repeat([0.0, 1.0], 10), base_rate=0.1)


def reference(good: list[float], bad: list[float], base_rate: float = 0.1) -> Reference:
    return Reference(np.array(good), np.array(bad), base_rate)


def chosen(limit: float, values: np.ndarray = VALUES) -> np.ndarray:
    return values >= limit


@pytest.mark.parametrize(
    ("limit", "alarms"),
    [
        (0.0, 10.5 / 11),
        (0.85, 1.5 / 11),  # one good comment, and half a one more
        (0.95, 0.5 / 11),  # none was seen, which is no proof that none comes
    ],
)
def test_false_alarms_are_counted_with_half_a_row_more(limit: float, alarms: float) -> None:
    assert pytest.approx(alarms) == REFERENCE.alarms(chosen(limit))


def test_precision_is_that_of_a_site_where_bad_comments_are_rare() -> None:
    # 6 of 10 bad and 5 (and a half) of 11 good: on a site with 10 % bad ones, 0.06 to 0.9 × 0.5.
    assert pytest.approx(0.06 / (0.06 + 0.9 * 5.5 / 11)) == REFERENCE.precision(chosen(0.45))
    assert REFERENCE.precision(chosen(0.45)) < 0.5 < 6 / 11


@pytest.mark.parametrize(
    ("promise", "limit"),
    [
        (1.0, 0.0),  # everything may be held
        (0.5, 0.425),  # 5.5 of 11 from 0.45 on: halfway to 0.4, the next lower value
        (0.14, 0.825),
        (0.05, 0.925),  # no good one, from 0.95 on
        (0.04, None),  # half a row of eleven is more than that
    ],
)
def test_it_is_held_from_the_lowest_limit_that_keeps_the_promise(promise: float, limit: float | None) -> None:
    found = hold_limit(VALUES, REFERENCE, promise)

    assert found == (limit if limit is None else pytest.approx(limit))
    if found is not None:
        assert REFERENCE.alarms(chosen(found)) <= promise


def test_it_is_rejected_from_the_lowest_limit_that_keeps_the_promise() -> None:
    # Of 100 comments on a site 20 are bad; nine of ten of them score above every good one.
    good, bad = np.linspace(0, 0.4, 50), np.array([0.2, *np.linspace(0.5, 0.9, 9)])
    values = np.concatenate([good, bad])
    site = Reference(np.repeat([1.0, 0.0], [50, 10]), np.repeat([0.0, 1.0], [50, 10]), base_rate=0.2)
    limit = reject_limit(values, site, 0.95)

    assert limit == pytest.approx((0.4 + 0.5) / 2)
    assert site.precision(values >= limit) >= 0.95


@pytest.mark.parametrize("promise", [0.97, 0.9])
def test_what_the_rows_do_not_show_is_not_promised(promise: float) -> None:
    assert reject_limit(VALUES, REFERENCE, promise) is None


def test_the_rarer_bad_comments_are_the_higher_is_the_limit_or_there_is_none() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.5, 0.7, 0.8, 0.9, 1.0])
    good, bad = [1.0] * 5 + [0.0] * 5, [0.0] * 5 + [1.0] * 5
    limits = [reject_limit(values, reference(good, bad, rate), 0.8) for rate in (0.9, 0.5, 0.3, 0.01)]

    assert [0.45, 0.45, 0.65, None] == [limit and round(limit, 6) for limit in limits]


def test_equal_values_fare_alike() -> None:
    """A signal that is there or not: the limit lies between, never at one of the rows."""
    values = np.array([0.0] * 98 + [1.0] * 2)
    good, bad = [1.0] * 97 + [0.0] * 3, [0.0] * 97 + [1.0] * 3

    assert 0.5 == hold_limit(values, reference(good, bad), 0.02)
    assert 0.0 == hold_limit(np.zeros(100), reference(good, bad), 1.0)
    assert hold_limit(np.zeros(100), reference(good, bad), 0.5) is None


def test_a_row_counts_as_much_as_its_weight() -> None:
    """A near miss that a site hardly sees does not raise the limit as much as an ordinary comment."""
    values = np.array([0.1, 0.2, 0.3, 0.9, 0.95])
    ordinary, rare = ([1.0, 1.0, 1.0, weight, 0.0] for weight in (1.0, 0.01))
    bad = [0.0, 0.0, 0.0, 0.0, 1.0]
    common = [hold_limit(values, reference(good, bad), 0.15) for good in (ordinary, rare)]

    assert [0.925, 0.6] == [round(limit, 6) for limit in common if limit is not None]


def test_rejecting_starts_at_a_bad_row() -> None:
    values = np.array([0.1, 0.2, 0.7, 0.9])
    limit = reject_limit(values, reference([1, 1, 0, 0], [0, 0, 0, 1], base_rate=0.5), 0.8)

    assert 0.8 == pytest.approx(limit)  # 0.7 is neither good nor bad: nothing is known of it
