"""Ordering: ties, the two ways to sort, and sums that neither stop nor drift."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.extend.core import jaxprs_in_params

from bcejax.calibration import isotonic_regression
from bcejax.calibration.ordering import ascending, run_sums

SCORES = np.array([0.5, -0.0, 0.5, np.inf, 0.0, -np.inf, 0.25, 0.5])


@pytest.mark.parametrize("call", [ascending, jax.jit(ascending)], ids=["eager", "traced"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_equal_scores_are_one_group_that_ends_once(call, dtype):
    with jax.enable_x64(dtype == "float64"):
        ordering = call(jnp.asarray(SCORES, dtype))
    np.testing.assert_array_equal(SCORES[ordering.order], np.sort(SCORES))
    np.testing.assert_array_equal(ordering.group, [0, 1, 1, 2, 3, 3, 3, 4])
    np.testing.assert_array_equal(ordering.last, [1, 0, 1, 1, 0, 0, 1, 1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_ways_to_sort_give_the_same_order(dtype):
    scores = np.random.default_rng(0).standard_cauchy(500).astype(dtype)
    scores[::7] = np.round(scores[::7])
    with jax.enable_x64(dtype == "float64"):
        eager, traced = (call(jnp.asarray(scores)) for call in (ascending, jax.jit(ascending)))
    np.testing.assert_array_equal(scores[eager.order], np.sort(scores))
    np.testing.assert_array_equal(scores[traced.order], np.sort(scores))
    np.testing.assert_array_equal(eager.group, traced.group)


def test_sums_of_groups_go_back_to_the_examples():
    ordering = ascending(jnp.array([0.5, 0.1, 0.5, 0.3]))
    sums = ordering.per_group(jnp.array([[1.0, 0.0], [2.0, 1.0], [4.0, 0.0], [8.0, 0.0]]))
    np.testing.assert_array_equal(sums, [[2, 1], [8, 0], [5, 0], [0, 0]])
    np.testing.assert_array_equal(ordering.to_examples(sums[:, 0]), [5, 2, 5, 8])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), min_size=50, max_size=50), st.integers(0, 2**32 - 1))
def test_sums_of_runs_are_brute_force(steps, seed):
    runs = np.cumsum(steps) - steps[0]
    values = np.random.default_rng(seed).integers(-9, 9, 50).astype(np.float32)
    want = np.bincount(runs, values, minlength=50)
    np.testing.assert_array_equal(run_sums(jnp.asarray(values), jnp.asarray(runs, jnp.int32)), want)


def test_a_long_sum_does_not_drift():
    n = 1_000_000
    sums = run_sums(jnp.full(n, 0.1, jnp.float32), jnp.zeros(n, jnp.int32))
    exact = n * float(np.float32(0.1))
    assert abs(float(sums[0]) - exact) < 2 * (np.sqrt(n) + 2) * 2**-24 * exact
    assert not sums[1:].any()


@pytest.mark.parametrize("batched", ["labels", "weights"])
def test_a_vmap_over_labels_or_weights_sorts_once(batched):
    """The order depends on the scores alone, so no sort in the program has a batch axis."""
    y, w = jnp.ones((3, 7)), jnp.ones((3, 7))
    axes = (0, None) if batched == "labels" else (None, 0)
    args = (y, w[0]) if batched == "labels" else (y[0], w)
    fit = jax.vmap(lambda y, w, p: isotonic_regression(y, probs=p, weights=w), (*axes, None))
    sorts = _shapes_of_sorts(jax.make_jaxpr(fit)(*args, jnp.linspace(0, 1, 7)).jaxpr)
    assert sorts == [(7,)]


def _shapes_of_sorts(jaxpr):
    found = []
    for equation in jaxpr.eqns:
        if equation.primitive.name == "sort":
            found.append(equation.invars[0].aval.shape)
        for inner in jaxprs_in_params(equation.params):
            found += _shapes_of_sorts(inner)
    return found
