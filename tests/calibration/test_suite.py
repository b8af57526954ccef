"""What every measure of calibration promises, whatever it measures."""

import functools

import jax
import numpy as np
import pytest
from calibration.suite import MEASURES, SIZE, padded, sample

every_measure = pytest.mark.parametrize("name", MEASURES)


@functools.cache
def compiled(name, *, rows=False):
    """A measure as one program, of one set of examples or of rows of them."""

    def measure(arguments):
        given = dict(arguments)
        return MEASURES[name](given.pop("labels"), **given)

    return jax.jit(jax.vmap(measure) if rows else measure)


def measured(name, arguments):
    """The leaves of a measure's result in float32, each an array."""
    with jax.enable_x64(False):
        return [np.asarray(leaf) for leaf in jax.tree.leaves(compiled(name)(arguments))]


def both(name, *arguments):
    """The leaves for each of two sets of examples, in float64 and in one program."""
    with jax.enable_x64(True):
        rows = jax.tree.map(lambda *each: np.stack(each).astype(
            bool if each[0].dtype == bool else np.float64
        ), *arguments)  # fmt: skip
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(compiled(name, rows=True)(rows))]
    return [[leaf[row] for leaf in leaves] for row in range(2)]


def assert_close(got, want, tolerance):
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def is_nan_somewhere(leaves):
    """Whether any floating number of a result is nan."""
    return any(np.isnan(leaf).any() for leaf in leaves if np.issubdtype(leaf.dtype, np.floating))


@every_measure
@pytest.mark.parametrize("seed", [0, 1])
def test_weight_k_is_k_copies_and_weight_0_is_absence(name, seed):
    labels, probs, weights = sample(seed)
    copies = np.repeat(np.arange(len(labels)), weights.astype(int))
    of_copies = padded(labels[copies], probs[copies])
    assert_close(*both(name, padded(labels, probs, weights), of_copies), 1e-9)


@every_measure
def test_order_does_not_matter(name):
    arguments = padded(*sample(2))
    shuffled = np.random.default_rng(0).permutation(SIZE)
    other = {key: each[shuffled] for key, each in arguments.items()}
    assert_close(*both(name, other, arguments), 1e-9)


@every_measure
def test_float32_says_what_float64_says_and_vmap_what_the_loop(name):
    sets = padded(*sample(3)), padded(*sample(5))
    rounding = SIZE * float(np.finfo(np.float32).eps)  # each term of a sum is rounded once
    for row, arguments in zip(both(name, *sets), sets, strict=True):
        assert_close(measured(name, arguments), row, rounding)


@every_measure
@pytest.mark.parametrize("field", ["labels", "probs", "weights"])
def test_a_traced_value_that_cannot_be_taken_makes_nan(name, field):
    arguments = padded(*sample(4))
    arguments[field][5] = -1.0
    arguments["weights"][5] = arguments["weights"][5] or 1.0
    assert is_nan_somewhere(measured(name, arguments))


@every_measure
@pytest.mark.parametrize("weight", [3e38, 3e37])  # two have no sum; all twenty have none
def test_traced_weights_whose_sum_overflows_make_nan(name, weight):
    arguments = padded(*sample(4))
    assert is_nan_somewhere(measured(name, arguments | {"weights": np.full(SIZE, weight, "f4")}))


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
    assert_close([np.asarray(leaf) for leaf in eager], measured(name, arguments), 1e-5)


@every_measure
def test_weights_alone_may_be_mapped(name):
    """What is not mapped is concrete, and checked as such beside weights that are traced."""
    arguments = padded(*sample(5))
    rows = np.stack([arguments.pop("weights")] * 2)
    labels = arguments.pop("labels")
    batched = jax.vmap(lambda weights: MEASURES[name](labels, weights=weights, **arguments))
    with jax.enable_x64(False):
        shapes = jax.tree.leaves(jax.eval_shape(batched, rows))
    one = measured(name, {"labels": labels, "weights": rows[0], **arguments})
    assert [each.shape for each in shapes] == [(2, *leaf.shape) for leaf in one]
