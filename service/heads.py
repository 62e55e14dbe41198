"""The last step of the pipeline: one calibrated linear classifier for each attribute, all in one matrix product."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted


class AttributeHeads(ClassifierMixin, BaseEstimator):
    """Logistic regressions that share their features and do not need every label of every row.

    Public corpora label different attributes, so a row takes part only in the heads whose label it has.

    The last *late* columns are an encoder's, which knows by heart the rows that it was fine-tuned on: heads fitted on
    those would trust it too much. So `fit` looks at the other columns alone, and `join` adds what `above` learnt of the
    encoder's on rows that are new to it. Together they are one linear model.

    Parameters
    ----------
    attributes : sequence of str
        The order of the columns of *Y* and of the probabilities.
    C : float, default=1.0
        Inverse strength of the L2 penalty.
    max_iter : int, default=300
    tol : float, default=1e-4
    late : int, default=0
        How many columns, the last, are an encoder's.
    late_C : float, default=1.0
        As *C*, for `join`.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features, n_attributes)
    intercept_ : ndarray of shape (n_attributes,)
    slope_, offset_ : ndarrays of shape (n_attributes,)
        Platt's calibration: probability = expit(slope_ * decision + offset_); 1 and 0 before `calibrate`.
    """

    def __init__(
        self,
        attributes: Sequence[str],
        C: float = 1.0,
        max_iter: int = 300,
        tol: float = 1e-4,
        late: int = 0,
        late_C: float = 1.0,
    ) -> None:
        self.attributes = attributes
        self.C = C
        self.max_iter = max_iter
        self.tol = tol
        self.late = late
        self.late_C = late_C

    def fit(self, X: Any, Y: NDArray[np.float64], sample_weight: NDArray[np.float64] | None = None) -> Self:
        """Fit each head on the rows whose label it has.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
        Y : ndarray of shape (n_samples, n_attributes)
            1 and 0, shares between (split votes count on both sides), NaN for unknown.
        sample_weight : ndarray of shape (n_samples,), optional
        """
        weights = np.ones(Y.shape[0]) if sample_weight is None else sample_weight
        early = X[:, : X.shape[1] - self.late]
        coef, self.intercept_ = self._solve_all(early, Y, weights, self.C)
        self.coef_ = np.vstack([coef, np.zeros((self.late, coef.shape[1]))]).astype(np.float32)
        self.slope_, self.offset_ = np.ones(len(self.attributes)), np.zeros(len(self.attributes))
        self.classes_ = np.array(self.attributes)
        return self

    def above(
        self,
        decisions: NDArray[np.float64],
        late: NDArray[np.float64],
        Y: NDArray[np.float64],
        weights: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return coefficients and intercepts of heads above *decisions*, made by models that had not seen the row.

        decisions, Y : ndarrays of shape (n_samples, n_attributes); late : (n_samples, n_late) of new rows
        """
        return self._solve_all(np.hstack([decisions, late]), Y, weights, self.late_C)

    def join(self, coef: NDArray[np.float64], intercept: NDArray[np.float64]) -> Self:
        """Put what `above` returned on top of what `fit` learnt: from here on the encoder's columns count."""
        own = coef[: len(self.attributes)]
        early = self.coef_[: len(self.coef_) - self.late].astype(np.float64) @ own
        self.coef_ = np.vstack([early, coef[len(self.attributes) :]]).astype(np.float32)
        self.intercept_ = self.intercept_ @ own + intercept
        return self

    def calibrate(self, decisions: NDArray[np.float64], Y: NDArray[np.float64], weights: NDArray[np.float64]) -> Self:
        """Learn how decisions become probabilities, from decisions on rows that their model had not seen.

        decisions, Y : ndarrays of shape (n_samples, n_attributes); weights : ndarray of shape (n_samples,)
        """
        for column in range(len(self.attributes)):
            coef, intercept = self._solve(decisions[:, [column]], Y[:, column], weights, C=1e4)
            if coef[0] > 0:  # a head that knows nothing on these rows keeps its own probabilities
                self.slope_[column], self.offset_[column] = coef[0], intercept
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the uncalibrated log odds, shape (n_samples, n_attributes)."""
        check_is_fitted(self)
        decisions: NDArray[np.float64] = np.asarray(X @ self.coef_, dtype=np.float64) + self.intercept_
        return decisions

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the calibrated probability of each attribute, shape (n_samples, n_attributes)."""
        return self.probabilities(self.decision_function(X))

    def probabilities(self, decisions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what calibration makes of *decisions*; both of shape (n_samples, n_attributes)."""
        calibrated: NDArray[np.float64] = expit(self.slope_ * decisions + self.offset_)
        return calibrated

    def _solve_all(
        self, X: Any, Y: NDArray[np.float64], weights: NDArray[np.float64], C: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        solved = [self._solve(X, Y[:, column], weights, C) for column in range(len(self.attributes))]
        return np.stack([coef for coef, _ in solved], axis=1), np.array([intercept for _, intercept in solved])

    def _solve(
        self, X: Any, y: NDArray[np.float64], weights: NDArray[np.float64], C: float
    ) -> tuple[NDArray[np.float64], float]:
        known = np.flatnonzero(~np.isnan(y) & (weights > 0))
        yes, no = known[y[known] > 0], known[y[known] < 1]
        if not len(yes) or not len(no):
            return np.zeros(X.shape[1]), -8.0
        rows = np.concatenate([yes, no])
        weight = np.concatenate([weights[yes] * y[yes], weights[no] * (1 - y[no])])
        label = np.concatenate([np.ones(len(yes)), np.zeros(len(no))])
        # Ten times as fast as the default solver on n-grams, to the same end.
        model = LogisticRegression(C=C, max_iter=self.max_iter, tol=self.tol, solver="newton-cg")
        model.fit(X[rows], label, sample_weight=weight)
        return model.coef_[0], float(model.intercept_[0])
