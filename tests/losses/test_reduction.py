"""Means and sums: denominators by name, masks and weights, overflow, accuracy."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import BFLOAT16

from bcejax import bce_with_logits, reduce_losses, smooth_labels

INF, NAN = np.inf, np.nan
LOSSES = np.float32([1, 2, 4, 8])
WEIGHTS = np.float32([1, 0, 2, 1])
WHERE = np.array([True, True, True, False])
HOW = ["mean", "count", "sum"]


@pytest.mark.parametrize(
    ("how", "options", "want"),
    [
        ("mean", {}, 15 / 4),
        ("count", {}, 15 / 4),
        ("sum", {}, 15),
        ("mean", {"weights": WEIGHTS}, 17 / 4),
        ("count", {"weights": WEIGHTS}, 17 / 4),
        ("mean", {"where": WHERE}, 7 / 3),
        ("count", {"where": WHERE}, 7 / 3),
        ("sum", {"where": WHERE}, 7),
        ("mean", {"weights": WEIGHTS, "where": WHERE}, 9 / 3),
        ("count", {"weights": 2 * WEIGHTS, "where": WHERE}, 18 / 3),
        ("mean", {"weights": 2 * WEIGHTS, "where": WHERE}, 18 / 6),
        ("sum", {"weights": WEIGHTS, "where": WHERE}, 9),
        ("mean", {"weights": 3.0}, 15 / 4),
        ("count", {"weights": 3.0}, 45 / 4),
        ("sum", {"weights": [True, False, True, False]}, 5),
    ],
)
def test_denominators(how, options, want):
    assert reduce_losses(LOSSES, how=how, **options) == np.float32(want)


def test_mean_and_count_differ_as_they_do_elsewhere():
    """The weighted mean of torch is 0.5471 over the weights and 0.9118 over the number."""
    losses, weights = np.float32([0.2, 0.9]), np.float32([1.6667, 1.6667])
    ratio = reduce_losses(losses, weights=weights, how="count") / reduce_losses(
        losses, weights=weights
    )
    assert abs(ratio - 1.6667) < 1e-6


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("axis", [0, 1, -1, (0, 1), (0,), None])
def test_axes(how, axis):
    """Against NumPy's average, axis by axis."""
    draw = np.random.default_rng(0)
    losses = draw.integers(0, 8, (4, 8)).astype(np.float32)
    weights = draw.integers(0, 4, (4, 1)).astype(np.float32)
    where = draw.random(8) < 0.6
    got = reduce_losses(losses, weights=weights, where=where, axis=axis, how=how)
    full, keep = np.broadcast_to(weights, (4, 8)) * where, np.broadcast_to(where, (4, 8))
    total = (full * losses).sum(axis)
    below = {"mean": full.sum(axis), "count": keep.sum(axis), "sum": 1}[how]
    safe = np.where(below == 0, 1, below)
    want = np.where(below == 0, 0, total / safe)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=2**-22)


EMPTY = [
    (np.zeros(0, np.float32), {}),
    (LOSSES, {"where": False}),
    (np.float32([NAN, INF, 1, 2]), {"where": np.zeros(4, bool)}),
    (LOSSES, {"weights": np.zeros(4, np.float32)}),
    (np.float32([NAN, INF, 1, 2]), {"weights": 0}),
]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(("losses", "options"), EMPTY)
def test_nothing_to_count_gives_0_with_gradient_0(losses, options, how):
    def reduced(losses):
        return reduce_losses(losses, how=how, **options)

    value, gradient = jax.value_and_grad(reduced)(losses)
    assert value == 0
    np.testing.assert_array_equal(gradient, np.zeros_like(losses))
    np.testing.assert_array_equal(jax.hessian(reduced)(losses), np.zeros(2 * losses.shape))


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_weight_0_silences_a_loss(how, bad):
    losses, weights = np.float32([1, bad, 3]), np.float32([1, 0, 2])

    def reduced(losses, weights):
        return reduce_losses(losses, weights=weights, how=how)

    value, gradients = jax.value_and_grad(reduced, (0, 1))(losses, weights)
    below = {"mean": 3, "count": 3, "sum": 1}[how]
    assert value == np.float32(7 / below)
    np.testing.assert_array_equal(gradients[0], weights / np.float32(below))
    assert np.isfinite(gradients[1]).all()
    assert np.isfinite(jax.jvp(reduced, (losses, weights), (weights, weights))[1])


@pytest.mark.parametrize("how", HOW)
def test_weights_have_a_gradient_also_at_0(how):
    """d mean / d w_i = (l_i - mean) / sum w; of count l_i / n; of the sum l_i."""
    got = jax.grad(lambda w: reduce_losses(LOSSES, weights=w, how=how))(WEIGHTS)
    want = {"mean": (LOSSES - 17 / 4) / 4, "count": LOSSES / 4, "sum": LOSSES}[how]
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("how", HOW)
def test_losses_that_count_are_not_silenced(how):
    assert np.isnan(reduce_losses(np.float32([1, NAN]), how=how))
    assert reduce_losses(np.float32([1, INF]), how=how) == INF
    assert np.isnan(reduce_losses(np.float32([1, NAN]), weights=np.float32([0, 1]), how=how))


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("bad", [-1.0, NAN])
def test_weights_that_are_negative_or_nan_give_nan(how, bad):
    weights = np.float32([1, bad, 1, 1])
    assert np.isnan(reduce_losses(LOSSES, weights=weights, how=how))
    where = np.array([True, False, True, True])
    assert np.isfinite(reduce_losses(LOSSES, weights=weights, where=where, how=how))
    gradient = jax.grad(lambda w: reduce_losses(LOSSES, weights=w, where=where, how=how))(weights)
    assert np.isfinite(gradient).all()
    assert gradient[1] == 0


@pytest.mark.parametrize("how", HOW)
def test_where_hides_nan_with_and_without_weights(how):
    losses = np.float32([1, NAN, INF, 2])
    where = np.array([True, False, False, True])
    for weights in (None, np.float32([1, NAN, 1, 1])):
        gradient = jax.grad(lambda x, w=weights: reduce_losses(x, weights=w, where=where, how=how))
        below = 1 if how == "sum" else 2
        np.testing.assert_array_equal(gradient(losses), np.float32([1, 0, 0, 1]) / below)


def test_the_same_mask_in_loss_and_mean_keeps_gradients_clean():
    """Masking after the loss alone gives nan: 0 times nan."""
    x, y = np.float32([1, NAN]), np.float32([1, 0])
    keep = np.array([True, False])

    def mean(x, inside):
        losses = bce_with_logits(x, y, where=keep if inside else None)
        return reduce_losses(losses, where=keep)

    np.testing.assert_array_equal(jax.grad(mean)(x, True), np.float32([-0.26894143, 0]))
    assert mean(x, False) == mean(x, True)
    assert np.isnan(jax.grad(mean)(x, False)[1])


@pytest.mark.parametrize("dtype", [np.float16, BFLOAT16])
def test_16_bits_accumulate_in_float32(dtype):
    ones = jnp.ones(100_000, dtype)
    for how, want in zip(HOW, (1, 1, 100_000), strict=True):
        got = reduce_losses(ones, how=how)
        assert got.dtype == np.float32
        assert got == want
    assert jax.grad(reduce_losses)(ones).dtype == dtype
    assert reduce_losses(ones, weights=np.full(100_000, 2, dtype), how="sum") == 200_000


def test_float64_weights_do_not_widen():
    with jax.enable_x64(True):
        assert reduce_losses(LOSSES, weights=np.ones(4)).dtype == np.float32
        assert reduce_losses(LOSSES.astype(np.float64)).dtype == np.float64


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"how": "average"}, ValueError, "how is one of 'mean', 'count', 'sum', got 'average'"),
        ({"weights": np.ones(3)}, ValueError, r"weights has shape \(3,\), .* to losses \(4,\)"),
        ({"weights": np.ones((2, 4))}, ValueError, r"weights has shape \(2, 4\)"),
        ({"where": np.ones((4, 4), bool)}, ValueError, r"where has shape \(4, 4\)"),
        ({"where": np.ones(4)}, TypeError, "where must be boolean, got float"),
        ({"weights": np.ones(4) * 1j}, TypeError, "weights must be real numbers, got complex"),
    ],
)
def test_refuses(options, error, message):
    with pytest.raises(error, match=message):
        reduce_losses(LOSSES, **options)


def test_refuses_integers():
    with pytest.raises(TypeError, match="losses must be floats, got int32"):
        reduce_losses(np.arange(3, dtype=np.int32))


def like_size(n):
    draw = np.random.default_rng(n)
    yield np.full(n, np.log(2), np.float32)  # every loss of a model that starts at zero
    yield np.logaddexp(0, draw.normal(0, 3, n)).astype(np.float32)
    yield np.logaddexp(0, draw.normal(-6, 2, n)).astype(np.float32)


def one_large(n):
    for place in (0, n // 2, n - 1):
        losses = np.full(n, 0.3, np.float32)
        losses[place] = 0.3 * n
        yield losses


def relative_error(losses, weights, how, shape):
    given = [None if each is None else each.reshape(shape) for each in (losses, weights)]
    got = jax.jit(reduce_losses, static_argnames="how")(given[0], weights=given[1], how=how)
    wide = np.ones(losses.shape) if weights is None else weights.astype(np.float64)
    exact = math.fsum(losses.astype(np.float64) * wide)  # products of float32 are exact here
    if how == "mean":
        exact /= math.fsum(wide)
    return abs(float(got) - exact) / exact


@pytest.mark.parametrize("n", [1_023, 99_991, 1_000_000])
@pytest.mark.parametrize(("kind", "bound"), [(like_size, 8), (one_large, 32)])
def test_accuracy_along_one_axis(kind, bound, n):
    weights = np.random.default_rng(1).random(n).astype(np.float32)
    errors = [
        relative_error(losses, w, how, (n,))
        for losses in kind(n)
        for w in (None, weights)
        for how in ("mean", "sum")
    ]
    assert max(errors) <= bound * 2.0**-23


@pytest.mark.parametrize("shape", [(100, 1000), (1000, 1000), (8, 4, 3, 1000)])
@pytest.mark.parametrize("kind", [like_size, one_large])
def test_accuracy_over_several_axes(kind, shape):
    errors = [relative_error(losses, None, "mean", shape) for losses in kind(math.prod(shape))]
    assert max(errors) <= 500 * 2.0**-23


@pytest.mark.parametrize("how", HOW)
def test_a_loss_that_is_silenced_pulls_at_its_weight_as_0_does(how):
    weights = np.float32([1, 0, 2])
    pull = jax.grad(lambda w, losses: reduce_losses(losses, weights=w, how=how))
    got, want = (pull(weights, np.float32([1, lost, 3])) for lost in (NAN, 0))
    np.testing.assert_array_equal(got, want)


def test_labels_out_of_range_are_not_smoothed():
    eps = np.finfo(np.float32).eps
    got = smooth_labels(np.float32([0, 1, -5 * eps, 1 + 5 * eps]), 0.5)
    np.testing.assert_array_equal(got, [0.25, 0.75, NAN, NAN])
