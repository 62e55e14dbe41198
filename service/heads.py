"""The last step of the pipeline: one calibrated linear classifier for each attribute, all in one matrix product."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted


class AttributeHeads(ClassifierMixin, BaseEstimator):
    """Logistic regressions that share their features and do not need every label of every row.

    Public corpora label different attributes, so a row takes part only in the heads whose label it has.

    What is toxic depends on where it is said: the moderators of a youth forum remove other messages than a newspaper
    does. Where `fit` is told their labels, two more heads learn whether a text reads like the forum's, and what its
    annotators would call toxic; the decision on `toxicity` is then a mixture of both definitions, by the first. Source:
    mixtures of experts (Jacobs et al. 1991).

    Parameters
    ----------
    attributes : sequence of str
        The order of the columns of *Y* and of the probabilities.
    C : float, default=1.0
        Inverse strength of the L2 penalty.
    max_iter : int, default=300
    tol : float, default=1e-4
    forum_weight : float, default=1.0
        How many times its own weight a row of the forum counts in the forum's own heads.
    forum_odds : float, default=1.0
        Times the odds, as learnt, that a text reads like the forum's: how much its definition weighs in the mixture.
    n_jobs : int or None, default=None
        Heads that are fitted side by side, as scikit-learn means it; in threads.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features, n_attributes), or two columns more: the forum's register, its toxicity
    intercept_ : ndarray of shape (n_attributes,), or two more
    slope_, offset_ : ndarrays of shape (n_attributes,)
        Platt's calibration: probability = expit(slope_ * decision + offset_); 1 and 0 before `calibrate`.
    """

    def __init__(
        self,
        attributes: Sequence[str],
        C: float = 1.0,
        max_iter: int = 300,
        tol: float = 1e-4,
        forum_weight: float = 1.0,
        forum_odds: float = 1.0,
        n_jobs: int | None = None,
    ) -> None:
        self.attributes = attributes
        self.C = C
        self.max_iter = max_iter
        self.tol = tol
        self.forum_weight = forum_weight
        self.forum_odds = forum_odds
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        Y: NDArray[np.float64],
        sample_weight: NDArray[np.float64] | None = None,
        forum: NDArray[np.float64] | None = None,
    ) -> Self:
        """Fit each head on the rows whose label it has.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
        Y : ndarray of shape (n_samples, n_attributes)
            1 and 0, shares between (split votes count on both sides), NaN for unknown.
        sample_weight : ndarray of shape (n_samples,), optional
        forum : ndarray of shape (n_samples,), optional
            1 and 0: what the forum's annotators call toxic; NaN for rows that are not of the forum.
        """
        weights = np.ones(Y.shape[0]) if sample_weight is None else sample_weight
        lessons = [(label, weights) for label in Y.T]
        if forum is not None and not np.isnan(forum).all():
            there = ~np.isnan(forum)
            more = np.where(there, self.forum_weight, 1.0) * weights
            lessons += [(there.astype(float), more), (forum, more)]
        solved = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(self._solve)(X, label, weight, self.C) for label, weight in lessons
        )
        self.coef_ = np.stack([coef for coef, _ in solved], axis=1).astype(np.float32)
        self.intercept_ = np.array([intercept for _, intercept in solved])
        self.intercept_[len(self.attributes) : -1] += np.log(self.forum_odds)  # of the register, where it was learnt
        self.slope_, self.offset_ = np.ones(len(self.attributes)), np.zeros(len(self.attributes))
        self.classes_ = np.array(self.attributes)
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
        own = len(self.attributes)
        if decisions.shape[1] > own:
            column, register = list(self.attributes).index("toxicity"), expit(decisions[:, own])
            decisions[:, column] += register * (decisions[:, own + 1] - decisions[:, column])
        return decisions[:, :own]

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the calibrated probability of each attribute, shape (n_samples, n_attributes)."""
        return self.probabilities(self.decision_function(X))

    def probabilities(self, decisions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what calibration makes of *decisions*; both of shape (n_samples, n_attributes)."""
        calibrated: NDArray[np.float64] = expit(self.slope_ * decisions + self.offset_)
        return calibrated

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
