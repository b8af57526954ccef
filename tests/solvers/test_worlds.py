"""NumPy's world does what JAX's does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import monitoring

from bcejax.solvers.worlds import JAX, NUMPY, in_float64, world_of

LOGITS = np.concatenate([np.linspace(-700, 700, 401), [0.0, 1e-300, -1e-9, 40.0, -40.0]])


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def test_the_world_is_that_of_the_array():
    assert world_of(np.float64(1)) is world_of(np.zeros(2)) is NUMPY
    assert world_of(jnp.zeros(2)) is world_of(1.0) is JAX
    assert jax.jit(lambda x: x + (world_of(x) is JAX))(1) == 2


@pytest.mark.parametrize("label", [0.0, 0.3, 1.0])
def test_losses_and_their_derivatives_are_those_of_jax(label):
    labels = np.full_like(LOGITS, label)
    for name in ("losses", "slopes"):
        got = getattr(NUMPY, name)(LOGITS, labels)
        want = getattr(JAX, name)(jnp.asarray(LOGITS), jnp.asarray(labels))
        np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-15 if label == 0.3 else 1e-300)
    want = JAX.bends(jnp.asarray(LOGITS))
    np.testing.assert_allclose(NUMPY.bends(LOGITS), want, rtol=1e-14)


def test_loops_and_branches_are_those_of_jax():
    for world in (NUMPY, JAX):
        xp = world.xp
        end = world.while_loop(lambda n: n < 100, lambda n: 3 * n, xp.asarray(2))
        assert end == 162
        assert world.cond(xp.asarray(True), lambda: 1, lambda: 2) == 1
        terms = xp.arange(12.0).reshape(4, 3)
        for count in (1, 4):
            total = world.add_up(lambda i, terms=terms: terms[i], count)
            np.testing.assert_array_equal(total, terms[:count].sum(0))


def test_factors_are_those_of_jax_and_nan_where_there_is_none():
    half = np.random.default_rng(0).normal(size=(5, 5))
    right = half[0]
    for world in (NUMPY, JAX):
        factor = world.cholesky(world.xp.asarray(half @ half.T))
        np.testing.assert_allclose(factor @ factor.T, half @ half.T, rtol=1e-12, atol=1e-12)
        for transposed in (False, True):
            solved = world.solve_lower(factor, world.xp.asarray(right), transposed)
            back = (factor.T if transposed else factor) @ solved
            np.testing.assert_allclose(back, right, rtol=1e-9, atol=1e-12)
        nowhere = world.cholesky(-world.xp.eye(2))
        assert np.isnan(np.asarray(nowhere)[0, 0])
        assert np.isnan(world.solve_lower(nowhere, world.xp.ones(2), False)).all()


def test_a_function_with_constants_is_one_program():
    compiled = []

    def listen(event, _, **__):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(event)

    monitoring.register_event_duration_secs_listener(listen)
    # shapes that no other test has, which may have compiled their constants
    in_float64(jax.jit(lambda x: x @ jnp.eye(37) + jnp.arange(37.0)), np.ones(37))
    monitoring.unregister_event_duration_listener(listen)
    assert len(compiled) == 1


def test_arrays_that_a_compiled_function_closes_over_keep_their_digits():
    inputs = np.random.default_rng(0).normal(size=(40, 5)) + 1 / 3
    with jax.enable_x64(False):
        known = jax.jit(lambda b: inputs @ b)  # JAX remembers as long as this lives
        known(jnp.ones(5))
        doubled = in_float64(jax.jit(lambda x: 2 * x), inputs)
    assert doubled.dtype == np.float64
    np.testing.assert_array_equal(doubled, 2 * inputs)
