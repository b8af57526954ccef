"""Newton against 50-digit Newton, refits, scipy, and everything that has no optimum."""

import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from bcejax.solvers import SolverStatus, minimise_bce
from bcejax.solvers.engines.affine import BLOCK
from bcejax.solvers.newton import MANY

DTYPES = ["float32", "float64"]
N = 30
RNG = np.random.default_rng(5)
Z = np.float64(np.float32(RNG.normal(0, 2, N)))
Y = (RNG.random(N) < 1 / (1 + np.exp(-0.6 * Z - 0.3))).astype(float)
W = RNG.integers(0, 4, N).astype(float)
SOFT = np.float64(np.float32(RNG.random(N)))


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


@functools.partial(jax.jit, static_argnames="dtype")
def affine(z, y, w, dtype="float64"):
    """Intercept and slope."""
    return minimise_bce([1.0, z.astype(dtype)], y, weights=w)


def small(z, y, dtype):
    """The fit to a few examples, filled up to N with what has weight 0."""
    z, y, w = (
        np.append(each, np.full(N - len(z), last))
        for each, last in ((z, np.nan), (y, np.nan), (np.ones(len(z)), 0.0))
    )
    return affine(z, y, w, dtype=dtype)


def exact(columns, labels, weights, offset=None):
    """Newton in 50 digits."""
    with mpmath.workdps(50):
        F = mpmath.matrix(np.column_stack(columns).tolist())
        o = [0.0] * F.rows if offset is None else offset
        b = mpmath.matrix(F.cols, 1)
        for _ in range(60):
            x = [(F[i, :] * b)[0] + o[i] for i in range(F.rows)]
            p = [1 / (1 + mpmath.exp(-each)) for each in x]
            r = mpmath.matrix([w * (q - y) for w, q, y in zip(weights, p, labels, strict=True)])
            h = mpmath.diag([w * q * (1 - q) for w, q in zip(weights, p, strict=True)])
            b -= mpmath.lu_solve(F.T * h * F, F.T * r)
        return np.array([float(each) for each in b])


def loss(F, y, w, o=0.0, ridge=0.0):
    def value_and_gradient(b):
        x = F @ b + o
        value = w @ (np.logaddexp(0, x) - y * x) + np.sum(ridge * b**2) / 2
        return value, F.T @ (w * (1 / (1 + np.exp(-x)) - y)) + ridge * b

    return value_and_gradient


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("labels", [Y, SOFT], ids=["hard", "soft"])
def test_params_are_those_of_50_digits(dtype, labels):
    fit = affine(Z, labels, W, dtype=dtype)
    want = exact([np.ones(N), Z], labels, W)
    assert fit.params.dtype == dtype
    assert fit.status == SolverStatus.CONVERGED
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(fit.params, want, rtol=16 * eps, atol=16 * eps * abs(want).max())


def test_value_gradient_and_hessian_are_those_at_the_params():
    fit = affine(Z, SOFT, W)
    F = np.column_stack([np.ones(N), Z])
    value, gradient = loss(F, SOFT, W)(np.asarray(fit.params))
    p = 1 / (1 + np.exp(-F @ np.asarray(fit.params)))
    np.testing.assert_allclose(fit.value, value, rtol=1e-14)
    np.testing.assert_allclose(fit.gradient, gradient, atol=1e-13)
    np.testing.assert_allclose(fit.hessian, (F.T * (W * p * (1 - p))) @ F, rtol=1e-13)


@pytest.mark.parametrize("d", [1, 5], ids=["sums", "products"])
def test_offset_and_ridge_against_scipy(d):
    F, o, ridge = RNG.normal(size=(N, d)), RNG.normal(size=N), np.arange(1.0, d + 1)
    fit = minimise_bce(list(F.T), SOFT, weights=W, offset=o, ridge=ridge)
    want = minimize(loss(F, SOFT, W, o, ridge), np.zeros(d), jac=True, tol=1e-11).x
    np.testing.assert_allclose(fit.params, want, rtol=1e-7, atol=1e-8)
    assert np.abs(loss(F, SOFT, W, o, ridge)(np.asarray(fit.params))[1]).max() < 1e-12


LONG = MANY + BLOCK // 2 + 1  # a last block that is padded


def test_many_examples_take_few_passes_and_reach_the_same_optimum():
    n = LONG
    z = RNG.normal(3, 2, n)
    y = (RNG.random(n) < 1 / (1 + np.exp(-z / 2 + 1))).astype(float)
    w = RNG.random(n) + 0.5
    fit = affine(z, y, w)
    assert fit.status == SolverStatus.CONVERGED
    assert fit.steps <= 4
    F = np.column_stack([np.ones(n), z])
    _, gradient = loss(F, y, w)(np.asarray(fit.params))
    step = np.linalg.solve(np.asarray(fit.hessian), gradient)
    assert np.abs(step).max() < 1e-12


def test_a_first_fit_that_misleads_does_no_harm():
    """Every 16th example is told apart by the column, the others are not."""
    z = np.where(np.arange(LONG) % 16 == 0, 5.0, RNG.normal(size=LONG))
    y = np.where(np.arange(LONG) % 16 == 0, 1.0, np.arange(LONG) % 2)
    fit = affine(z, y, np.ones(LONG))
    assert fit.status == SolverStatus.CONVERGED
    F = np.column_stack([np.ones(LONG), z])
    assert np.abs(loss(F, y, np.ones(LONG))(np.asarray(fit.params))[1]).max() < 1e-9


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("z", "y"),
    [
        (np.arange(4.0), [0, 0, 1, 1]),
        (np.arange(4.0) / 10 + 5, [0, 0, 1, 1]),
        ([0, 1, 1, 2], [0, 1, 0, 1]),
        ([0, 0, 0, 1], [0, 1, 1, 1]),
        ([0, 1, 2, 3], [1, 1, 1, 1]),
        ([0, 1, 2, 3], [0, 0, 0, 0]),
    ],
    ids=["apart", "apart closely", "apart but for a tie", "one certain group", "ones", "zeros"],
)
def test_without_an_optimum_params_are_large_and_the_status_says_so(dtype, z, y):
    fit = small(z, y, dtype)
    assert fit.status == SolverStatus.SEPARATED
    assert np.all(np.isfinite(fit.params))
    assert np.abs(fit.params).max() > 10


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_dependent_column_stays_where_it_is(dtype):
    fit = small(np.full(5, 2.0), [0, 1, 1, 1, 1], dtype)
    assert fit.status == SolverStatus.CONVERGED
    np.testing.assert_allclose(fit.params, [np.log(4), 0], rtol=1e-5, atol=0)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_fit_does_not_depend_on_the_scale_of_a_column(scale):
    fit, scaled = affine(Z, Y, W), affine(scale * Z, Y, W)
    np.testing.assert_allclose(scaled.params[1] * scale, fit.params[1], rtol=1e-13)


def test_an_outlier_takes_steps_but_no_more():
    z, w = np.append(1e5, Z[1:]), np.append(1.0, W[1:])
    y = np.append(1.0, Y[1:])
    fit = affine(z, y, w)
    assert fit.status == SolverStatus.CONVERGED
    np.testing.assert_allclose(fit.params, affine(Z, y, np.append(0, W[1:])).params, rtol=1e-10)


def test_what_lies_under_weight_0_is_harmless():
    z, y = (np.where(W == 0, np.nan, each) for each in (Z, Y))
    assert (W == 0).any()
    np.testing.assert_array_equal(affine(z, y, W).params, affine(Z, Y, W).params)


def test_k_copies_are_weight_k():
    few = np.arange(N) < 8
    w = np.where(few, W, 0)
    repeated = [np.repeat(each[few], W[few].astype(int)) for each in (Z, Y)]
    np.testing.assert_allclose(
        small(*repeated, "float64").params, affine(Z, Y, w).params, rtol=1e-12
    )


@pytest.mark.parametrize("place", ["labels", "weights", "column"])
def test_nan_comes_out_as_nan(place):
    z, y, w = Z.copy(), Y.copy(), np.ones(N)
    {"labels": y, "weights": w, "column": z}[place][3] = np.nan
    fit = affine(z, y, w)
    assert np.all(np.isnan(fit.params))
    assert fit.status == SolverStatus.DIVERGED


def test_too_few_steps_are_said():
    fit = minimise_bce([1.0, Z], Y, max_steps=2)
    assert fit.status == SolverStatus.MAX_STEPS
    assert fit.steps == 2


def test_vmap_is_a_loop_over_folds_and_models():
    folds = np.stack([W, np.where(np.arange(N) < 9, 0, 1.0), np.where(Z > 0, Y, 1 - Y)])
    models = np.stack([Z, Z**2, -Z])
    batch = jax.vmap(affine)(models, jnp.stack([Y] * 3), folds)
    for k in range(3):
        one = affine(models[k], Y, folds[k])
        np.testing.assert_allclose(batch.params[k], one.params, rtol=1e-12)
        assert batch.status[k] == one.status


def test_implicit_derivatives_are_those_of_refits():
    """In column, labels, weights and offset, by both modes, and once more in forward mode."""
    data = (jnp.asarray(Z), jnp.asarray(SOFT), jnp.asarray(W + 0.5), jnp.zeros(N))
    dots = tuple(jnp.asarray(RNG.normal(size=N)) for _ in data)

    def slope(z, y, w, o):
        return minimise_bce([1.0, z], y, weights=w, offset=o, ridge=0.1).params[1]

    def along(t):
        return slope(*(each + t * dot for each, dot in zip(data, dots, strict=True)))

    h, first = 1e-4, jax.jacfwd(along)
    whole = jax.jit(lambda t: (along(t), first(t), jax.jacfwd(first)(t)))
    ahead, behind = (whole(t)[0] for t in (h, -h))
    here, forward, second = whole(0.0)
    backward = jax.jit(jax.grad(slope, argnums=(0, 1, 2, 3)))(*data)
    np.testing.assert_allclose(forward, (ahead - behind) / (2 * h), rtol=1e-6)
    pairs = zip(backward, dots, strict=True)
    np.testing.assert_allclose(sum(float(g @ dot) for g, dot in pairs), forward, rtol=1e-12)
    np.testing.assert_allclose(second, (ahead - 2 * here + behind) / h**2, rtol=1e-4)


def test_derivatives_in_a_weight_of_0_are_those_of_refits():
    def params(w, z=Z, y=SOFT):
        return minimise_bce([1.0, z], y, weights=w, offset=Z / 3, ridge=0.1).params

    h, row = 1e-4, int(np.argmin(W))
    assert W[row] == 0
    here, near, far = (params(W + k * h * (np.arange(N) == row)) for k in range(3))
    got = jax.jacrev(params)(jnp.asarray(W))
    want = (4 * near - far - 3 * here) / (2 * h)  # from one side
    np.testing.assert_allclose(got[:, row], want, rtol=1e-5)
    hidden = (W == 0) & (np.arange(N) != row)
    z, y = (np.where(hidden, np.nan, each) for each in (Z, SOFT))
    again = jax.jacrev(params)(jnp.asarray(W), z, y)
    np.testing.assert_allclose(again[:, ~hidden], got[:, ~hidden], rtol=1e-12)
    assert np.all(np.isfinite(again))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-20, 20, width=32), min_size=N, max_size=N), st.integers(0, 2**32 - 1))
def test_wherever_it_says_converged_the_gradient_vanishes(z, seed):
    z, y = np.array(z), np.random.default_rng(seed).integers(0, 2, N).astype(float)
    fit = affine(z, y, np.ones(N))
    F = np.column_stack([np.ones(N), z])
    assert np.all(np.isfinite(fit.params))
    if fit.status == SolverStatus.CONVERGED:
        _, gradient = loss(F, y, np.ones(N))(np.asarray(fit.params))
        assert np.abs(gradient).max() < 1e-10 * (1 + np.abs(z).max())


@pytest.mark.parametrize(
    ("columns", "labels", "options", "message"),
    [
        ([], Y, {}, r"0 columns and labels \(30,\) came"),
        ([Z], Y[:, None], {}, r"1 columns and labels \(30, 1\) came"),
        ([Z[:3]], Y, {}, r"an array of shape \(3,\) came with labels \(30,\)"),
        ([Z], Y, {"weights": np.ones(3)}, r"an array of shape \(3,\) came"),
        ([Z], Y, {"offset": np.ones(3)}, r"an array of shape \(3,\) came"),
    ],
)
def test_bad_shapes_are_one_clear_line(columns, labels, options, message):
    with pytest.raises(ValueError, match=message):
        minimise_bce(columns, labels, **options)


def test_columns_whose_squares_overflow_are_not_called_converged():
    column = jnp.array([1e20, -1e20, 1.0, 0.0], jnp.float32)
    fit = minimise_bce([1.0, column], jnp.array([1, 0, 1, 0]))
    assert int(fit.status) == SolverStatus.DIVERGED
    assert jnp.isfinite(fit.params).all()
