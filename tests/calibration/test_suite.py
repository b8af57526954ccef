"""What every measure of calibration promises, whatever it measures."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.suite import MEASURES, SIZE, padded, sample

every_measure = pytest.mark.parametrize("name", MEASURES)


@functools.cache
def compiled(name):
    measure = MEASURES[name]
    return jax.jit(lambda labels, probs, weights, where: measure(
        labels, probs=probs, weights=weights, where=where
    ))  # fmt: skip


def measured(name, arguments, *, wide=True):
    """The leaves of a measure's result, each an array."""
    with jax.enable_x64(wide):
        dtype = np.float64 if wide else np.float32
        given = {
            key: each if each.dtype == bool else each.astype(dtype)
            for key, each in arguments.items()
        }
        return [np.asarray(leaf) for leaf in jax.tree.leaves(compiled(name)(**given))]


def assert_close(got, want, tolerance):
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@every_measure
@pytest.mark.parametrize("seed", [0, 1])
def test_weight_k_is_k_copies_and_weight_0_is_absence(name, seed):
    labels, probs, weights = sample(seed)
    copies = np.repeat(np.arange(len(labels)), weights.astype(int))
    want = measured(name, padded(labels[copies], probs[copies]))
    assert_close(measured(name, padded(labels, probs, weights)), want, 1e-9)


@every_measure
def test_order_does_not_matter(name):
    arguments = padded(*sample(2))
    shuffled = np.random.default_rng(0).permutation(SIZE)
    other = {key: each[shuffled] for key, each in arguments.items()}
    assert_close(measured(name, other), measured(name, arguments), 1e-9)


@every_measure
def test_float32_says_what_float64_says(name):
    arguments = padded(*sample(3))
    assert_close(measured(name, arguments, wide=False), measured(name, arguments), 2e-4)


@every_measure
@pytest.mark.parametrize("field", ["labels", "probs", "weights"])
def test_a_traced_value_that_cannot_be_taken_makes_nan(name, field):
    arguments = padded(*sample(4))
    arguments[field][5] = -1.0
    arguments["weights"][5] = arguments["weights"][5] or 1.0
    leaves = measured(name, arguments)
    numbers = [leaf for leaf in leaves if np.issubdtype(leaf.dtype, np.floating)]
    assert np.isnan(np.concatenate([np.ravel(each) for each in numbers])).any()


EDGES = {
    "one example": ([1.0], [0.7]),
    "one class": ([1.0] * 5, [0.1, 0.2, 0.3, 0.4, 0.5]),
    "one score": ([0.0, 1.0, 1.0, 0.0], [0.25] * 4),
    "certain and right": ([0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0]),
    "certain and wrong": ([0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.5, 0.5]),
}


@every_measure
@pytest.mark.parametrize("edge", EDGES)
def test_at_the_edges_eager_and_compiled_agree(name, edge):
    """A number or a stated nan or inf, the same both ways, and no exception."""
    arguments = padded(*(np.array(each, np.float32) for each in EDGES[edge]))
    with jax.enable_x64(False):
        given = dict(arguments)
        eager = jax.tree.leaves(MEASURES[name](given.pop("labels"), **given))
    assert_close([np.asarray(leaf) for leaf in eager], measured(name, arguments, wide=False), 1e-5)


@every_measure
def test_vmap_over_weights_is_the_loop(name):
    arguments = padded(*sample(5))
    rows = np.stack([arguments["weights"], np.roll(arguments["weights"], 3)])
    rows[:, :2] = 1

    def measure(weights):
        given = {key: each for key, each in arguments.items() if key not in ("labels", "weights")}
        return MEASURES[name](arguments["labels"], weights=weights, **given)

    with jax.enable_x64(False):
        batched = jax.tree.leaves(jax.vmap(measure)(jnp.asarray(rows)))
    for row, weights in enumerate(rows):
        one = measured(name, {**arguments, "weights": weights}, wide=False)
        assert_close([np.asarray(leaf[row]) for leaf in batched], one, 2e-5)
