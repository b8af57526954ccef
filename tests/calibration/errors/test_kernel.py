"""The kernel calibration error against the double sum, values and derivatives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.calibration.errors.kernel import decayed_sums, kernel_calibration_error

SIZE = 40


@functools.partial(jax.jit, static_argnums=(3, 4, 5))
def double_sum(labels, probs, weights, kernel, width, estimate):
    distance = probs[:, None] - probs
    if kernel == "laplacian":
        k = jnp.exp(-jnp.abs(distance) / width)
    else:
        k = jnp.exp(-(distance**2) / (2 * width**2))
    residual, total = labels - probs, weights.sum()
    pairs = (weights * residual) @ k @ (weights * residual)
    if estimate == "biased":
        return pairs / total**2
    return (pairs - (weights * residual**2).sum()) / (total * (total - 1))


def sample(seed=0, digits=8):
    rng = np.random.default_rng(seed)
    probs = np.round(rng.random(SIZE), digits)
    probs[:2] = 0, 1
    labels = np.round(rng.random(SIZE), 1)
    return labels, probs, rng.integers(0, 4, SIZE).astype(float)


@pytest.mark.parametrize(
    ("kernel", "estimate", "dtype"),
    [
        ("laplacian", "unbiased", np.float32),
        ("laplacian", "biased", np.float64),
        ("gaussian", "unbiased", np.float64),
        ("gaussian", "biased", np.float32),
    ],
)
@pytest.mark.parametrize("digits", [1, 8])
def test_is_the_double_sum(kernel, estimate, dtype, digits):
    """With ties and without; the bound of the docstring."""
    labels, probs, weights = (each.astype(dtype) for each in sample(1, digits))
    with jax.enable_x64(dtype == np.float64):
        got = _measured[kernel, estimate](labels, probs, weights)
    assert got.dtype == dtype
    exact = [np.float64(each) for each in (labels, probs, weights)]
    with jax.enable_x64(True):
        want = float(double_sum(*map(jnp.asarray, exact), kernel, 0.2, estimate))
    m = (exact[2] * np.abs(exact[0] - exact[1])).sum() / exact[2].sum()
    grid = (1 / 4096) ** 2 / (4 * 0.2**2) if kernel == "gaussian" else 0
    assert abs(float(got) - want) <= 1.1 * (grid + 40 * np.finfo(dtype).eps) * m**2


def _measure(labels, probs, weights, kernel, estimate):
    return kernel_calibration_error(
        labels, probs=probs, weights=weights, kernel=kernel, width=0.2, estimate=estimate
    )


_measured = {
    (k, e): jax.jit(functools.partial(_measure, kernel=k, estimate=e))
    for k in ("laplacian", "gaussian")
    for e in ("unbiased", "biased")
}


@pytest.mark.parametrize("kernel", ["laplacian", "gaussian"])
def test_gradient_is_that_of_the_double_sum(kernel):
    """In labels, probabilities and weights; the grid knows the slope of its kernel to h / width."""
    with jax.enable_x64(True):
        point = tuple(map(jnp.asarray, sample(2)))
        ours = jax.jit(jax.grad(lambda p: _measure(*p, kernel, "unbiased")))(point)
        plain = jax.jit(jax.grad(lambda p: double_sum(*p, kernel, 0.2, "unbiased")))(point)
    for got, want in zip(ours, plain, strict=True):
        scale = float(np.abs(want).max())
        exact = 1e-12 if kernel == "laplacian" else 1 / 4096 / 0.2
        np.testing.assert_allclose(got, want, rtol=0, atol=exact * scale)


def test_ties_pull_on_each_other_from_no_side():
    """Equal scores get the gradient of |p - p'| = 0 as 0, so equal examples get equal gradients."""
    labels = np.array([1.0, 0, 1, 1, 0])
    gradient = jax.jit(jax.grad(lambda p, y: kernel_calibration_error(y, probs=p)))
    for order in ([0, 1, 2, 3, 4], [2, 4, 3, 0, 1]):
        probs = np.array([0.5, 0.2, 0.5, 0.5, 0.9])[order]
        got = gradient(np.float32(probs), np.float32(labels[order]))
        of_tied = np.asarray(got)[np.argsort(order)][[0, 2, 3]]
        np.testing.assert_allclose(of_tied, of_tied[0], rtol=1e-5)
        # what the others pull by, and each residual's own share
        d = np.array([0.5, 0.2, 0.5, 0.5, 0.9])
        r = labels - d
        k = np.exp(-np.abs(d[0] - d) / 0.4)
        slope = -np.sign(d[0] - d) / 0.4 * k
        want = 2 * (-(r @ k - r[0]) + r[0] * (r @ slope)) / 20
        np.testing.assert_allclose(of_tied[0], want, rtol=1e-5)


def test_second_derivative_is_that_of_the_double_sum():
    with jax.enable_x64(True):
        labels, probs, weights = map(jnp.asarray, sample(3))
        way = jnp.asarray(np.random.default_rng(3).standard_normal(SIZE))

        def along(measure):
            gradient = jax.grad(lambda p: measure(labels, p, weights))
            return jax.jit(lambda p: jax.jvp(gradient, [p], [way])[1])(probs)

        got = along(functools.partial(_measure, kernel="laplacian", estimate="biased"))
        want = along(lambda y, p, w: double_sum(y, p, w, "laplacian", 0.2, "biased"))
        np.testing.assert_allclose(got, want, atol=1e-11)


def test_is_half_of_the_tensor_product_of_two_classes():
    """CalibrationErrors.jl's: residual vectors (r, -r), and the mean over pairs i != j."""
    labels, probs, _ = sample(5)
    vectors = np.stack([labels - probs, probs - labels], axis=1)
    k = np.exp(-np.abs(probs[:, None] - probs) / 0.2)
    np.fill_diagonal(k, 0)
    theirs = np.sum(k * (vectors @ vectors.T)) / (SIZE * (SIZE - 1))
    got = _measured["laplacian", "unbiased"](*np.float32([labels, probs, np.ones(SIZE)]))
    np.testing.assert_allclose(got, theirs / 2, rtol=1e-5)


def test_one_example_has_no_pairs():
    def measured(form, *weights):
        weights = np.pad(np.float32(weights), (0, SIZE - len(weights)))
        labels, probs = np.float32(np.arange(SIZE) == 0), np.full(SIZE, 0.5, np.float32)
        return _measured[form](labels, probs, weights)

    assert np.isnan(measured(("laplacian", "unbiased"), 1))
    np.testing.assert_allclose(measured(("gaussian", "biased"), 1), 0.25, rtol=1e-6)
    assert np.isnan(measured(("laplacian", "unbiased"), 0.5, 0.5))


@pytest.mark.parametrize("n", [1, 60])
def test_decayed_sums_are_the_recurrence(n):
    rng = np.random.default_rng(n)
    values, decays = rng.standard_normal(n), rng.random(n)
    held, want = 0.0, []
    for k in range(n):
        held = (held + values[k - 1]) * decays[k] if k else 0.0
        want.append(held)
    with jax.enable_x64(True):
        got = jax.jit(decayed_sums)(values, decays)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel": "linear"}, "kernel 'linear' is not one of 'laplacian', 'gaussian'"),
        ({"estimate": "block"}, "estimate 'block' is not one of 'unbiased', 'biased'"),
        ({"width": 0.0}, r"width is 0\.0; it must be finite and > 0"),
        ({"width": float("nan")}, "width is nan"),
    ],
)
def test_refuses_in_one_line(change, message):
    with pytest.raises(ValueError, match=message):
        kernel_calibration_error([0, 1], probs=[0.5, 0.5], **change)
