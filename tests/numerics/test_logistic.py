import jax
import jax.numpy as jnp
import numpy as np
import pytest
from losses.ways import each
from reference import closed_form, hard_logits, x64_for

from bcejax.analysis import exact_values, extended, settle, ulp_error, worst
from bcejax.numerics import (
    bernoulli_variance,
    scaled_logistic,
    sigmoid,
    softplus,
    tanh_half,
    unlikely,
)

DTYPES = [np.float32, np.float64]
# name, function, quantity of the oracle at label 0, bound in ulp
FUNCTIONS = [
    ("softplus", softplus, "value", 3),
    ("sigmoid", sigmoid, "gradient", 1),
    ("variance", bernoulli_variance, "hessian", 2.5),
    ("sigmoid'", jax.vmap(jax.grad(sigmoid)), "hessian", 2.5),
    ("softplus''", jax.vmap(jax.grad(jax.grad(softplus))), "hessian", 2.5),
    ("variance'", jax.vmap(jax.grad(bernoulli_variance)), "third", 5),
]


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("row", FUNCTIONS, ids=lambda row: row[0])
def test_within_bound_of_exact(row, dtype, jit):
    _, f, quantity, bound = row
    x = hard_logits(dtype, 1200)
    with x64_for(dtype):
        got = np.asarray((jax.jit(f) if jit else f)(x))
    assert worst(got, exact_values(quantity, x, 0.0), x).error <= bound


@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh_half_within_2_5_ulp(dtype):
    x = hard_logits(dtype, 1200)
    with x64_for(dtype):
        got = np.asarray(jax.jit(tanh_half)(x))
    truth = [settle(lambda mp, v=v: [mp.tanh(mp.mpf(float(v)) / 2)]) for v in x]
    assert worst(got, extended(truth, x.shape), x).error <= 2.5


@pytest.mark.parametrize("dtype", DTYPES)
def test_scaled_logistic_within_3_ulp_and_its_gradients(dtype):
    x = hard_logits(dtype, 1200)
    a, b = np.exp(np.random.default_rng(0).uniform(-7, 7, (2, x.size))).astype(dtype)
    with x64_for(dtype):
        value, slopes = jax.jit(each(jax.value_and_grad(scaled_logistic, (0, 1, 2))))(x, a, b)
    wide_x, wide_a, wide_b = (v.astype(np.longdouble) for v in (x, a, b))
    ratio = 1 / (wide_a + wide_b * np.exp(-wide_x))
    other = 1 / (wide_b + wide_a * np.exp(wide_x))
    truth = ratio, ratio * wide_b * other, -ratio * ratio, -ratio * other
    for got, exact, bound in zip((value, *slopes), truth, (3, 4, 6, 4), strict=True):
        normal = np.abs(exact) >= 4 * np.finfo(dtype).tiny
        assert normal.mean() > 0.9
        assert ulp_error(np.asarray(got), exact)[normal].max() <= bound


def test_unlikely_and_what_its_rounding_lost():
    x = hard_logits(np.float32, 400_000)
    prob, rest = map(np.asarray, jax.jit(unlikely)(x))
    truth = closed_form("sigmoid", -np.abs(x), 0)
    unit = np.spacing(truth.astype(np.float32)).astype(np.longdouble)
    normal = truth > 2.0**-100  # below, the rest itself is flushed
    assert (np.abs(prob - truth) / unit).max() <= 0.8
    both = prob.astype(np.longdouble) + rest
    assert (np.abs(both - truth) / unit)[normal].max() <= 0.3


@pytest.mark.parametrize(
    ("name", "f", "quantity", "bound"), FUNCTIONS[:3], ids=lambda v: str(v)[:8]
)
def test_dense_float32_sample(name, f, quantity, bound):
    x = hard_logits(np.float32, 400_000, seed=2)
    got = np.asarray(jax.jit(f)(x))
    assert worst(got, closed_form(quantity, x, 0).astype(np.float64), x).error <= bound


@pytest.mark.parametrize("dtype", DTYPES)
def test_edges_and_symmetry(dtype):
    with x64_for(dtype):
        x = jnp.array([-np.inf, np.inf, np.nan, 0.0], dtype)
        np.testing.assert_array_equal(sigmoid(x), [0, 1, np.nan, 0.5])
        np.testing.assert_array_equal(softplus(x)[:3], [0, np.inf, np.nan])
        np.testing.assert_array_equal(bernoulli_variance(x), [0, 0, np.nan, 0.25])
        np.testing.assert_array_equal(tanh_half(x), [-1, 1, np.nan, 0])
        four, none = jnp.full(3, 4, dtype), jnp.zeros(3, dtype)
        np.testing.assert_array_equal(scaled_logistic(x[:3], four, none), [0.25, 0.25, np.nan])
        most, nothing = float(np.finfo(dtype).max), (x[1], none[0], none[0])
        assert scaled_logistic(*nothing) == most
        assert jax.grad(scaled_logistic, (0, 1, 2))(*nothing) == (0, -most, -most)
        for f in (sigmoid, softplus, bernoulli_variance, tanh_half):
            slope = f
            for _ in range(4):
                slope = jax.grad(slope)
                assert np.isfinite(jax.vmap(slope)(x[jnp.array([0, 1, 3])])).all()
                assert np.isnan(slope(x[2]))
        y = jnp.asarray(hard_logits(dtype, 400))
        np.testing.assert_array_equal(bernoulli_variance(y), bernoulli_variance(-y))
        np.testing.assert_array_equal(tanh_half(y), -tanh_half(-y))


def test_fourth_derivative_keeps_its_absolute_error():
    """d^3 sigmoid = h (1 - 6 h); its zeros are irrational, so the error is absolute."""
    x = hard_logits(np.float32, 1200)
    third = jax.jit(jax.vmap(jax.grad(jax.grad(jax.grad(sigmoid)))))
    error = np.abs(np.asarray(third(x), np.float64) - exact_values("fourth", x, 0.0).float64())
    h = closed_form("hessian", x, 0).astype(np.float64)
    n = 4
    tiny = 2.0**-126
    assert (error <= (2 * n + 1) * 2.0**-24 * h * (1 + 6 * h) + tiny).all()
