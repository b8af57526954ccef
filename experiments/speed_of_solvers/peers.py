"""Each task by each peer, as its users would write it and as fast as it can be had.

A peer is asked for the tolerance that makes its own rule of stopping mean a gradient of 1e-8 here:
scikit-learn's newton-cholesky and lbfgs, glum and skglm stop by its largest component; LIBLINEAR by
its norm, relative to that at 0 and to the share of the rarer label; celer by the duality gap, which
goes like its square.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np

from experiments.speed_of_solvers.problems import Data
from experiments.speed_of_solvers.setting import BOOTSTRAP, FOLDS, L1, L2, PATH, TOLERANCE, Task
from experiments.versions import version_of

Call: TypeAlias = Callable[[], np.ndarray]  # params (m, d + 1), the intercept last

CEILING = 100_000  # iterations; nobody stops for having too few
SIZE = 10**6  # numbers in the inputs, up to which those that are far behind take part


def installed() -> dict[str, str]:
    """Those that are here, by package, with its version."""
    return {package: number for package in PEERS if (number := version_of(package))}


def ways_of(package: str, task: Task, data: Data, threads: int) -> dict[str, Call]:
    """A peer's ways to a task, {} where it has none."""
    return PEERS[package](task, data, threads)


def _params(model: Any) -> np.ndarray:
    """Of a fitted estimator of scikit-learn's kind."""
    coefficients = np.ravel(model.coef_)
    return np.append(coefficients, getattr(model, "intercept_", 0.0))[None]


def of_sklearn(task: Task, data: Data, threads: int) -> dict[str, Call]:
    """By its solvers; loops of many fits by joblib, from the process of one thread."""
    if task.kind == L2:
        # with more columns than examples each step of newton-cholesky takes seconds
        return {
            solver: _sklearn_l2(data, solver)
            for solver in ("newton-cholesky", "lbfgs")
            if solver == "lbfgs" or task.columns <= task.examples
        }
    if task.kind == L1:
        small = data.inputs.size <= SIZE
        return {solver: _sklearn_l1(data, solver) for solver in ("liblinear", "saga") if small}
    # many small fits: threads inside one only slow it down
    many = {BOOTSTRAP: _sklearn_bootstrap, PATH: _sklearn_path}
    if task.kind not in many or threads > 1:
        return {}
    return {
        f"{solver}, {jobs} job{'s' * (jobs > 1)}": many[task.kind](data, solver, jobs)
        for solver in ("newton-cholesky", "lbfgs")
        for jobs in ((2,) if task.kind == BOOTSTRAP else (1, 2))
    }


def _sklearn_l2(data: Data, solver: str) -> Call:
    model = import_module("sklearn.linear_model").LogisticRegression(
        C=1 / (data.l2[0] * len(data.labels)),
        solver=solver,
        tol=TOLERANCE,
        max_iter=CEILING,
        fit_intercept=data.intercept,
    )
    return lambda: _params(model.fit(data.inputs, data.labels))


def _sklearn_l1(data: Data, solver: str) -> Call:
    model = import_module("sklearn.linear_model").LogisticRegression(
        C=1 / (data.l1 * len(data.labels)),
        l1_ratio=1,
        solver=solver,
        # saga stops by the relative change of the coefficients in an epoch
        tol=_relative(data, norm=1) if solver == "liblinear" else TOLERANCE / 10,
        max_iter=CEILING,
        fit_intercept=False,
    )
    return lambda: _params(model.fit(data.inputs, data.labels))


def _sklearn_bootstrap(data: Data, solver: str, n_jobs: int) -> Call:
    assert data.counts is not None
    model = import_module("sklearn.linear_model").LogisticRegression(
        C=1 / (data.l2[0] * len(data.labels)), solver=solver, tol=TOLERANCE, max_iter=CEILING
    )
    # a part for each job: a thousand messages would cost more than the fits
    parts = np.array_split(data.counts, n_jobs)
    joblib = import_module("joblib")
    parallel = joblib.Parallel(n_jobs=n_jobs)
    return lambda: np.concatenate(
        parallel(joblib.delayed(_refits)(model, data.inputs, data.labels, part) for part in parts)
    )


def _refits(model: Any, inputs: np.ndarray, labels: np.ndarray, counts: np.ndarray) -> np.ndarray:
    fits = (model.fit(inputs, labels, sample_weight=each) for each in counts)
    return np.concatenate([_params(fit) for fit in fits])


def _sklearn_path(data: Data, solver: str, n_jobs: int) -> Call:
    kept = len(data.labels) * (FOLDS - 1) / FOLDS
    model = import_module("sklearn.linear_model").LogisticRegressionCV(
        Cs=1 / (data.l2[: len(data.l2) // FOLDS] * kept),
        cv=import_module("sklearn.model_selection").PredefinedSplit(data.folds),
        solver=solver,
        tol=TOLERANCE,
        max_iter=CEILING,
        scoring="neg_log_loss",
        l1_ratios=(0,),
        use_legacy_attributes=False,
        n_jobs=n_jobs,
    )
    return lambda: _path_of(model.fit(data.inputs, data.labels))


def _path_of(model: Any) -> np.ndarray:
    """(folds, 1, penalties, 1, d + 1), penalties in our order."""
    paths = np.asarray(model.coefs_paths_)
    return paths.reshape(-1, paths.shape[-1])


def of_glum(task: Task, data: Data, threads: int) -> dict[str, Call]:
    """Least squares or coordinate descent in each step; from both orders of the inputs."""
    # with more columns than examples a fit takes half a minute
    if task.kind not in {L2, L1} or task.columns > task.examples:
        return {}
    model = import_module("glum").GeneralizedLinearRegressor(
        family="binomial",
        alpha=data.l1 or data.l2[0],
        l1_ratio=float(task.kind == L1),
        fit_intercept=False,
        gradient_tol=TOLERANCE,
        max_iter=CEILING,
    )
    return _from_both_orders(data, lambda inputs: _params(model.fit(inputs, data.labels)))


def of_skglm(task: Task, data: Data, threads: int) -> dict[str, Call]:
    """Its solver for sparse logistic regression."""
    if task.kind != L1:
        return {}
    model = import_module("skglm.estimators").SparseLogisticRegression(
        alpha=data.l1, tol=TOLERANCE, max_iter=CEILING, fit_intercept=False
    )
    return _from_both_orders(data, lambda inputs: _params(model.fit(inputs, data.labels)))


def of_celer(task: Task, data: Data, threads: int) -> dict[str, Call]:
    """Its solver for sparse logistic regression."""
    if task.kind != L1:
        return {}
    model = import_module("celer").LogisticRegression(
        C=1 / (data.l1 * len(data.labels)), tol=TOLERANCE / 100, max_iter=1000
    )
    return _from_both_orders(data, lambda inputs: _params(model.fit(inputs, data.labels)))


def of_liblinear(task: Task, data: Data, threads: int) -> dict[str, Call]:
    """Trust-region Newton, or coordinate descent for L1; its own form of the data included."""
    # building its form of a large matrix takes longer than others take to fit
    if task.kind not in {L2, L1} or data.inputs.size > 10 * SIZE:
        return {}
    library = import_module("liblinear.liblinearutil")
    norm, solver, penalty = (2, 0, data.l2[0]) if task.kind == L2 else (1, 6, data.l1)
    cost = 1 / (penalty * len(data.labels))
    words = f"-s {solver} -c {cost} -e {_relative(data, norm)} -q"

    def fit() -> np.ndarray:
        model = library.train(library.problem(data.labels, data.inputs), library.parameter(words))
        sign = 1 if model.get_labels()[0] == 1 else -1  # it fits the label that comes first
        return sign * np.append(model.w[: data.inputs.shape[1]], 0.0)[None]

    return {f"-s {solver}": fit}


def _from_both_orders(data: Data, fit: Callable[[np.ndarray], np.ndarray]) -> dict[str, Call]:
    by_columns = np.asfortranarray(data.inputs)
    return {"rows": lambda: fit(data.inputs), "columns": lambda: fit(by_columns)}


def _relative(data: Data, norm: int) -> float:
    """The tolerance of LIBLINEAR, relative to the gradient at 0 and the share of rare labels."""
    at_zero = np.linalg.norm((0.5 - data.labels) @ data.inputs, norm) / len(data.labels)
    rare = min(data.labels.mean(), 1 - data.labels.mean())
    return float(TOLERANCE / (rare * at_zero))


PEERS: dict[str, Callable[[Task, Data, int], dict[str, Call]]] = {
    "scikit-learn": of_sklearn,
    "glum": of_glum,
    "skglm": of_skglm,
    "celer": of_celer,
    "liblinear-official": of_liblinear,
}
