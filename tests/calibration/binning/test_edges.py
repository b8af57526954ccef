"""The edge rule on tenths, beside the edges and for logits, against rational numbers and mpmath."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from bcejax.analysis import ulp_error
from bcejax.calibration.binning.edges import bin_edges, bin_index, logit_edges, place
from bcejax.calibration.binning.rules import bin_rule
from bcejax.calibration.examples import as_examples

dtypes = pytest.mark.parametrize("dtype", [np.float16, jnp.bfloat16, np.float32, np.float64])
sides = pytest.mark.parametrize("closed", ["left", "right"])


index_of = jax.jit(bin_index, static_argnums=2)
placed = jax.jit(place, static_argnums=1)


def counts(closed, bins, **scores):
    (n,) = next(iter(scores.values())).shape
    index, edges = placed(as_examples(np.zeros(n), **scores), bin_rule(bins, "width", closed))
    return np.bincount(index, minlength=len(edges) - 1)


@dtypes
def test_tenths_belong_to_their_bins(dtype):
    with jax.enable_x64(True):
        tenths = np.array([k / 10 for k in range(11)], dtype)
        inner = bin_edges(10, dtype)[1:-1]
        left, right = (index_of(tenths, inner, closed) for closed in ("left", "right"))
        np.testing.assert_array_equal(left, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9])
        np.testing.assert_array_equal(right, [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        np.testing.assert_array_equal(counts("left", 10, probs=tenths), [1] * 9 + [2])
        np.testing.assert_array_equal(counts("right", 10, probs=tenths), [2] + [1] * 9)


@dtypes
@sides
def test_neighbours_of_an_edge_belong_to_either_side(dtype, closed):
    with jax.enable_x64(True):
        edges = bin_edges(10, dtype)
        inner = edges[1:-1]
        below = np.nextafter(inner, np.zeros_like(inner))
        above = np.nextafter(inner, np.ones_like(inner))
        np.testing.assert_array_equal(index_of(below, inner, closed), np.arange(9))
        np.testing.assert_array_equal(index_of(above, inner, closed), np.arange(1, 10))


@pytest.mark.parametrize("bins", [2, 7, 10, 15, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_edges_of_logits_are_exact_and_odd(bins, dtype):
    with mpmath.workprec(200):
        exact = [mpmath.log(mpmath.mpf(k) / (bins - k)) for k in range(1, bins)]
    edges = logit_edges(bins, dtype)
    assert ulp_error(edges, np.array(exact, object)).max() <= (1 if dtype == np.float64 else 0.501)
    np.testing.assert_array_equal(edges, -edges[::-1])


@sides
@pytest.mark.parametrize(("bins", "dtype"), [(7, np.float32), (10, np.float64), (15, np.float32)])
def test_logits_fall_where_their_exact_probability_does(bins, dtype, closed):
    """Beside an edge and far from all; on an edge the rule decides."""
    inner = logit_edges(bins, dtype)
    rng = np.random.default_rng(0)
    beside = [inner * (1 + s * 4 * np.finfo(dtype).eps) for s in (-1, 1)]
    logits = np.concatenate([*beside, rng.normal(0, 3, 200), [1e-30, -1e-30, 20, 100, -100]])
    logits = np.array([x for x in logits.astype(dtype) if x not in inner])
    with mpmath.workprec(200), jax.enable_x64(True):
        exact = [mpmath.floor(bins / (1 + mpmath.exp(-mpmath.mpf(float(x))))) for x in logits]
        got = index_of(logits, inner, closed)
        np.testing.assert_array_equal(got, np.array(exact, float))
        on_edge = index_of(inner, inner, closed)
        np.testing.assert_array_equal(on_edge, np.arange(1, bins) - (closed == "right"))


@sides
def test_the_ends(closed):
    certain = np.float32([-np.inf, np.inf])
    np.testing.assert_array_equal(counts(closed, 3, logits=certain), [1, 0, 1])
    np.testing.assert_array_equal(counts(closed, 3, probs=np.float32([0, 1])), [1, 0, 1])


GIVEN = (0.0, 0.1, 0.3, 0.3, 0.75, 1.0)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.float64])
@sides
def test_given_edges_keep_the_edge_rule(dtype, closed):
    """Beside and on each edge; as logits too; the bin between 0.3 and 0.3 is empty."""
    with jax.enable_x64(True):
        probs = np.array([0.0, 0.1, 0.3, 0.75, 1.0], dtype)
        want = [0, 1, 3, 4, 4] if closed == "left" else [0, 0, 1, 3, 4]
        np.testing.assert_array_equal(
            counts(closed, GIVEN, probs=probs), np.bincount(want, minlength=5)
        )
        inner = bin_edges(GIVEN, dtype)[1:-1]
        below, above = np.nextafter(inner, np.zeros_like(inner)), np.nextafter(inner, inner + 1)
        np.testing.assert_array_equal(index_of(below, inner, closed), [0, 1, 1, 3])
        np.testing.assert_array_equal(index_of(above, inner, closed), [1, 3, 3, 4])
        on_edge = logit_edges(GIVEN, dtype)
        got = index_of(on_edge, logit_edges(GIVEN, dtype), closed)
        np.testing.assert_array_equal(got, [1, 3, 3, 4] if closed == "left" else [0, 1, 1, 3])


def test_logits_of_given_edges_are_exact():
    given = (0.0, 1e-30, 1e-5, 0.2, 0.5 - 2**-20, 0.5, 0.5 + 2**-50, 0.9, 1 - 2**-40, 1.0)
    with mpmath.workprec(200):
        exact = [mpmath.log(mpmath.mpf(t) / (1 - mpmath.mpf(t))) for t in given[1:-1]]
    assert ulp_error(logit_edges(given, np.float64), np.array(exact, object)).max() <= 2
    np.testing.assert_array_equal(logit_edges((0, 0.0, 1.0, 1), np.float32), [-np.inf, np.inf])
    equal_width = tuple(k / 7 for k in range(8))
    np.testing.assert_allclose(logit_edges(equal_width, np.float64), logit_edges(7, np.float64),
                               rtol=1e-15)  # fmt: skip


def test_many_edges_are_searched_to_the_same_bins():
    """Up to 64 edges are compared with, more are searched."""
    x = np.random.default_rng(3).random(500).astype(np.float32)
    fine = counts("left", 120, probs=x)
    np.testing.assert_array_equal(fine.reshape(60, 2).sum(1), counts("left", 60, probs=x))
