"""Exact logistic regression as an estimator of scikit-learn, for its pipelines, grids and metrics.

Names and scales are scikit-learn's. With weights w_i (a row's times its class's) and r = l1_ratio

    J(b, c) = C sum_i w_i l(x_i·b + c, y_i)  +  (1 - r)/2 |b|_2^2  +  r |b|_1

is minimised, the intercept c unpenalised: F of ``bcejax.solvers.problem`` times C W, where W is the
sum of the weights, l2 = (1 - r) / (C W) and l1 = r / (C W). C = inf takes no penalty.

Unlike scikit-learn's own, the fit goes to the optimum, says so where there is none, and both
columns of the probabilities keep their digits: 1 / (1 + exp(z)) is not 1 minus something.
"""

# ruff: noqa: E402 (what to install is said first)

import warnings
from numbers import Real
from typing import Any, Self

import numpy as np

from bcejax.numerics import require

require("sklearn", extra="sklearn", purpose="bcejax.solvers.sklearn")

from scipy.special import expit, log_expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from bcejax.solvers.fitting import fit_logistic
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus
from bcejax.solvers.wording import explain_status


class LogisticRegression(ClassifierMixin, BaseEstimator):
    """Logistic regression of two classes, to the optimum, with scikit-learn's manners.

    Args:
        C: how much the losses count next to the penalty, > 0; inf for no penalty.
        l1_ratio: 0 penalises squares, 1 absolute values, in between both.
        fit_intercept: whether c is fitted; else it is 0.
        solver: as ``fit_logistic`` takes it.
        firth: Firth's bias-reduced estimate, which exists even where the classes can be told
            apart; C=inf leaves it the only penalty.
        tol: as ``fit_logistic`` takes it; None is 1e-9.
        max_iter: of the solver; None leaves it to the solver.
        class_weight: a factor for each class in a dict, or "balanced": n / (2 n_class); None is 1.
        warm_start: whether the next ``fit`` starts where the last one ended; the optimum is one.

    Attributes:
        classes_: (2,), sorted; probabilities and decisions are of the second.
        coef_: b, (1, d).
        intercept_: c, (1,).
        n_iter_: (1,), steps of the solver.
        solution_: the ``Solution`` with its status, gradient norm and duality gap, in our terms.
        n_features_in_: d.
        feature_names_in_: (d,), where the columns had names.

    It passes ``sklearn.utils.estimator_checks.check_estimator``; coefficients equal those of
    scikit-learn's newton-cholesky to 1e-8 (tests/solvers/test_sklearn.py).

    Example:
        >>> model = LogisticRegression(C=2.0).fit([[0.0], [1.0], [2.0], [3.0]], list("nyny"))
        >>> model.predict([[0.2], [2.5]]).tolist(), model.coef_.round(4)
        (['n', 'y'], array([[0.5953]]))
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        solver: str = "auto",
        firth: bool = False,
        tol: float | None = None,
        max_iter: int | None = None,
        class_weight: Any = None,
        warm_start: bool = False,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.firth = firth
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.warm_start = warm_start

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to rows and their classes.

        Args:
            X: (n, d) numbers, or sparse.
            y: (n,) of two classes, numbers or text.
            sample_weight: (n,) >= 0, how much each row counts; None is 1.

        Returns:
            The estimator itself.

        Raises:
            ValueError: one class or more than two; what is not finite; a parameter out of range.

        Warns:
            ConvergenceWarning: the fit did not converge; ``solution_.status`` says how it ended.
        """
        self._check_parameters()
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64)
        labels, weights = self._labels_and_weights(X, y, sample_weight)
        scale = self.C * weights.sum()
        self.solution_ = fit_logistic(
            X,
            labels,
            weights=weights,
            l2=(1 - self.l1_ratio) / scale,
            l1=self.l1_ratio / scale,
            intercept=self.fit_intercept,
            solver=self.solver,
            firth=self.firth,
            tol=self.tol,
            max_steps=self.max_iter,
            init=self._start(X.shape[1]),
        )
        if self.solution_.status != SolverStatus.CONVERGED:
            status = SolverStatus(int(self.solution_.status))
            message = f"{status.name.lower()}: {explain_status(status)}"
            warnings.warn(message, ConvergenceWarning, stacklevel=2)
        self.coef_ = self.solution_.coefficients[None, :]
        self.intercept_ = np.reshape(self.solution_.intercept, 1)
        self.n_iter_ = np.reshape(self.solution_.steps, 1)
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits (n,) of the second class."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        logits: np.ndarray = X @ self.coef_[0] + self.intercept_[0]
        return logits

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n, 2), each within 4 ulp of its exact value at the logit."""
        logits = self.decision_function(X)
        return np.column_stack([expit(-logits), expit(logits)])

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Log-probabilities (n, 2), finite wherever the logit is."""
        logits = self.decision_function(X)
        return np.column_stack([log_expit(-logits), log_expit(logits)])

    def predict(self, X: Any) -> np.ndarray:
        """The class of probability above 1/2, (n,); the first at exactly 1/2."""
        second = self.decision_function(X) > 0
        return self.classes_[second.astype(int)]

    def _check_parameters(self) -> None:
        if not isinstance(self.C, Real) or not self.C > 0:
            raise ValueError(f"C must be > 0, or inf for no penalty; got {self.C!r}")
        if not isinstance(self.l1_ratio, Real) or not 0 <= self.l1_ratio <= 1:
            raise ValueError(f"l1_ratio must lie in [0, 1], got {self.l1_ratio!r}")

    def _labels_and_weights(
        self, X: Any, y: np.ndarray, sample_weight: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """1 for the second class and 0 for the first, and how much each row counts."""
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {kind}."
            )
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        self.classes_, labels = np.unique(y, return_inverse=True)
        with np.errstate(divide="ignore"):  # by a class without weight, of which is told below
            factors = compute_class_weight(
                self.class_weight, classes=self.classes_, y=y, sample_weight=weights
            )
        if not np.all(factors >= 0):
            raise ValueError(f"class_weight must be >= 0, got {self.class_weight!r}")
        if len(np.unique(labels[(weights > 0) & (factors[labels] > 0)])) < 2:
            raise ValueError("one class only among the rows that count: nothing to tell apart")
        return labels.astype(float), weights * factors[labels]

    def _start(self, columns: int) -> Solution | None:
        """Where the last fit ended, if that is wanted and fits."""
        if not self.warm_start or np.shape(getattr(self, "coef_", ())) != (1, columns):
            return None
        return self.solution_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.sparse = True
        return tags
