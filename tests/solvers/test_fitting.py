"""The door: peers' optima, both worlds alike, statuses against linear programs, bad input."""

import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from bcejax.data import load_breast_cancer, load_pima, load_spambase
from bcejax.solvers import SolverStatus, fit_logistic

N, D = 24, 3  # the one shape of fits in JAX
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, D))
Y = (RNG.random(N) < 1 / (1 + np.exp(-X[:, 0]))) * 1.0
SOFT = RNG.random(N)
W = RNG.random(N) + 0.2
OFFSET = RNG.normal(size=N)


@functools.partial(jax.jit, static_argnames="intercept")
def traced(inputs, labels, weights, offset, l2, intercept):
    return fit_logistic(inputs, labels, weights=weights, offset=offset, l2=l2, intercept=intercept)


def in_jax(inputs, labels, *, weights=None, offset=0.0, l2=0.0, intercept=True):
    """The fit in float64 under jit, filled up to (N, D) with nan under weight 0 and columns."""
    inputs, n = np.asarray(inputs, float), len(labels)
    rows = np.full((N, D), np.nan)
    rows[:n] = inputs
    weights = np.append(np.ones(n) if weights is None else weights, np.zeros(N - n))
    y, o = np.full(N, np.nan), np.full(N, np.nan)
    y[:n], o[:n] = labels, offset
    with jax.enable_x64(True):
        fit = traced(*map(jnp.asarray, (rows, y, weights, o, l2)), intercept)
        return jax.tree.map(np.asarray, fit)


def on_host(inputs, labels, *, offset=None, **options):
    offset = None if offset is None else np.broadcast_to(offset, len(labels))
    return fit_logistic(np.asarray(inputs, float), labels, offset=offset, **options)


WORLDS = {"host": on_host, "jax": in_jax}
worlds = pytest.mark.parametrize("fit", WORLDS.values(), ids=WORLDS)


def named(fit):
    return SolverStatus(int(fit.status)).name


@pytest.mark.parametrize(
    ("load", "l2"), [(load_pima, 1e-3), (load_spambase, 1e-4), (load_breast_cancer, 1e-3)]
)
def test_the_optimum_is_that_of_newton_cholesky(load, l2):
    inputs, labels, _ = load().batch
    fit = fit_logistic(inputs, labels, l2=l2)
    peer = LogisticRegression(
        C=1 / (l2 * len(labels)), solver="newton-cholesky", tol=1e-14, max_iter=200
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it asks for more than rounding gives
        peer.fit(inputs, labels)
    assert named(fit) == "CONVERGED"
    assert fit.gradient_norm < 1e-14
    assert fit.duality_gap < 1e-15
    value = mean_loss(inputs, labels, peer.coef_[0], peer.intercept_[0], l2)
    assert abs(fit.value - value) < 1e-10
    np.testing.assert_allclose(fit.coefficients, peer.coef_[0], rtol=1e-6)


def test_breast_cancer_has_no_optimum_without_a_penalty():
    inputs, labels, _ = load_breast_cancer().batch
    free = fit_logistic(inputs, labels)
    assert named(free) == "SEPARATED"
    margins = (2 * labels - 1) * (inputs @ free.direction[:-1] + free.direction[-1])
    assert margins.min() >= 0
    assert margins.max() > 0


def mean_loss(inputs, labels, b, c, l2=0.0, l1=0.0, weights=None):
    x = inputs @ b + c
    losses = np.logaddexp(0, x) - labels * x
    penalty = l2 / 2 * np.sum(b**2) + l1 * np.sum(np.abs(b))
    return np.average(losses, weights=weights) + penalty


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weights": W, "l2": 0.1},
        {"offset": OFFSET, "l2": 1e-6},
        {"intercept": False},
        {"weights": np.where(np.arange(N) < 3, 0, W), "offset": OFFSET},
        {"weights": 10.0 ** RNG.integers(-6, 7, N), "l2": 1e-3},
    ],
)
@pytest.mark.parametrize("labels", [Y, SOFT], ids=["hard", "soft"])
def test_both_worlds_give_the_same_optimum(options, labels):
    host, other = (fit(X, labels, **options) for fit in WORLDS.values())
    assert named(host) == named(other) == "CONVERGED"
    assert host.steps == other.steps
    assert max(host.gradient_norm, other.gradient_norm) < 1e-9
    np.testing.assert_allclose(host.coefficients, other.coefficients, rtol=1e-9)
    np.testing.assert_allclose(host.intercept, other.intercept, rtol=1e-9)
    np.testing.assert_allclose(host.value, other.value, rtol=1e-14)


CONSTANT, TWIN, EMPTY = X.copy(), X.copy(), X.copy()
CONSTANT[:, 2] = 3.7
TWIN[:, 2] = -2 * TWIN[:, 0]
EMPTY[:, 2] = 0
QUASI = np.column_stack([np.sign(X[:, 0]) * (np.arange(N) > 5), X[:, 1:]])
QUASI_LABELS = np.where(QUASI[:, 0] == 0, np.arange(N) % 2, QUASI[:, 0] > 0)


@worlds
@pytest.mark.parametrize(
    ("inputs", "labels", "options", "status"),
    [
        (X, X[:, 0] > 0, {}, "SEPARATED"),
        (X, X @ [1, -1, 1] > 0.3, {"offset": 100 * OFFSET}, "SEPARATED"),
        (QUASI, QUASI_LABELS, {}, "SEPARATED"),
        (X, np.ones(N), {}, "SEPARATED"),
        (X, np.zeros(N), {"l2": 0.1}, "SEPARATED"),
        (X, np.ones(N), {"l2": 0.1, "intercept": False}, "CONVERGED"),
        (X, X[:, 0] > 0, {"l2": 1e-8}, "CONVERGED"),
        (X[:2], [0, 1], {}, "SEPARATED"),
        (X[:1], [1], {}, "SEPARATED"),
        (X[:1], [0.3], {}, "SINGULAR"),
        (X[:2], [0.2, 0.7], {}, "SINGULAR"),
        (X[:1], [1], {"l2": 0.1, "intercept": False}, "CONVERGED"),
        (CONSTANT, Y, {}, "SINGULAR"),
        (CONSTANT, Y, {"l2": 0.1}, "CONVERGED"),
        (TWIN, Y, {}, "SINGULAR"),
        (EMPTY, Y, {}, "SINGULAR"),
        (EMPTY, Y, {"l2": 0.1}, "CONVERGED"),
        (X, np.full(N, 0.5), {}, "CONVERGED"),
        (X, np.clip(Y, 1e-12, 1 - 1e-12), {}, "CONVERGED"),
        (X, Y, {"offset": 1e5}, "CONVERGED"),
        (X, Y, {"offset": np.where(np.arange(N) < 2, 1e300, 0)}, "CONVERGED"),
        (X, Y, {"l2": 1e300}, "CONVERGED"),
        (X, Y, {"l2": 1e-300}, "CONVERGED"),
    ],
)
def test_status_of_what_is_extreme(fit, inputs, labels, options, status):
    got = fit(inputs, np.asarray(labels, float), **options)
    assert named(got) == status
    assert np.all(np.isfinite(got.coefficients))
    margins = (2 * np.asarray(labels) - 1) * (inputs @ got.direction[:-1] + got.direction[-1])
    if status == "SEPARATED":
        assert margins.min() >= -1e-13
        assert margins.max() > 1e-3
    elif status == "SINGULAR":
        assert abs(got.direction).max() == 1
        np.testing.assert_allclose(margins, 0, atol=1e-12)
    else:
        assert not got.direction.any()


def program(inputs, labels):
    """The status by a linear program and by rank."""
    columns = np.column_stack([inputs, np.ones(len(inputs))])
    hard = labels != 0.5
    sided = (2 * labels - 1)[:, None] * columns
    found = linprog(
        -sided[hard].sum(0),
        A_ub=-sided[hard],
        b_ub=np.zeros(hard.sum()),
        A_eq=None if hard.all() else columns[~hard],
        b_eq=None if hard.all() else np.zeros((~hard).sum()),
        bounds=(-1, 1),
    )
    if -found.fun > 1e-7:
        return "SEPARATED"
    dependent = np.linalg.matrix_rank(columns) < columns.shape[1]
    return "SINGULAR" if dependent else "CONVERGED"


def draw(rng):
    """A small problem of integers, with ties, copies of columns and soft labels."""
    inputs = rng.integers(-2, 3, (N, D)).astype(float)
    if rng.random() < 0.3:
        inputs[:, -1] = rng.integers(-1, 2) * inputs[:, 0]
    noise = rng.choice([0, 0.3, 2]) * rng.normal(size=N)
    labels = (inputs @ rng.normal(size=D) + noise > 0) * 1.0
    if rng.random() < 0.3:
        labels[rng.integers(N)] = 0.5
    return inputs, labels


def test_statuses_are_those_of_linear_programs():
    rng = np.random.default_rng(1)
    problems = [draw(rng) for _ in range(60)]
    wanted = [program(*each) for each in problems]
    assert min(wanted.count(each) for each in ("SEPARATED", "SINGULAR", "CONVERGED")) > 5
    assert [named(on_host(*each)) for each in problems] == wanted


def test_vmap_gives_each_fit_its_status():
    rng = np.random.default_rng(2)
    problems = [draw(rng) for _ in range(24)]
    with jax.enable_x64(True):
        inputs, labels = (jnp.stack(each) for each in zip(*problems, strict=True))
        fits = jax.jit(jax.vmap(fit_logistic))(inputs, labels)
        fits = jax.tree.map(np.asarray, fits)
    singles = [on_host(*each) for each in problems]
    assert fits.status.tolist() == [int(each.status) for each in singles]
    done = fits.status == SolverStatus.CONVERGED
    want = np.stack([each.coefficients for each in singles])
    np.testing.assert_allclose(fits.coefficients[done], want[done], rtol=1e-8, atol=1e-12)


@worlds
def test_dependent_columns_have_the_smallest_coefficients(fit):
    got = fit(TWIN, Y)
    alone = fit(EMPTY, Y)
    # b x + b' (-2 x) = a x with the least b^2 + b'^2
    want = alone.coefficients[0] * np.array([0.2, -0.4])
    np.testing.assert_allclose(got.coefficients[[0, 2]], want, rtol=1e-10)
    np.testing.assert_allclose(got.coefficients[1], alone.coefficients[1], rtol=1e-10)
    np.testing.assert_allclose(fit(CONSTANT, Y).coefficients[2], 0, atol=1e-14)


@worlds
@pytest.mark.parametrize("units", [[1e-20, 1, 1e20], [1e-150, 1.0, 1e150]])
def test_units_of_columns_change_nothing_but_coefficients(fit, units):
    plain, scaled = fit(X, Y), fit(X * units, Y)
    assert named(scaled) == "CONVERGED"
    np.testing.assert_allclose(scaled.coefficients * units, plain.coefficients, rtol=1e-12)
    assert abs(scaled.gradient_norm) < 1e-12


@worlds
def test_a_large_mean_costs_no_digits_of_coefficients(fit):
    shifted = np.float64(np.float32(X))  # so that the shift is exact
    plain, moved = fit(shifted, Y), fit(shifted + 2.0**20, Y)
    np.testing.assert_allclose(moved.coefficients, plain.coefficients, rtol=1e-9)


def test_float32_is_right_to_its_rounding_or_flagged():
    with jax.enable_x64(False):
        fit = fit_logistic(jnp.asarray(X, jnp.float32), jnp.asarray(Y), l2=1e-3)
        shifted = fit_logistic(jnp.asarray(X + 1000, jnp.float32), jnp.asarray(Y), l2=1e-3)
    assert fit.coefficients.dtype == jnp.float32
    want = on_host(X, Y, l2=1e-3)
    assert named(fit) == named(shifted) == "CONVERGED"
    np.testing.assert_allclose(fit.coefficients, want.coefficients, rtol=2e-5)
    np.testing.assert_allclose(shifted.coefficients, want.coefficients, rtol=1e-3)


@pytest.mark.parametrize("init", [([3.0, -1.0, 2.0], 1.0), ([1e3, -1e3, 1e3], 5.0), "itself"])
def test_any_start_leads_to_the_optimum(init):
    want = on_host(X, Y)
    got = on_host(X, Y, init=want if init == "itself" else init)
    assert named(got) == "CONVERGED"
    np.testing.assert_allclose(got.coefficients, want.coefficients, rtol=1e-10)
    assert init != "itself" or got.steps <= 2


def test_weights_are_copies():
    counts = RNG.integers(0, 3, N)
    rows = np.repeat(np.arange(N), counts)
    weighted, copied = on_host(X, SOFT, weights=counts), on_host(X[rows], SOFT[rows])
    np.testing.assert_allclose(weighted.coefficients, copied.coefficients, rtol=1e-12)
    masked = on_host(X, SOFT, where=counts > 0, weights=np.maximum(counts, 1))
    np.testing.assert_allclose(masked.coefficients, weighted.coefficients, rtol=1e-12)


@worlds
def test_labels_and_offsets_of_weight_0_may_be_anything(fit):
    want = fit(X[2:], Y[2:], weights=W[2:])
    for odd in (-1.0, 7.0, np.nan):
        got = fit(
            X,
            np.append([odd, odd], Y[2:]),
            weights=np.append([0, 0], W[2:]),
            offset=np.append([odd, 1e300], np.zeros(N - 2)),
        )
        assert named(got) == "CONVERGED"
        np.testing.assert_allclose(got.coefficients, want.coefficients, rtol=1e-9)


@pytest.mark.parametrize("large", [1e9, 1e17, 1e60])
@pytest.mark.parametrize("world", [np.asarray, jnp.asarray], ids=["host", "jax"])
@pytest.mark.parametrize(
    "options",
    [{"l2": 0.05}, {"l1": 0.02}, {"l1": 0.02, "intercept": False}, {"l2": 0.05, "firth": True}],
    ids=str,
)
def test_what_is_large_under_weight_0_plays_no_part(options, world, large):
    """Such as -999e9 for a missing value: no column is constant beside it, no floor holds it."""
    hidden = X.copy()
    hidden[2, 1] = large
    weights = np.where(np.arange(N) == 2, 0, W)
    with jax.enable_x64(True):
        want, got = (
            fit_logistic(world(inputs), Y, weights=weights, tol=1e-10, **options)
            for inputs in (X, hidden)
        )
    assert named(got) == "CONVERGED"
    np.testing.assert_allclose(got.coefficients, want.coefficients, rtol=1e-8, atol=1e-10)


MANY = np.random.default_rng(1).normal(size=(4000, 2))
MANY_LABELS = (np.random.default_rng(2).random(4000) < 1 / (1 + np.exp(1 - MANY[:, 0]))) * 1.0
BESIDE = np.column_stack([MANY, np.ones(4000)])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_constant_column_of_many_examples_is_told(dtype):
    """Whose mean, which rounding of many terms moves, is not quite the constant."""
    want = fit_logistic(MANY, MANY_LABELS)
    inputs = BESIDE if dtype == "float64" else jnp.asarray(BESIDE, dtype)
    fit = fit_logistic(inputs, MANY_LABELS)
    assert named(fit) == "SINGULAR"
    assert fit.coefficients[2] == 0
    np.testing.assert_allclose(
        fit.coefficients[:2], want.coefficients, rtol=2e-9 if dtype == "float64" else 2e-5
    )


@pytest.mark.parametrize("size", [1e-300, 1.4e308])
def test_only_ratios_of_weights_count(size):
    want = on_host(X, Y, weights=W, l2=0.1)
    got = on_host(X, Y, weights=size * W, l2=0.1)
    np.testing.assert_allclose(got.coefficients, want.coefficients, rtol=1e-12)


def test_a_number_0_of_any_kind_is_no_l1():
    for zero in (np.float32(0), jnp.float32(0)):
        fit = fit_logistic(X, Y, l1=zero, solver="newton")
        assert np.array_equal(fit.coefficients, on_host(X, Y).coefficients)


def test_numpy_is_solved_in_float64_whatever_the_flag_and_inside_jit():
    with jax.enable_x64(False):
        fit = fit_logistic(X, Y)
        twice = jax.jit(lambda x: x * fit_logistic(X, Y, solver="newton").coefficients)(2.0)
    assert all(isinstance(each, np.ndarray) for each in fit)
    assert fit.coefficients.dtype == np.float64
    assert fit.gradient_norm < 1e-14
    np.testing.assert_allclose(twice, 2 * fit.coefficients, rtol=1e-6)


def test_few_steps_are_flagged():
    fit = on_host(X, Y, max_steps=3)
    assert named(fit) == "MAX_STEPS"
    assert fit.steps == 3
    loose = on_host(X, Y, tol=1e-2)
    assert named(loose) == "CONVERGED"
    assert loose.gradient_norm <= 1e-2
    assert loose.steps < on_host(X, Y).steps


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"labels": Y + 1}, ValueError, "labels lie in .0, 1., found 1 and 2"),
        ({"labels": Y[:-1]}, ValueError, r"labels must be \(24,\) beside inputs \(24, 3\), got"),
        ({"inputs": X[:, 0]}, ValueError, r"inputs must be \(n, d\) with n >= 1 and d >= 1"),
        ({"inputs": X[:0], "labels": Y[:0]}, ValueError, r"inputs must be .* got \(0, 3\)"),
        ({"inputs": X.astype(str)}, TypeError, "inputs must be real numbers, got <U"),
        ({"inputs": X.astype(complex)}, TypeError, "inputs must be real numbers, got complex"),
        ({"weights": -W}, ValueError, "weights must be finite and >= 0, got -"),
        ({"weights": 0 * W}, ValueError, "weights are all 0"),
        ({"weights": W * np.inf}, ValueError, "weights must be finite"),
        ({"where": W}, TypeError, "where must be boolean, got float64"),
        ({"offset": np.inf * W}, ValueError, "offset must be finite"),
        ({"l2": -1.0}, ValueError, "l2 must be finite and >= 0, got -1.0"),
        ({"l2": np.inf}, ValueError, "l2 must be finite"),
        ({"l1": np.nan}, ValueError, "l1 must be finite and >= 0, got nan"),
        ({"l2": np.ones(2)}, ValueError, r"l2 must be one number, got shape \(2,\)"),
        ({"tol": -1.0}, ValueError, "tol must be finite and >= 0, got -1.0"),
        ({"tol": "small"}, TypeError, "tol must be real numbers, got <U5"),
        ({"max_steps": 0}, ValueError, "max_steps is 0; there must be 1 or more"),
        ({"max_steps": 9.5}, TypeError, "max_steps is 9.5; it must be an integer"),
        ({"max_steps": True}, TypeError, "max_steps is True; it must be an integer"),
        ({"init": 3}, TypeError, r"init must be \(coefficients, intercept\) or a Solution, got 3"),
        ({"solver": "adam"}, ValueError, "solver 'adam' is not one of .'auto', 'newton'"),
        ({"solver": "newton", "l1": 0.1}, ValueError, "l1 is for solver .proximal_newton."),
        ({"firth": True, "l1": 0.1}, ValueError, "firth=True has its own solver and no l1"),
        ({"init": (np.ones(2), 0.0)}, ValueError, r"init must hold coefficients \(3,\)"),
    ],
)
def test_bad_input_is_named(changes, error, message):
    with pytest.raises(error, match=message):
        fit_logistic(**{"inputs": X, "labels": Y, **changes})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_inputs_that_are_no_numbers_are_named_by_place(value):
    inputs = X.copy()
    inputs[7, 1] = value
    with pytest.raises(ValueError, match=rf"inputs hold {value} at row 7, column 1 \(1 of 72"):
        on_host(inputs, Y)
    assert named(in_jax(inputs, Y)) == "DIVERGED"
    assert np.all(np.isnan(in_jax(inputs, Y).coefficients))
    weights = np.where(np.arange(N) == 7, 0, W)
    assert named(on_host(inputs, Y, weights=weights)) == "CONVERGED"


@pytest.mark.parametrize(
    ("name", "value"), [("labels", 2.0), ("labels", np.nan), ("weights", -1.0), ("l2", -1.0)]
)
def test_traced_values_that_are_refused_give_nan(name, value):
    options = {"labels": Y.copy(), "weights": W.copy(), "l2": 0.1}
    if name == "l2":
        options["l2"] = value
    else:
        options[name][3] = value
    fit = in_jax(X, options.pop("labels"), **options)
    assert named(fit) == "DIVERGED"
    assert np.all(np.isnan(fit.coefficients))
