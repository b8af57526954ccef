"""Every way to a derivative gives it; a wrong rule is seen by the ways that use it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.analysis import (
    gradients_of,
    hessian_products_of,
    hessians_of,
    logistic_gradient,
    logistic_hessian,
    ulp_error,
)
from bcejax.losses import bce_with_logits


def cubic(x):
    """Its derivatives have at most two terms, so every way must give them to one unit."""
    return jnp.sum(x**3) / 3 + x[0] * x[1] * x[2]


POINT = np.array([0.7, -1.3, 2.1, 0.4])


def closed_forms(x):
    a, b, c, _ = x
    gradient = x**2 + np.array([b * c, a * c, a * b, 0])
    hessian = np.diag(2 * x)
    hessian[[0, 0, 1, 1, 2, 2], [1, 2, 0, 2, 0, 1]] = c, b, c, a, b, a
    return gradient, hessian


def together(ways, *point):
    """Name to value, compiled as one."""
    return jax.jit(lambda *at: {name: way(*at) for name, way in ways.items()})(*point)


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_all_ways_agree_with_the_closed_form(dtype):
    with jax.enable_x64(True):
        x = jnp.asarray(POINT, dtype)
        v = jnp.asarray([1, -2, 0, 0], dtype)
        gradient, hessian = closed_forms(np.asarray(x).astype(np.float64))
        for name, got in together(gradients_of(cubic), x).items():
            assert got.dtype == dtype
            assert ulp_error(got, gradient).max() <= 3, name
        for name, got in together(hessians_of(cubic), x).items():
            assert ulp_error(got, hessian).max() <= 1, name
        for name, got in together(hessian_products_of(cubic), x, v).items():
            assert ulp_error(got, hessian @ np.asarray(v).astype(np.float64)).max() <= 3, name


@jax.custom_jvp
def halved(x):
    return x**2


@halved.defjvp
def _halved_jvp(primals, tangents):
    return halved(primals[0]), primals[0] * tangents[0]  # 2 x on paper


def test_a_wrong_rule_shows_in_every_mode():
    x = jnp.array([3.0])
    for name, each in gradients_of(lambda x: halved(x[0])).items():
        assert each(x) == 3, name  # and not 6: no way is a finite difference


def test_the_names_are_distinct_functions():
    assert len(gradients_of(cubic)) == 7
    assert len(hessians_of(cubic)) == 6
    assert len(hessian_products_of(cubic)) == 3


def test_logistic_regression_through_our_loss_is_its_closed_form():
    """Within n + d + 20 roundings of the sums of absolute terms, in every mode."""
    rng = np.random.default_rng(0)
    n, d = 40, 3
    X, y = rng.normal(size=(n, d)), rng.integers(0, 2, n).astype(float)
    b, v = rng.normal(size=d + 1), rng.normal(size=d + 1)
    design = np.abs(np.column_stack([X, np.ones(n)]))
    bound = (n + d + 20) * 2.0**-52

    def mean_loss(params):
        return jnp.mean(bce_with_logits(X @ params[:-1] + params[-1], y))

    with jax.enable_x64(True):
        params, direction = jnp.array(b), jnp.array(v)
        gradients = together(gradients_of(mean_loss), params)
        hessians = together(hessians_of(mean_loss), params)
        products = together(hessian_products_of(mean_loss), params, direction)
    want = logistic_gradient(X, y, b[:-1], b[-1])
    for name, got in gradients.items():
        assert np.all(np.abs(np.asarray(got) - want) <= bound * design.mean(0)), name
    want = logistic_hessian(X, y, b[:-1], b[-1])
    size = design.T @ design / n / 4
    for name, got in hessians.items():
        assert np.all(np.abs(np.asarray(got) - want) <= bound * size), name
    for name, got in products.items():
        assert np.all(np.abs(np.asarray(got) - want @ v) <= bound * (size @ np.abs(v))), name
