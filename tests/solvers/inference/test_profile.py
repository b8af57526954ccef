"""Profile intervals against refits in NumPy, published values and what separation leaves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2
from solvers.separated_data import (
    ENDOMETRIAL_COEFFICIENTS,
    ENDOMETRIAL_ENDS,
    SEX2_COEFFICIENTS,
    SEX2_ENDS,
    endometrial,
    sex2,
)

from bcejax.solvers import SolverStatus, fit_logistic
from bcejax.solvers.inference import profile_intervals, wald_intervals

N, D = 20, 2
RNG = np.random.default_rng(3)
X = np.column_stack([RNG.normal(size=N), RNG.normal(40, 5, N)])
MIXED = (RNG.random(N) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
SOFT = np.clip(RNG.random(N), 0.1, 0.9)
W = RNG.integers(0, 4, N).astype(float)
OFFSET = RNG.normal(size=N)
THRESHOLD = chi2.ppf(0.95, 1)


def least(F, y, w, o, ridge):
    """The least of V, by Newton from 0 with halved steps."""

    def value(b):
        x = o + F @ b
        return w @ (np.logaddexp(0, x) - y * x) + ridge @ b**2 / 2

    b = np.zeros(F.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(o + F @ b, -700, 700)))
        g = F.T @ (w * (p - y)) + ridge * b
        h = (F.T * (w * p * (1 - p))) @ F + np.diag(ridge + 1e-12)
        step, size = -np.linalg.solve(h, g), 1.0
        while value(b + size * step) > value(b) + 1e-13 and size > 1e-9:
            size /= 2
        b = b + size * step
    return value(b)


def deviance(t, j, y, w=1.0, o=0.0, ridge=0.0):
    """D(t) of b_j."""
    F, w, o = np.column_stack([X, np.ones(N)]), w * np.ones(N), o * np.ones(N)
    F = F / (scale := np.array([1, 40, 1]))
    ridge = ridge * np.array([1, 1, 0]) / scale**2
    others = np.arange(D + 1) != j
    at = t * scale[j]
    held = least(F[:, others], y, w, o + at * F[:, j], ridge[others]) + ridge[j] * at**2 / 2
    return 2 * (held - least(F, y, w, o, ridge))


CASES = {
    "mixed": (MIXED, {}),
    "soft labels, counts, offset": (SOFT, {"weights": W, "offset": OFFSET}),
    "ridge": (MIXED, {"l2": 0.2}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_ends_are_where_the_deviance_crosses(case):
    labels, options = case
    ends = profile_intervals(fit_logistic(X, labels, **options), X, labels, **options)
    assert ends.lower.dtype == np.float64
    assert np.all(ends.status == SolverStatus.CONVERGED)
    w, o = options.get("weights", 1.0), options.get("offset", 0.0)
    ridge = N * options.get("l2", 0.0)
    for j in range(D + 1):
        for end in (ends.lower[j], ends.upper[j]):
            found = deviance(end, j, labels, w, o, ridge)
            np.testing.assert_allclose(found, THRESHOLD, rtol=1e-8)


def test_columns_far_from_0_keep_their_digits():
    near = profile_intervals(fit_logistic(X, MIXED), X, MIXED)
    away = X + np.array([1e6, 0])  # its deviation is about 1
    ends = profile_intervals(fit_logistic(away, MIXED), away, MIXED)
    np.testing.assert_allclose(ends.lower[:D], near.lower[:D], rtol=1e-6)
    np.testing.assert_allclose(ends.upper[:D], near.upper[:D], rtol=1e-6)
    # the intercept there is the one here, which is some 10, less 1e6 times the coefficient
    np.testing.assert_allclose(ends.lower[D], -1e6 * near.upper[0], rtol=1e-3)
    np.testing.assert_allclose(ends.upper[D], -1e6 * near.lower[0], rtol=1e-3)


def test_with_many_examples_they_are_walds():
    counts = np.full(N, 1e6)
    fit = fit_logistic(X, SOFT, weights=counts)
    ends = profile_intervals(fit, X, SOFT, weights=counts)
    wald = wald_intervals(fit, X, SOFT, weights=counts)
    width = wald.upper - wald.lower
    assert np.all(np.abs(ends.lower - wald.lower) < 1e-3 * width)
    assert np.all(np.abs(ends.upper - wald.upper) < 1e-3 * width)


def test_a_separated_coefficient_has_one_end():
    labels = (X[:, 0] > 0.1).astype(float)
    fit = fit_logistic(X, labels)
    assert fit.status == SolverStatus.SEPARATED
    ends = profile_intervals(fit, X, labels)
    assert ends.upper[0] == np.inf
    np.testing.assert_allclose(deviance(ends.lower[0], 0, labels), THRESHOLD, rtol=1e-6)
    assert deviance(ends.lower[0] + 40, 0, labels) < 1e-3  # no end ahead


def test_one_class_bounds_the_intercept_alone():
    """Ten examples where x = 0 say all about it: 2 10 log(1 + exp(c)) = z^2."""
    inputs = np.concatenate([np.zeros((10, D)), np.abs(X[:10])])
    ends = profile_intervals(fit_logistic(inputs, np.zeros(N)), inputs, np.zeros(N))
    np.testing.assert_array_equal(ends.lower, -np.inf)
    np.testing.assert_array_equal(ends.upper[:D], np.inf)
    np.testing.assert_allclose(ends.upper[D], np.log(np.expm1(THRESHOLD / 20)), rtol=1e-6)


def test_what_dependent_columns_leave_open_has_no_end():
    twice = np.column_stack([X[:, 0], 2 * X[:, 0]])
    fit = fit_logistic(twice, MIXED)
    assert fit.status == SolverStatus.SINGULAR
    ends = profile_intervals(fit, twice, MIXED)
    np.testing.assert_array_equal(ends.lower[:D], -np.inf)
    np.testing.assert_array_equal(ends.upper[:D], np.inf)
    assert np.isfinite([ends.lower[D], ends.upper[D]]).all()


@pytest.mark.parametrize("data", ["sex2", "endometrial"])
def test_firths_are_those_of_logistf(data):
    """Both in 79 rows and 6 columns, for one program; columns of 0 have no say."""
    full, labels, counts = np.zeros((79, 6)), np.zeros(79), np.zeros(79)
    if data == "sex2":
        (inputs, some, many), known, wanted = sex2(), SEX2_COEFFICIENTS, SEX2_ENDS
    else:
        (inputs, some), known, wanted = endometrial(), ENDOMETRIAL_COEFFICIENTS, ENDOMETRIAL_ENDS
        many = np.ones(79)
    n, d = inputs.shape
    full[:n, :d], labels[:n], counts[:n] = inputs, some, many
    assert fit_logistic(full, labels, weights=counts).status == SolverStatus.SEPARATED
    fit = fit_logistic(full, labels, weights=counts, firth=True)
    assert fit.status == (SolverStatus.CONVERGED if d == 6 else SolverStatus.SINGULAR)
    np.testing.assert_allclose([*fit.coefficients[:d], fit.intercept], known, atol=2e-8)
    ends = profile_intervals(fit, full, labels, weights=counts, firth=True)
    found = np.stack([ends.lower, ends.upper], 1)
    # logistf stops its search when the ends move by less than 1e-5
    np.testing.assert_allclose(found[[*range(d), 6]], wanted, rtol=1e-5)
    assert np.all(np.isinf(found[d:6]))


def test_jit_and_vmap_in_jaxs_world():
    """float32 under a flag of either kind, many data sets at once, some params only."""
    inputs, draws = jnp.asarray(X, jnp.float32), (RNG.random((3, N)) < 0.5).astype(float)
    fits = [fit_logistic(X, labels) for labels in draws]
    whole = [profile_intervals(fit, X, y) for fit, y in zip(fits, draws, strict=True)]

    @jax.jit
    @jax.vmap
    def ends_of(fit, labels):
        return profile_intervals(fit, inputs, labels, params=[0])

    together = jax.tree.map(lambda *each: jnp.stack(each), *fits)
    batch = ends_of(together, jnp.asarray(draws, jnp.float32))
    assert batch.lower.shape == (3, 1)
    assert batch.lower.dtype == jnp.float32
    for k, one in enumerate(whole):
        np.testing.assert_allclose(batch.lower[k, 0], one.lower[0], rtol=2e-3)
        np.testing.assert_allclose(batch.upper[k, 0], one.upper[0], rtol=2e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence": 95}, "confidence 95 does not lie between 0 and 1"),
        ({"params": [3]}, r"params \[3\] must be positions from 0 to 2"),
        ({"weights": -W}, "weights must be finite and >= 0"),
    ],
)
def test_bad_arguments_are_one_clear_line(options, message):
    fit = fit_logistic(X, MIXED)
    with pytest.raises(ValueError, match=message):
        profile_intervals(fit, X, MIXED, **options)
