"""Outside jit a loss is one program, and its gradient two, whatever its numbers are."""

import functools

import jax
import numpy as np
import pytest
from jax import monitoring
from losses.family import MEMBERS

import bcejax
from bcejax import bce_with_logits, numerics, sigmoid_focal_loss
from bcejax.numerics.scans import KEEPS_RULES

COMPILED = "/jax/core/compile/backend_compile_duration"
LOSSES = {
    "bce_with_logits": bce_with_logits,
    "everything": lambda x, y: bce_with_logits(
        x, y, pos_weight=2.5, label_smoothing=0.1, where=np.arange(7) > 1
    ),
    "at once": bcejax.bce_value_gradient_hessian,
    "probs": lambda x, y: bcejax.bce_with_probs(y, y, clip=1e-3),
    "kl": bcejax.bernoulli_kl,
    "smooth_labels": lambda x, y: bcejax.smooth_labels(y, 0.1),
    "class_balanced_weights": lambda x, y: bcejax.class_balanced_weights(y),
    "adjust_logits": lambda x, y: bcejax.adjust_logits(x, prior_from=0.1, prior_to=y),
    **{member.name: member.loss for member in MEMBERS},
}
OF_NUMERICS = (
    *("sigmoid", "softplus", "bernoulli_variance", "tanh_half", "unlikely", "log1p_exp"),
    *("surprisal", "complement_surprisal", "log_odds", "inverse", "log1p_of_share"),
    *("odds_from_log", "complement_from_log"),
)
X, Y = np.linspace(-3, 3, 7, dtype=np.float32), np.float32([0, 1, 0.25, 1, 0, 0.5, 1])


@pytest.fixture
def programs():
    """One entry for each program that is compiled."""
    compiled = []

    def listen(event, _, **__):
        if event == COMPILED:
            compiled.append(event)

    jax.clear_caches()
    monitoring.register_event_duration_secs_listener(listen)
    yield compiled
    monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_one_program(name, programs):
    LOSSES[name](X, Y)
    assert len(programs) == 1


def test_each_function_of_numerics_is_one(programs):
    within = functools.partial(numerics.within, low=0.0, high=1.0)
    for f in (within, *(getattr(numerics, name) for name in OF_NUMERICS)):
        f(Y)
    assert len(programs) == 1 + len(OF_NUMERICS)


def test_the_gradient_of_a_loss_is_two(programs):
    """Three where a checkpoint (bcejax.numerics.scans) makes the second of two."""
    _, pull = jax.vjp(lambda x: bce_with_logits(x, Y), X)
    pull(Y)
    assert len(programs) == (2 if jax.__version_info__ >= KEEPS_RULES else 3)


def test_their_mean_is_two(programs):
    bcejax.reduce_losses(Y, weights=Y, where=np.arange(7) > 1)
    assert len(programs) == 2


def test_other_numbers_are_no_other_program(programs):
    for number in (0.5, 0.25, 1.0):
        sigmoid_focal_loss(X, Y, gamma=number, alpha=number)
        bce_with_logits(X, Y, label_smoothing=number, pos_weight=number)
        bcejax.logit_adjusted_loss(X, Y, prior=0.5 * number, tau=number)
    assert len(programs) == 3


@pytest.mark.parametrize("scalar", [np.array, jax.numpy.array])
def test_what_a_program_depends_on_may_be_an_array_of_one_number(scalar):
    clip = scalar(1e-3, np.float32)
    want = bcejax.bce_with_probs(Y, Y, clip=float(clip))
    np.testing.assert_array_equal(bcejax.bce_with_probs(Y, Y, clip=clip), want)
    want = bcejax.asymmetric_loss(X, Y, shift=float(clip))
    np.testing.assert_array_equal(bcejax.asymmetric_loss(X, Y, shift=clip), want)


@pytest.mark.parametrize("integer", [int, np.int64])
def test_counts_may_be_integers_that_jit_does_not_take(integer):
    counts = integer(3_000_000_000), integer(1000)
    want = bcejax.class_balanced_weights(Y, counts=tuple(map(float, counts)))
    np.testing.assert_array_equal(bcejax.class_balanced_weights(Y, counts=counts), want)
