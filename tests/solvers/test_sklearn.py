"""The estimator keeps scikit-learn's manners and finds the optimum that scikit-learn looks for."""

import importlib
import pickle
import sys
import warnings

import mpmath
import numpy as np
import pytest
import scipy.sparse
from sklearn import linear_model
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from bcejax.numerics import softplus
from bcejax.solvers import SolverStatus
from bcejax.solvers.sklearn import LogisticRegression

RNG = np.random.default_rng(11)
X = RNG.normal(size=(120, 4))
CLASSES = np.where(X @ [1.5, -1.0, 0.0, 0.5] + RNG.logistic(size=120) > 0.5, "yes", "no")
WEIGHTS = RNG.uniform(0.2, 3.0, size=120)


def test_scikit_learns_own_checks_pass():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of checks that fit what cannot converge
        results = check_estimator(LogisticRegression(), on_skip=None)
    assert len(results) > 50
    skipped = {each["check_name"] for each in results if each["status"] != "passed"}
    assert skipped <= {
        "check_array_api_input",  # needs SCIPY_ARRAY_API to be set
        "check_classifier_data_not_an_array",  # these two need pandas
        "check_sample_weights_pandas_series",
    }


@pytest.mark.parametrize("C", [0.01, 1.0, np.inf])
@pytest.mark.parametrize("class_weight", [None, "balanced", {"yes": 3.0, "no": 0.5}])
def test_coefficients_equal_scikit_learns(C, class_weight):
    own, peer = (
        model(C=C, class_weight=class_weight, **more).fit(X, CLASSES, WEIGHTS)
        for model, more in (
            (LogisticRegression, {}),
            (linear_model.LogisticRegression, {"solver": "newton-cholesky", "tol": 1e-12}),
        )
    )
    np.testing.assert_allclose(own.coef_, peer.coef_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(own.intercept_, peer.intercept_, rtol=1e-8, atol=1e-10)
    assert own.classes_.tolist() == ["no", "yes"]
    assert (own.predict(X) == peer.predict(X)).all()
    np.testing.assert_allclose(own.predict_proba(X), peer.predict_proba(X), rtol=1e-8)
    assert own.score(X, CLASSES) == peer.score(X, CLASSES)


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_with_l1_the_objective_is_no_higher_than_scikit_learns(l1_ratio):
    signs = np.where(CLASSES == "yes", 1, -1)
    own = LogisticRegression(C=0.1, l1_ratio=l1_ratio).fit(X, CLASSES)
    peer = linear_model.LogisticRegression(
        C=0.1, l1_ratio=l1_ratio, solver="saga", tol=1e-9, max_iter=5000
    ).fit(X, CLASSES)

    def objective(model):
        b = model.coef_[0]
        losses = np.asarray(softplus(-signs * (X @ b + model.intercept_)), np.float64).sum()
        return 0.1 * losses + (1 - l1_ratio) / 2 * b @ b + l1_ratio * np.abs(b).sum()

    assert objective(own) <= objective(peer) * (1 + 1e-6)
    np.testing.assert_array_equal(own.coef_ == 0, np.abs(peer.coef_) < 1e-9)


def test_sparse_rows_and_dense_ones_are_the_same():
    rows = scipy.sparse.csr_array(np.where(np.abs(X) > 1, X, 0))
    sparse, dense = (LogisticRegression().fit(each, CLASSES) for each in (rows, rows.toarray()))
    np.testing.assert_allclose(sparse.coef_, dense.coef_, rtol=1e-8)
    np.testing.assert_allclose(
        sparse.decision_function(rows), dense.decision_function(rows.toarray()), rtol=1e-8
    )


def test_both_probabilities_keep_their_digits():
    model = LogisticRegression().fit(X, CLASSES)
    model.coef_, model.intercept_ = np.array([[1.0, 0, 0, 0]]), np.zeros(1)
    logits = np.array([-700.0, -40, -1, 0, 1e-9, 3, 40, 700])
    rows = np.column_stack([logits, np.zeros((8, 3))])
    with mpmath.workdps(320):
        exact = [[1 / (1 + mpmath.exp(s * mpmath.mpf(z))) for s in (1, -1)] for z in logits]
        want = np.array(exact, float)
        logs = np.array([[mpmath.log(p) for p in row] for row in exact], float)
    np.testing.assert_array_max_ulp(model.predict_proba(rows), want, maxulp=4)
    np.testing.assert_allclose(model.predict_log_proba(rows), logs, rtol=1e-15)
    np.testing.assert_array_max_ulp(model.predict_proba(rows).sum(axis=1), np.ones(8), maxulp=1)


def test_pipelines_grids_pickles_and_calibrators():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(solver="newton"))
    grid = {"logisticregression__C": [0.01, 1.0]}
    search = GridSearchCV(pipeline, grid, scoring="neg_log_loss", cv=3).fit(X, CLASSES)
    peer = make_pipeline(StandardScaler(), linear_model.LogisticRegression(tol=1e-10))
    theirs = GridSearchCV(peer, grid, scoring="neg_log_loss", cv=3).fit(X, CLASSES)
    scores = [each.cv_results_["mean_test_score"] for each in (search, theirs)]
    np.testing.assert_allclose(*scores, rtol=1e-6)
    best = search.best_estimator_[-1]
    again = pickle.loads(pickle.dumps(best))
    np.testing.assert_array_equal(again.predict_proba(X), best.predict_proba(X))
    assert again.solution_.status == SolverStatus.CONVERGED
    fresh = clone(best)
    assert fresh.get_params() == best.get_params()
    with pytest.raises(NotFittedError):
        fresh.predict(X)
    calibrated = CalibratedClassifierCV(fresh, cv=3).fit(X, CLASSES)
    assert calibrated.score(X, CLASSES) > 0.7


def test_a_warm_start_begins_at_the_last_optimum():
    model = LogisticRegression(C=1.0, warm_start=True).fit(X, CLASSES)
    first = model.n_iter_[0]
    cold = clone(model).set_params(C=1.1).fit(X, CLASSES)
    warm = model.set_params(C=1.1).fit(X, CLASSES)
    assert warm.n_iter_[0] <= min(first, cold.n_iter_[0])
    np.testing.assert_allclose(warm.coef_, cold.coef_, rtol=1e-8)
    assert model.fit(X[:, :2], CLASSES).coef_.shape == (1, 2)  # another width starts anew


@pytest.mark.parametrize(
    ("rows", "parameters", "status"),
    [
        (X[:, :1], {"C": np.inf}, "separated: a hyperplane tells the labels apart"),
        (X, {"max_iter": 1}, "max_steps: the steps were used up"),
        (X[:, [0, 0]], {"C": np.inf}, "singular: columns depend on each other"),
    ],
)
def test_what_did_not_converge_warns_in_words(rows, parameters, status):
    classes = rows[:, 0] > 0 if "separated" in status else CLASSES
    with pytest.warns(ConvergenceWarning, match=status):
        model = LogisticRegression(**parameters).fit(rows, classes)
    assert SolverStatus(int(model.solution_.status)).name.lower() in status


@pytest.mark.parametrize(
    ("parameters", "classes", "message"),
    [
        ({"C": 0.0}, CLASSES, "C must be > 0, or inf for no penalty; got 0.0"),
        ({"C": np.nan}, CLASSES, "C must be > 0"),
        ({"C": "1"}, CLASSES, "C must be > 0, or inf for no penalty; got '1'"),
        ({"l1_ratio": None}, CLASSES, r"l1_ratio must lie in \[0, 1\], got None"),
        ({"class_weight": {0: -1, 1: 1}}, np.arange(120) % 2, r"class_weight must be >= 0, got {0"),
        ({"class_weight": {0: 0, 1: 1}}, np.arange(120) % 2, "one class only"),
        ({"l1_ratio": 1.5}, CLASSES, r"l1_ratio must lie in \[0, 1\], got 1.5"),
        ({"solver": "saga"}, CLASSES, "solver 'saga' is not one of"),
        ({}, np.arange(120) % 3, "Only binary classification is supported.*multiclass"),
        ({}, np.zeros(120), "one class only"),
    ],
)
def test_what_cannot_be_fitted_is_refused(parameters, classes, message):
    with pytest.raises(ValueError, match=message):
        LogisticRegression(**parameters).fit(X, classes)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_a_class_without_weight_is_none(class_weight):
    with pytest.raises(ValueError, match="one class only among the rows that count"):
        LogisticRegression(class_weight=class_weight).fit(X, np.arange(120) % 2, np.arange(120) % 2)


def test_one_number_weighs_all_rows():
    ours, theirs = (
        kind(class_weight="balanced", C=0.1, tol=1e-10, **solver).fit(X, CLASSES, 2.0)
        for kind, solver in (
            (LogisticRegression, {}),
            (linear_model.LogisticRegression, {"solver": "newton-cholesky"}),
        )
    )
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8)


def test_without_scikit_learn_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "bcejax.solvers.sklearn")
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'bcejax\[sklearn\]'"):
        importlib.import_module("bcejax.solvers.sklearn")
