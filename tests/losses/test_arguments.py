"""Shapes, dtypes and what stands for a label: the rules at the door of every loss."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import BFLOAT16

from bcejax import (
    asymmetric_loss,
    bce_gradient,
    bce_hessian,
    bce_value_gradient_hessian,
    bce_with_log_probs,
    bce_with_logits,
    bce_with_probs,
    bernoulli_entropy,
    bernoulli_kl,
    bi_tempered_loss,
    forward_corrected_loss,
    generalized_cross_entropy,
    logit_adjusted_loss,
    poly1_loss,
    sigmoid_focal_loss,
    smooth_labels,
    symmetric_cross_entropy,
)

ON_LOGITS = [bce_with_logits, bce_gradient, bce_hessian, bce_value_gradient_hessian]
LOSSES = {  # each with the name of its first argument
    **dict.fromkeys(ON_LOGITS, "logits"),
    bernoulli_kl: "logits",
    bce_with_probs: "probs",
    bce_with_log_probs: "log_probs",
}
MASKED = [f for f in LOSSES if f is not bernoulli_kl]
every_loss = pytest.mark.parametrize("f", LOSSES, ids=lambda f: f.__name__)
masked_loss = pytest.mark.parametrize("f", MASKED, ids=lambda f: f.__name__)
weighted_loss = pytest.mark.parametrize("f", ON_LOGITS, ids=lambda f: f.__name__)


def scores(f, *shape):
    """Numbers in the domain of the loss."""
    value = {"logits": 1.5, "probs": 0.75, "log_probs": -0.5}[LOSSES[f]]
    return jnp.full(shape, value, jnp.float32)


def first(result):
    return result[0] if isinstance(result, tuple) else result


@every_loss
@pytest.mark.parametrize("shape", [(4,), (1, 4), (4, 4), (), (1,)])
def test_nothing_broadcasts(f, shape):
    x = scores(f, 4, 1)
    message = rf"labels have shape {_pattern(shape)}, {LOSSES[f]} \(4, 1\): they must be equal"
    with pytest.raises(ValueError, match=message):
        f(x, jnp.ones(shape))
    with pytest.raises(ValueError, match="they must be equal"):
        jax.jit(f)(x, jnp.ones(shape))


def _pattern(shape):
    return str(shape).replace("(", r"\(").replace(")", r"\)")


@every_loss
@pytest.mark.parametrize("wrong", [1, True, np.int64(1), 1j], ids=str)
def test_scores_are_floats(f, wrong):
    with pytest.raises(TypeError, match=f"{LOSSES[f]} must be floats, got (int|bool|complex)"):
        f(wrong, 1)


@every_loss
def test_labels_are_real(f):
    with pytest.raises(TypeError, match="labels must be real numbers, got complex64"):
        f(scores(f), jnp.complex64(1))


@masked_loss
@pytest.mark.parametrize("shape", [(2,), (3, 4), (4, 1), (1, 4)])
def test_where_does_not_grow_the_scores(f, shape):
    with pytest.raises(ValueError, match=rf"where has shape {_pattern(shape)}, which does not"):
        f(scores(f, 4), jnp.ones(4), where=jnp.ones(shape, bool))


@masked_loss
def test_where_is_boolean(f):
    with pytest.raises(TypeError, match="where must be boolean, got float32; numbers go into wei"):
        f(scores(f, 4), jnp.ones(4), where=jnp.ones(4, jnp.float32))


@weighted_loss
def test_options_do_not_grow_the_logits(f):
    x, y, wide = jnp.ones(4), jnp.ones(4), jnp.ones((3, 4))
    with pytest.raises(ValueError, match=r"pos_weight has shape \(3, 4\), .* to logits \(4,\)"):
        f(x, y, pos_weight=wide)
    with pytest.raises(ValueError, match=r"label_smoothing has shape \(3, 4\), .* to labels \(4,"):
        f(x, y, label_smoothing=wide)
    with pytest.raises(TypeError, match="pos_weight must be real numbers, got complex"):
        f(x, y, pos_weight=1j)


@weighted_loss
@pytest.mark.parametrize("smoothing", [-0.1, 1.5, np.nan])
def test_smoothing_is_a_share(f, smoothing):
    with pytest.raises(ValueError, match=rf"label_smoothing lies in \[0, 1\], got {smoothing}"):
        f(jnp.ones(2), jnp.ones(2), label_smoothing=smoothing)
    # a traced share has no value to raise for
    got = jax.jit(lambda s: f(jnp.ones(2), jnp.ones(2), label_smoothing=s))(smoothing)
    assert np.isnan(first(got)).all()


LIMITS = [
    (bce_with_logits, "label_smoothing", 0, 1),
    (sigmoid_focal_loss, "gamma", 0, np.inf),
    (sigmoid_focal_loss, "alpha", 0, 1),
    (asymmetric_loss, "gamma_pos", 0, np.inf),
    (asymmetric_loss, "gamma_neg", 0, np.inf),
    (generalized_cross_entropy, "q", 0, 1),
    (poly1_loss, "epsilon", -1, np.inf),
    (symmetric_cross_entropy, "alpha", 0, np.inf),
    (symmetric_cross_entropy, "beta", 0, np.inf),
    (symmetric_cross_entropy, "log_zero", -np.inf, 0),
    (partial(forward_corrected_loss, flip_negative=0), "flip_positive", 0, 1),
    (partial(forward_corrected_loss, flip_positive=0), "flip_negative", 0, 1),
    (partial(logit_adjusted_loss, prior=0.5), "tau", 0, np.inf),
    (bi_tempered_loss, "t1", 0, 1),
    (bi_tempered_loss, "t2", 1, 100),  # 2^t2 overflows from 128 on
]


@pytest.mark.parametrize(("f", "name", "low", "high"), LIMITS, ids=[row[1] for row in LIMITS])
def test_a_number_next_to_its_limits_is_refused(f, name, low, high):
    for limit, beyond in ((low, -np.inf), (high, np.inf)):
        if np.isfinite(limit):
            number = math.nextafter(limit, beyond)
            with pytest.raises(
                ValueError, match=rf"{name} lies in \[{low}, {high}\], got {number}"
            ):
                f(0.5, 1, **{name: number})


def test_pos_weight_asks_for_labels():
    with pytest.raises(ValueError, match="pos_weight weighs label 1: pass the labels too"):
        bce_hessian(jnp.ones(2), pos_weight=2.0)


@every_loss
def test_labels_of_any_kind_count_as_floats(f):
    """uint8 once gave catastrophic values elsewhere: 1 - y and -y wrap around."""
    x, kinds = scores(f, 2), [bool, np.int8, np.uint8, np.int32, np.int64, np.float64]

    @jax.jit
    def slopes(x, labels):
        return [jax.grad(lambda x, y=y: first(f(x, y)).sum())(x) for y in labels]

    labels = [np.array([0, 1], kind) for kind in (np.float32, *kinds)]
    want, *others = zip((f(x, each) for each in labels), slopes(x, labels), strict=True)
    for kind, got in zip(kinds, others, strict=True):
        for each, other in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
            assert each.dtype == np.float32, kind
            np.testing.assert_array_equal(each, other, f"{kind}")


@every_loss
def test_python_scalars(f):
    x = float(scores(f))
    for labels in (1, True, 1.0, np.int64(1)):
        assert first(f(x, labels)) == first(f(jnp.asarray(x), jnp.ones(())))


def test_python_scalars_give_the_number_of_the_textbook():
    assert abs(bce_with_logits(1.5, 1.0) - 0.2014133) < 1e-7


@every_loss
@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("dtype", [np.float16, BFLOAT16, np.float32, np.float64])
def test_dtype_is_that_of_the_scores_but_at_least_float32(f, dtype, x64):
    with jax.enable_x64(x64):
        x = jnp.asarray(np.asarray(scores(f, 3)).astype(dtype))  # no float64 where x64 is off
        want = jnp.promote_types(x.dtype, np.float32)
        for labels in (np.ones(3), np.ones(3, BFLOAT16), np.ones(3, bool)):
            got, back = jax.eval_shape(lambda x, y=labels: there_and_back(f, x, y), x)
            assert {each.dtype for each in jax.tree.leaves(got)} == {want}
            assert back.dtype == x.dtype


def there_and_back(f, x, y):
    """The result, and a cotangent of ones pulled back to the scores."""
    got, pull = jax.vjp(lambda x: f(x, y), x)
    return got, pull(jax.tree.map(jnp.ones_like, got))[0]


@weighted_loss
def test_options_do_not_widen(f):
    with jax.enable_x64(True):
        x, y = jnp.ones(3, np.float32), np.ones(3)
        got = f(x, y, pos_weight=np.float64(2), label_smoothing=np.float64(0.1))
        assert {each.dtype for each in jax.tree.leaves(got)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("argument", ["labels", "pos_weight", "label_smoothing"])
def test_cotangents_go_back_in_the_argument_s_own_dtype(argument):
    given = {"labels": 0.5, "pos_weight": 2.0, "label_smoothing": 0.25}

    def loss(value):
        options = {**given, argument: value}
        return bce_with_logits(1.5, options.pop("labels"), **options)

    assert jax.grad(loss)(BFLOAT16(given[argument])).dtype == BFLOAT16
    assert jax.grad(loss)(np.float32(given[argument])).dtype == np.float32


def test_smoothing_moves_labels_towards_one_half():
    """Not by alpha over the number of classes, as optax does."""
    x, y = jnp.array([2.0, -1.0, 0.5]), jnp.array([0.0, 1.0, 0.3])
    want = bce_with_logits(x, y * 0.9 + 0.05)
    np.testing.assert_allclose(bce_with_logits(x, y, label_smoothing=0.1), want, rtol=3e-7)
    np.testing.assert_allclose(smooth_labels(y, 0.1), y * 0.9 + 0.05, rtol=3e-7)
    np.testing.assert_array_equal(smooth_labels(jnp.array([0, 1]), 1), [0.5, 0.5])
    np.testing.assert_array_equal(smooth_labels(y, 0), y)


def test_smoothing_has_a_gradient():
    """dl/ds = -x (1/2 - y)."""
    x, y = np.float32([2, -1, 0.5]), np.float32([0, 1, 0.25])
    slope = jax.vmap(
        jax.grad(lambda s, x, y: bce_with_logits(x, y, label_smoothing=s)), (None, 0, 0)
    )
    np.testing.assert_array_equal(slope(0.0, x, y), -x * (0.5 - y))
    np.testing.assert_array_equal(slope(0.5, x, y), -x * (0.5 - y))
    steps = jnp.float32([0.0, 0.5, 1.0])
    each = bce_with_logits(x, y, label_smoothing=steps)
    for i, s in enumerate([0.0, 0.5, 1.0]):
        assert each[i] == bce_with_logits(x, y, label_smoothing=s)[i]


@pytest.mark.parametrize("dtype", [bool, np.int32, np.uint8, np.float16, BFLOAT16, np.float32])
def test_smooth_labels_are_float32(dtype):
    assert smooth_labels(np.array([0, 1], dtype), 0.1).dtype == np.float32


def test_smooth_labels_refuses():
    with pytest.raises(
        ValueError, match=r"label_smoothing lies in \[0, 1\], got 1.0000000000000002"
    ):
        smooth_labels(jnp.ones(2), math.nextafter(1, 2))
    with pytest.raises(TypeError, match="labels must be real numbers"):
        smooth_labels(jnp.ones(2, jnp.complex64), 0.1)
    assert np.isnan(smooth_labels(85.0, 0.1))


def test_entropy_takes_floats_only():
    with pytest.raises(TypeError, match="labels must be floats, got int32"):
        bernoulli_entropy(jnp.array([0, 1], jnp.int32))
