"""The figures of a report, on rows whose answer is known."""

import numpy as np
import pytest

from training.measures import FEWEST, bootstrap, calibration, ranking, shares

HALF = np.repeat([0.0, 1.0], 50)


def test_a_perfect_ranking_finds_all_without_a_false_alarm() -> None:
    measured = ranking(HALF, np.linspace(0, 1, 100), seed=1, repeats=50)

    assert measured == pytest.approx({
        "rows": 100, "positives": 50, "auc": 1.0, "auc_low": 1.0, "auc_high": 1.0, "average_precision": 1.0,
        "found_at_5_percent_false_alarms": 1.0,
    })  # fmt: skip


def test_a_ranking_upside_down_finds_nothing() -> None:
    measured = ranking(HALF, np.linspace(1, 0, 100), seed=1, repeats=50)

    assert measured is not None
    assert (0.0, 0.0) == (measured["auc"], measured["found_at_5_percent_false_alarms"])


def test_a_score_that_knows_nothing_is_a_coin() -> None:
    measured = ranking(HALF, np.zeros(100), seed=1, repeats=50)

    assert measured is not None
    assert (0.5, 0.5, 0.0) == (
        measured["auc"], measured["average_precision"], measured["found_at_5_percent_false_alarms"],
    )  # fmt: skip


def test_the_interval_holds_the_value_and_narrows_with_rows() -> None:
    random = np.random.default_rng(3)
    widths = []
    for rows in (60, 600):
        truth = np.arange(rows) % 2
        measured = ranking(truth.astype(float), truth + random.normal(0, 1.5, rows), seed=1, repeats=200)
        assert measured is not None
        assert measured["auc_low"] <= measured["auc"] <= measured["auc_high"]
        widths.append(measured["auc_high"] - measured["auc_low"])

    assert widths[1] < widths[0] / 2


def test_the_same_seed_gives_the_same_interval() -> None:
    scores = np.random.default_rng(5).random(100)
    one, same, other = (ranking(HALF, scores, seed=seed, repeats=50) for seed in (1, 1, 2))

    assert one == same != other


def test_a_share_of_half_is_positive() -> None:
    measured = ranking(np.repeat([0.25, 0.5], 50), np.linspace(0, 1, 100), seed=1, repeats=10)

    assert measured is not None
    assert (50, 1.0) == (measured["positives"], measured["auc"])


@pytest.mark.parametrize(("positives", "negatives"), [(FEWEST - 1, 100), (100, FEWEST - 1), (0, 0)])
def test_too_few_rows_of_a_kind_are_not_measured(positives: int, negatives: int) -> None:
    truth = np.repeat([1.0, 0.0], [positives, negatives])

    assert ranking(truth, truth, seed=1) is None
    assert calibration(truth, truth) is None


def test_fewest_rows_of_both_kinds_are_measured() -> None:
    truth = np.repeat([1.0, 0.0], FEWEST)

    assert ranking(truth, truth, seed=1, repeats=10) is not None
    assert calibration(truth, truth) is not None


def test_a_draw_of_one_kind_alone_does_not_spoil_the_interval() -> None:
    values = iter([0.2, float("nan"), 0.4, float("nan")])

    assert (0.205, 0.395) == pytest.approx(bootstrap(lambda rows: next(values), 10, seed=1, repeats=4))


def test_calibration_is_the_distance_between_what_is_said_and_what_is() -> None:
    # 0.25 is said of 40 rows of which 10 are positive: right. 0.95 of 60 of which 30 are: wrong by 0.45.
    truth = np.concatenate([np.repeat([1.0, 0.0], [10, 30]), np.repeat([1.0, 0.0], [30, 30])])
    measured = calibration(truth, np.repeat([0.25, 0.95], [40, 60]))

    assert measured is not None
    assert pytest.approx(0.6 * 0.45) == measured["error"]
    assert [(0.25, 0.25, 40), (0.95, 0.5, 60)] == [pytest.approx(point) for point in measured["curve"]]


def test_certainty_falls_into_the_last_bin() -> None:
    measured = calibration(HALF, HALF)

    assert measured is not None
    assert (0.0, [(0.0, 0.0, 50), (1.0, 1.0, 50)]) == (measured["error"], measured["curve"])


def test_shares_of_decisions() -> None:
    assert {"accept": 0.5, "hold": 0.25, "reject": 0.25, "rows": 4} == shares(["accept", "hold", "accept", "reject"])
    assert {"accept": 0.0, "hold": 0.0, "reject": 0.0, "rows": 0} == shares([])
