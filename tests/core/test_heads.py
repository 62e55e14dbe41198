"""Heads that learn from rows with missing labels, and calibration that turns their decisions into probabilities."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.utils import estimator_checks as checks

from service.heads import AttributeHeads

NAMES = ("toxicity", "spam")
UNKNOWN = np.nan


@pytest.fixture(name="X")
def features() -> np.ndarray:
    return np.random.default_rng(7).normal(size=(200, 4))


@pytest.fixture(name="Y")
def labels(X: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(8).normal(size=(200, 2))
    return (X[:, :2] + noise > 0).astype(float)


def fitted(X: np.ndarray, Y: np.ndarray, **options: object) -> AttributeHeads:
    return AttributeHeads(NAMES).fit(X, Y, **options)


def same(one: AttributeHeads, other: AttributeHeads, X: np.ndarray, column: int | slice = slice(None)) -> bool:
    return bool(np.allclose(one.predict_proba(X)[:, column], other.predict_proba(X)[:, column], atol=1e-5))


def test_a_head_is_a_logistic_regression_of_its_attribute(X: np.ndarray, Y: np.ndarray) -> None:
    heads = fitted(X, Y)

    for column in range(2):
        alone = LogisticRegression(C=1.0, max_iter=300).fit(X, Y[:, column])
        # Another solver: both stop a little before the same end.
        assert np.allclose(alone.predict_proba(X)[:, 1], heads.predict_proba(X)[:, column], atol=1e-3)


def test_a_row_takes_part_only_in_the_heads_whose_label_it_has(X: np.ndarray, Y: np.ndarray) -> None:
    partly = Y.copy()
    partly[:80, 0] = UNKNOWN

    assert same(fitted(X[80:], Y[80:]), fitted(X, partly), X, 0)
    assert same(fitted(X, Y), fitted(X, partly), X, 1)


@pytest.fixture(name="forum")
def forum_labels(X: np.ndarray) -> np.ndarray:
    """Rows whose last feature is high are of a forum, where the opposite is called toxic."""
    return np.where(X[:, 3] > 0, (X[:, 0] < 0).astype(float), UNKNOWN)


def test_a_forum_has_a_definition_of_its_own(X: np.ndarray, Y: np.ndarray, forum: np.ndarray) -> None:
    guide = np.column_stack([X[:, 0] > 0, Y[:, 1]]).astype(float)
    heads = fitted(X, guide, forum=forum)
    like_news, like_forum = np.array([[2.0, 0, 0, -4]]), np.array([[2.0, 0, 0, 4]])

    assert heads.decision_function(like_news)[0, 0] > 1
    assert heads.decision_function(like_forum)[0, 0] < -1
    assert (len(X), len(NAMES)) == heads.decision_function(X).shape
    assert same(fitted(X, guide), heads, X, 1)  # other attributes know nothing of it


def test_the_register_says_how_much_each_definition_counts(X: np.ndarray, Y: np.ndarray, forum: np.ndarray) -> None:
    heads, alone = fitted(X, Y, forum=forum), fitted(X, Y)
    register, toxic = (LogisticRegression(max_iter=300) for _ in range(2))
    known = ~np.isnan(forum)
    share = register.fit(X, known).predict_proba(X)[:, 1]
    there = toxic.fit(X[known], forum[known]).decision_function(X)
    expected = (1 - share) * alone.decision_function(X)[:, 0] + share * there

    assert np.allclose(expected, heads.decision_function(X)[:, 0], atol=0.02)


def test_rows_of_the_forum_count_more_in_its_own_heads_alone(X: np.ndarray, Y: np.ndarray, forum: np.ndarray) -> None:
    heavy = AttributeHeads(NAMES, forum_weight=5.0).fit(X, Y, forum=forum)
    light = fitted(X, Y, forum=forum)
    weights = np.where(np.isnan(forum), 1.0, 5.0)
    expected = fitted(X, Y, sample_weight=weights, forum=forum)

    assert np.allclose(light.coef_[:, :2], heavy.coef_[:, :2])
    assert np.allclose(expected.coef_[:, 2:], heavy.coef_[:, 2:])
    assert not np.allclose(light.coef_[:, 2:], heavy.coef_[:, 2:])


def test_the_odds_of_the_forum_move_the_mixture_alone(X: np.ndarray, Y: np.ndarray, forum: np.ndarray) -> None:
    often, seldom = (AttributeHeads(NAMES, forum_odds=odds).fit(X, Y, forum=forum) for odds in (5.0, 1.0))
    moved = often.intercept_ - seldom.intercept_

    assert np.allclose(moved, [*[0.0] * len(NAMES), np.log(5.0), 0.0])
    assert (AttributeHeads(NAMES, forum_odds=5.0).fit(X, Y).intercept_ == fitted(X, Y).intercept_).all()


def test_without_a_forum_there_is_one_definition(X: np.ndarray, Y: np.ndarray) -> None:
    assert (4, len(NAMES)) == fitted(X, Y, forum=np.full(len(X), UNKNOWN)).coef_.shape
    assert same(fitted(X, Y), fitted(X, Y, forum=np.full(len(X), UNKNOWN)), X)


def test_a_share_counts_on_both_sides(X: np.ndarray, Y: np.ndarray) -> None:
    split = Y.copy()
    split[0, 0] = 0.25
    twice_x, twice_y = np.vstack([X[:1], X]), np.vstack([Y[:1], Y])
    twice_y[0, 0], twice_y[1, 0] = 1, 0
    weights = np.ones(201)
    weights[0], weights[1] = 0.25, 0.75

    assert same(fitted(twice_x, twice_y, sample_weight=weights), fitted(X, split), X, 0)
    assert not same(fitted(X, Y), fitted(X, split), X, 0)


def test_a_weight_counts_as_that_many_rows(X: np.ndarray, Y: np.ndarray) -> None:
    weights = np.ones(200)
    weights[:50] = 2

    assert same(fitted(np.vstack([X, X[:50]]), np.vstack([Y, Y[:50]])), fitted(X, Y, sample_weight=weights), X)


def test_a_row_without_weight_takes_no_part(X: np.ndarray, Y: np.ndarray) -> None:
    weights = np.ones(200)
    weights[:50] = 0

    assert same(fitted(X[50:], Y[50:]), fitted(X, Y, sample_weight=weights), X)


@pytest.mark.parametrize("label", [0.0, 1.0, UNKNOWN])
def test_a_head_that_saw_one_side_only_never_speaks(X: np.ndarray, Y: np.ndarray, label: float) -> None:
    Y[:, 1] = label
    heads = fitted(X, Y)

    assert (heads.predict_proba(X)[:, 1] < 0.001).all()
    assert np.ptp(heads.predict_proba(X)[:, 0]) > 0.5


def test_sparse_features_give_the_same_probabilities(X: np.ndarray, Y: np.ndarray) -> None:
    assert same(fitted(X, Y), fitted(sparse.csr_array(X), Y), X)


def test_a_batch_scores_as_its_members(X: np.ndarray, Y: np.ndarray) -> None:
    heads = fitted(X, Y)

    assert (200, 2) == heads.predict_proba(X).shape
    assert np.allclose(
        np.vstack([heads.predict_proba(X[[place]]) for place in range(200)]), heads.predict_proba(X), atol=1e-9
    )


def test_heads_fitted_side_by_side_are_the_same(X: np.ndarray, Y: np.ndarray) -> None:
    assert fitted(X, Y).coef_.tolist() == AttributeHeads(NAMES, n_jobs=2).fit(X, Y).coef_.tolist()


# Calibration.


def test_before_calibration_a_probability_is_the_plain_logistic_one(X: np.ndarray, Y: np.ndarray) -> None:
    heads = fitted(X, Y)

    assert np.allclose(expit(heads.decision_function(X)), heads.predict_proba(X))


def test_calibration_makes_an_overconfident_head_say_the_shares_that_are_seen(X: np.ndarray, Y: np.ndarray) -> None:
    heads = fitted(X, Y)
    decisions = heads.decision_function(X)
    truth = (np.random.default_rng(9).random(decisions.shape) < expit(decisions / 4 - 1)).astype(float)
    before, after = heads.predict_proba(X), heads.calibrate(decisions, truth, np.ones(200)).predict_proba(X)

    assert np.allclose(truth.mean(axis=0), after.mean(axis=0), atol=0.01)
    assert (np.abs(truth.mean(axis=0) - before.mean(axis=0)) > 0.05).all()
    assert (heads.slope_ < 1).all()
    # The order of the rows is what it was: calibration moves scores, not ranks.
    assert [*map(list, np.argsort(before, axis=0))] == [*map(list, np.argsort(after, axis=0))]


def test_calibration_never_turns_a_head_upside_down(X: np.ndarray, Y: np.ndarray) -> None:
    heads = fitted(X, Y)
    before = heads.predict_proba(X)
    heads.calibrate(heads.decision_function(X), 1 - Y, np.ones(200))

    assert before.tolist() == heads.predict_proba(X).tolist()


def test_calibration_without_labels_changes_nothing(X: np.ndarray, Y: np.ndarray) -> None:
    heads = fitted(X, Y)
    before = heads.predict_proba(X)
    heads.calibrate(heads.decision_function(X), np.full_like(Y, UNKNOWN), np.ones(200))

    assert before.tolist() == heads.predict_proba(X).tolist()


# scikit-learn's conventions. Its checks that fit are left out: they give one column of labels, where ours has one for
# each attribute, and ask that a missing label (NaN) or a share (0.5) be refused, which are what these heads are for.
@pytest.mark.parametrize(
    "check",
    [
        checks.check_estimator_cloneable,
        checks.check_estimator_repr,
        checks.check_estimator_tags_renamed,
        checks.check_valid_tag_types,
        checks.check_mixin_order,
        checks.check_no_attributes_set_in_init,
        checks.check_do_not_raise_errors_in_init_or_set_params,
        checks.check_parameters_default_constructible,
        checks.check_get_params_invariance,
        checks.check_set_params,
        checks.check_estimators_unfitted,
    ],
    ids=lambda check: check.__name__,
)
def test_a_check_of_scikit_learn_passes(check: Callable[[str, AttributeHeads], None]) -> None:
    check("AttributeHeads", AttributeHeads(NAMES))


def test_a_clone_is_unfitted_and_has_the_same_parameters(X: np.ndarray, Y: np.ndarray) -> None:
    chosen = {
        "attributes": NAMES,
        "C": 3.0,
        "max_iter": 50,
        "tol": 1e-5,
        "forum_weight": 2.0,
        "forum_odds": 2.0,
        "n_jobs": 2,
    }
    heads = AttributeHeads(**chosen).fit(X, Y)
    copy = clone(heads)

    assert chosen == copy.get_params()
    with pytest.raises(NotFittedError):
        copy.predict_proba(X)


def test_fitting_returns_the_heads_and_leaves_parameters_and_data_alone(X: np.ndarray, Y: np.ndarray) -> None:
    heads, x, y = AttributeHeads(NAMES), X.copy(), Y.copy()
    before = heads.get_params()

    assert heads is heads.fit(X, Y)
    assert before == heads.get_params()
    assert (x.tolist(), y.tolist()) == (X.tolist(), Y.tolist())
    assert {name for name in vars(heads) if name not in heads.get_params()} == {
        "coef_", "intercept_", "slope_", "offset_", "classes_",
    }  # fmt: skip


def test_a_second_fit_forgets_the_first_and_its_calibration(X: np.ndarray, Y: np.ndarray) -> None:
    heads = fitted(X, 1 - Y)
    heads.calibrate(heads.decision_function(X) * 3, 1 - Y, np.ones(200))

    assert fitted(X, Y).predict_proba(X).tolist() == heads.fit(X, Y).predict_proba(X).tolist()
