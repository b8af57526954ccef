"""Prior shifts and pos_weight: what a logit answers for, there and back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from losses.ways import each
from reference import hard_logits, x64_for

from bcejax import (
    adjust_logits,
    apply_pos_weight,
    bce_gradient,
    logit_adjusted_loss,
    probs_under_pos_weight,
    undo_pos_weight,
)
from bcejax.analysis import spacing, ulp_error

X = hard_logits(np.float32, 2000)
WEIGHTS = np.exp(np.random.default_rng(0).uniform(-7, 7, X.size)).astype(np.float32)
NORMAL = 2.0**-110


def wide(values):
    return np.asarray(values).astype(np.longdouble)


def units(got, exact, *terms):
    """Errors in ulp of the largest of the terms."""
    unit = spacing(np.max(np.abs(np.broadcast_arrays(*terms)), axis=0), got.dtype)
    return ulp_error(got, exact) * spacing(exact, got.dtype) / unit


def test_believed_probabilities_are_exact():
    exact = 1 / (1 + wide(WEIGHTS) * np.exp(-wide(X)))
    got = probs_under_pos_weight(X, pos_weight=WEIGHTS)
    assert ulp_error(got, exact)[exact >= NORMAL].max() <= 3.5
    slope = each(jax.grad(lambda x, c: probs_under_pos_weight(x, pos_weight=c)))(X, WEIGHTS)
    exact = exact / (1 + np.exp(wide(X)) / wide(WEIGHTS))
    assert ulp_error(slope, exact)[exact >= NORMAL].max() <= 6


def test_without_a_weight_label_1_is_believed():
    def believed(x, c):
        return probs_under_pos_weight(x, pos_weight=c)

    x, c = np.float32([-20, 0, 3]), np.zeros(3, np.float32)
    np.testing.assert_array_equal(believed(x, 0.0), 1)
    in_logit, in_weight = each(jax.grad(believed, (0, 1)))(x, c)
    np.testing.assert_array_equal(in_logit, 0)
    np.testing.assert_allclose(in_weight, -np.exp(-x), rtol=1e-6)


def test_the_belief_is_what_minimises_the_weighted_loss():
    """At x = log(c eta / (1 - eta)) the expected gradient vanishes."""
    eta, c = np.float32([0.01, 0.3, 0.5, 0.99]), np.float32(7)
    x = apply_pos_weight(jnp.log(eta) - jnp.log1p(-eta), pos_weight=c)
    gradient = bce_gradient(x, eta, pos_weight=c)
    np.testing.assert_allclose(gradient, 0, atol=1e-6)
    np.testing.assert_allclose(probs_under_pos_weight(x, pos_weight=c), eta, rtol=1e-6)


def test_there_and_back():
    undone = undo_pos_weight(X, pos_weight=WEIGHTS)
    shift = np.log(wide(WEIGHTS))
    assert units(undone, wide(X) - shift, wide(X), shift).max() <= 2
    back = apply_pos_weight(undone, pos_weight=WEIGHTS)
    np.testing.assert_allclose(back, X, rtol=4e-7, atol=2e-6)
    # the difference of these log-odds and the log-odds of 0.02 each round by almost half an ulp
    moved = adjust_logits(X, prior_from=0.02, prior_to=0.8)
    exact = wide(X) + np.log(np.longdouble(4 * 49))
    assert units(moved, exact, wide(X), np.log(49), exact).max() <= 1.5
    again = adjust_logits(moved, prior_from=0.8, prior_to=0.02)
    np.testing.assert_allclose(again, X, rtol=4e-7, atol=2e-6)


def test_adjusting_is_saerens_formula():
    """Posterior odds times the ratio of prior odds."""
    draw = np.random.default_rng(1)
    p, old, new = draw.uniform(0.01, 0.99, (3, 50))
    odds = p / (1 - p) * (new / (1 - new)) / (old / (1 - old))
    with x64_for(np.float64):
        got = adjust_logits(np.log(p / (1 - p)), prior_from=old, prior_to=new)
    np.testing.assert_allclose(got, np.log(odds), rtol=1e-12, atol=1e-13)


def test_infinite_logits_stay():
    x = np.float32([np.inf, -np.inf])
    np.testing.assert_array_equal(adjust_logits(x, prior_from=0.1, prior_to=0.9), x)
    np.testing.assert_array_equal(undo_pos_weight(x, pos_weight=3.0), x)
    np.testing.assert_array_equal(probs_under_pos_weight(x, pos_weight=3.0), [1, 0])


def test_adjusted_loss_restores_the_calibrated_logit():
    """It is minimal where the adjusted logit is the log-odds of the label."""
    eta, prior = np.float32([0.001, 0.2, 0.7]), 0.02
    x = adjust_logits(jnp.log(eta) - jnp.log1p(-eta), prior_from=prior, prior_to=0.5)
    slope = each(jax.grad(lambda x, y: logit_adjusted_loss(x, y, prior=prior)))(x, eta)
    np.testing.assert_allclose(slope, 0, atol=1e-6)


def test_priors_as_arrays():
    x, y = np.float32([-2, 0, 3]), np.float32([0, 1, 0.3])
    prior, tau = np.float32([0.5, 0.1, 0.9]), np.float32([1, 2, 0])
    got = jax.jit(lambda p, t: logit_adjusted_loss(x, y, prior=p, tau=t))(prior, tau)
    want = [
        logit_adjusted_loss(*row[:2], prior=float(row[2]), tau=float(row[3]))
        for row in zip(x, y, prior, tau, strict=True)
    ]
    np.testing.assert_allclose(got, want, rtol=2e-6)


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.5, 2.0])
def test_prior_out_of_range(prior):
    with pytest.raises(ValueError, match=r"prior lies in .0, 1., got"):
        logit_adjusted_loss(0.0, 1, prior=prior)
    with pytest.raises(ValueError, match=r"prior_to lies in .0, 1., got"):
        adjust_logits(0.0, prior_from=0.5, prior_to=prior)


def test_arguments():
    with pytest.raises(ValueError, match=r"pos_weight lies in \[0, inf\], got -1"):
        undo_pos_weight(0.0, pos_weight=-1)
    with pytest.raises(TypeError, match="logits must be floats"):
        apply_pos_weight(jnp.ones(2, int), pos_weight=2.0)
    with pytest.raises(ValueError, match="pos_weight has shape"):
        probs_under_pos_weight(jnp.zeros(3), pos_weight=jnp.ones(4))
