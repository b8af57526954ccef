"""Every way to a derivative gives it; a wrong rule is seen by the ways that use it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.analysis import gradients_of, hessian_products_of, hessians_of, ulp_error


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


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_all_ways_agree_with_the_closed_form(dtype):
    with jax.enable_x64(True):
        x = jnp.asarray(POINT, dtype)
        v = jnp.asarray([1, -2, 0, 0], dtype)
        gradient, hessian = closed_forms(np.asarray(x).astype(np.float64))
        for name, each in gradients_of(cubic).items():
            assert each(x).dtype == dtype
            assert ulp_error(each(x), gradient).max() <= 3, name
        for name, each in hessians_of(cubic).items():
            assert ulp_error(jax.jit(each)(x), hessian).max() <= 1, name
        for name, each in hessian_products_of(cubic).items():
            want = hessian @ np.asarray(v).astype(np.float64)
            assert ulp_error(each(x, v), want).max() <= 3, name


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
