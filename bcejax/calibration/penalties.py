r"""Penalties that push a model towards calibration while it trains.

    objective = mean cross-entropy + strength * penalty,

each a differentiable function of logits, to be used inside a jitted loss:

    smooth_error_penalty       the smooth calibration error itself
    laplacian_kernel_penalty   the unbiased square of the Laplacian kernel error: over mini-batches
                               its gradient has the mean of the gradient over the population
    soft_binned_penalty        squared gaps of bins that share each example smoothly

**Where to take it.** A flexible model fits its training labels until they look calibrated, and
the penalty has nothing left to say: take it on examples that the cross-entropy does not see. In the
test's four worlds, logistic regressions of 40 features on 200 examples, overfitted, with 200 more
for the penalty, the smooth error on new data falls from 0.13 to 0.06. Cross-entropy on all 400 has
0.06 too, and the lower log loss: where labels can be spared for neither, fit, and calibrate after.

**What is no penalty.** The expected calibration error in hard bins has no derivative through the
bins. And the isotonic (CORP) miscalibration says nothing new: it is the mean loss less the loss of
the isotonic fit, which depends on the order of the logits alone, so that almost everywhere its
gradient in the logits *is* the gradient of the mean loss (of the cross-entropy for the log score):
training on it is training on the loss (tests/calibration/test_penalties.py).

References:
    A. Kumar, S. Sarawagi and U. Jain, Trainable calibration measures for neural networks from
    kernel mean embeddings (2018).
    A. Karandikar et al., Soft calibration objectives for neural networks (2021).
    J. Blasiok and P. Nakkiran, Smooth ECE: principled reliability diagrams via kernel smoothing
    (2023).
"""

import functools
import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.errors.kernel import kernel_calibration_error
from bcejax.calibration.errors.smooth import smooth_calibration_error
from bcejax.calibration.examples import Examples, as_examples
from bcejax.numerics.options import check_count


def smooth_error_penalty(
    labels: ArrayLike,
    *,
    logits: ArrayLike,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> jax.Array:
    """The smooth calibration error, on a grid coarse enough for every step of training.

    Args:
        labels: numbers in [0, 1], any shape.
        logits: floats of that shape.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.

    Returns:
        A scalar in [0, 1]. Its gradient does not shrink as it nears 0, as that of |x| does not.

    Raises:
        TypeError: as ``smooth_calibration_error``.
        ValueError: likewise.

    Accuracy: that of ``smooth_calibration_error`` with 512 cells; gradient against differences
    (tests/calibration/test_penalties.py).

    Source: J. Blasiok and P. Nakkiran, Smooth ECE (2023).

    Example:
        Joint training, the penalty on examples that the cross-entropy does not see:

        >>> import optax
        >>> from bcejax import bce_with_logits
        >>> def objective(params, seen, unseen):
        ...     fit = bce_with_logits(seen[0] @ params, seen[1]).mean()
        ...     return fit + 2 * smooth_error_penalty(unseen[1], logits=unseen[0] @ params)
        >>> optimizer = optax.adam(0.1)
        >>> @jax.jit
        ... def step(params, memory, seen, unseen):
        ...     gradient = jax.grad(objective)(params, seen, unseen)
        ...     updates, memory = optimizer.update(gradient, memory)
        ...     return optax.apply_updates(params, updates), memory
        >>> batch = jnp.eye(2), jnp.array([1.0, 0.0])
        >>> params = jnp.zeros(2)
        >>> params, memory = step(params, optimizer.init(params), batch, batch)
        >>> [round(float(each), 2) for each in params]
        [0.1, -0.1]
    """
    return smooth_calibration_error(labels, logits=logits, weights=weights, where=where, cells=512)


def laplacian_kernel_penalty(
    labels: ArrayLike,
    *,
    logits: ArrayLike,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    width: float = 0.4,
) -> jax.Array:
    """The unbiased squared kernel calibration error, often below 0 for a calibrated model.

    Args:
        labels: numbers in [0, 1], any shape.
        logits: floats of that shape.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        width: of the kernel exp(-|p - p'| / width), in probability, > 0.

    Returns:
        A scalar; nan where the weights sum to 1 or less.

    Raises:
        TypeError: as ``kernel_calibration_error``.
        ValueError: likewise.

    Accuracy: that of ``kernel_calibration_error``; gradient against differences, and its mean over
    mini-batches (tests/calibration/test_penalties.py).

    Source: A. Kumar, S. Sarawagi and U. Jain, Trainable calibration measures (2018), who take the
    root of the biased estimate.

    Example:
        >>> laplacian_kernel_penalty([1, 1], logits=[0.0, 0.0])
        Array(0.25, dtype=float32)
    """
    return kernel_calibration_error(
        labels, logits=logits, weights=weights, where=where, width=width
    )


def soft_binned_penalty(
    labels: ArrayLike,
    *,
    logits: ArrayLike,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    bins: int = 15,
    softness: float = 0.01,
) -> jax.Array:
    """The squared calibration error in bins that share each example smoothly.

    Example i belongs to bin b, of centre c_b, by the share
    m_ib = softmax over b of -(p_i - c_b)^2 / softness, and with v = w m,

        penalty = sum_b (sum_i v_ib (y_i - p_i))^2 / (sum_i v_ib) / sum w.

    Args:
        labels: numbers in [0, 1], any shape.
        logits: floats of that shape.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        bins: number of bins, of equal width.
        softness: a squared probability, > 0; towards 0 the bins become hard and the derivative of
            the shares vanishes.

    Returns:
        A scalar in [0, 1], biased upwards as plug-in errors are.

    Raises:
        TypeError: logits that are not floating, or a mask that is not boolean.
        ValueError: bins < 1, a softness that is not finite and > 0, shapes that differ; and, unless
            traced: nan, labels outside [0, 1], negative weights, nothing that counts.

    Accuracy: within 1e-6 of a loop over bins; gradient against differences
    (tests/calibration/test_penalties.py).

    Source: A. Karandikar et al., Soft calibration objectives for neural networks (2021).

    Example:
        >>> round(float(soft_binned_penalty([1, 1], logits=[0.0, 0.0])), 6)
        0.25
    """
    check_count("bins", bins)
    if not 0 < softness < math.inf:
        raise ValueError(f"softness is {softness}; it must be finite and > 0")
    examples = as_examples(labels, logits=logits, weights=weights, where=where)
    return _soft_binned(examples, bins, softness)


@functools.partial(jax.jit, static_argnames=("bins", "softness"))
def _soft_binned(examples: Examples, bins: int, softness: float) -> jax.Array:
    probs = examples.probabilities()[:, None]
    centres = (jnp.arange(bins, dtype=probs.dtype) + 0.5) / bins
    shares = jax.nn.softmax(-jnp.square(probs - centres) / softness, axis=1)
    shares *= examples.weights[:, None]
    mass = jnp.sum(shares, axis=0)
    residual = jnp.sum(shares * examples.residuals()[:, None], axis=0)
    gap = residual / jnp.where(mass == 0, 1, mass)
    return jnp.sum(residual * gap) / jnp.sum(examples.weights)
