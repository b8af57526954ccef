r"""Kernel calibration error: do residuals of like probabilities agree?

With residuals r = y - p, weights w of sum W that count copies, and a kernel k(p, p') with
k(p, p) = 1, the squared error has two estimates,

    biased    (1 / W^2) sum_ij w_i w_j r_i r_j k_ij                                  >= 0
    unbiased  (sum_ij w_i w_j r_i r_j k_ij - sum_i w_i r_i^2) / (W (W - 1))

The second leaves out each copy's pair with itself, and has mean 0 for a calibrated model, so it is
often negative there. The pair of two copies of one example is not left out, or k copies would not
equal weight k.

    laplacian  k = exp(-|p - p'| / width)
    gaussian   k = exp(-(p - p')^2 / (2 width^2))

**Laplacian.** In ascending order the pairs telescope: L_i = (L_{i-1} + v_{i-1}) exp(-gap_i / width)
holds all that lies before i, so the double sum takes one pass over n, exactly. Each step is an
affine map, and maps compose, so the pass is an associative scan.

**Gaussian.** Residuals are shared between the nodes of a grid of 4096 cells, where the double sum
is a convolution: two FFTs.

**Derivative.** Where p_i moves by d_i, a pair's Laplacian kernel is multiplied by
exp(+-(d_i - d_j) / width): a factor for each end. Each tie group enters the sums with these factors
as one, so that the derivative of |p - p'| at 0 is 0 and the order inside a group means nothing.

The tensor-product kernel over two classes, as CalibrationErrors.jl has it, gives twice this number.

References:
    A. Kumar, S. Sarawagi and U. Jain, Trainable calibration measures for neural networks from
    kernel mean embeddings (2018).
    D. Widmann, F. Lindsten and D. Zachariah, Calibration tests in multi-class classification: a
    unifying framework (2019).
"""

import functools
import math
from typing import Literal

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.errors.grid import on_nodes
from bcejax.calibration.examples import Examples, as_examples
from bcejax.calibration.ordering import Ordering, ascending

Kernel = Literal["laplacian", "gaussian"]
Estimate = Literal["unbiased", "biased"]
Affine = tuple[jax.Array, jax.Array]  # x -> factor x + summand

_CELLS = 4096


def kernel_calibration_error(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    kernel: Kernel = "laplacian",
    width: float = 0.4,
    estimate: Estimate = "unbiased",
) -> jax.Array:
    """The squared kernel calibration error.

    Works under jit and vmap; differentiable in scores, labels and weights, forward and reverse
    (at ties the derivative of a distance is 0). kernel, width and estimate are static.

    Args:
        labels: numbers in [0, 1], any shape; soft labels are welcome.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how often each example counts, >= 0; broadcasts to that shape. The unbiased
            estimate takes them as numbers of copies, and is nan where they sum to 1 or less.
        where: whether it counts at all; broadcasts to that shape.
        kernel: "laplacian" or "gaussian".
        width: of the kernel, in probability, > 0; 0.4 is that of Kumar et al.
        estimate: "unbiased", which may be negative, or "biased".

    Returns:
        A scalar, float32 or wider: the square, without a root. Under jit, nan where a value should
        have been refused or nothing counts.

    Raises:
        TypeError: scores that are not floating, or a mask that is not boolean.
        ValueError: unknown kernel or estimate, a width that is not finite and > 0, shapes that
            differ, no example; and, unless traced: nan, labels or probabilities outside [0, 1],
            negative weights, nothing that counts.

    Accuracy, of the biased estimate, m being the mean of w |r|: Laplacian within 40 eps m^2 of the
    double sum, Gaussian within (h^2 / (4 width^2) + 40 eps) m^2, h = 1/4096
    (tests/calibration/errors/test_kernel.py).

    Source: D. Widmann, F. Lindsten and D. Zachariah, Calibration tests in multi-class
    classification (2019); half of their number for two classes.

    Example:
        >>> kernel_calibration_error([1, 1], probs=[0.5, 0.5])
        Array(0.25, dtype=float32)
    """
    if kernel not in KERNELS:
        raise ValueError(f"kernel {kernel!r} is not one of {', '.join(map(repr, KERNELS))}")
    if estimate not in ("unbiased", "biased"):
        raise ValueError(f"estimate {estimate!r} is not one of 'unbiased', 'biased'")
    if not 0 < width < math.inf:
        raise ValueError(f"width is {width}; it must be finite and > 0")
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    ordering = ascending(examples.scores()) if kernel == "laplacian" else None
    return _error(examples, ordering, kernel, width, estimate)


@functools.partial(jax.jit, static_argnames=("kernel", "width", "estimate"))
def _error(
    examples: Examples, ordering: Ordering | None, kernel: Kernel, width: float, estimate: Estimate
) -> jax.Array:
    w, residuals = examples.weights, examples.residuals()
    total = jnp.sum(w)
    pairs = KERNELS[kernel](w * residuals / total, examples.probabilities(), ordering, width)
    if estimate == "biased":
        return pairs
    selves = jnp.sum(w / total * jnp.square(residuals)) / total
    return jnp.where(total > 1, (pairs - selves) / (1 - 1 / total), jnp.nan)


def _laplacian(
    values: jax.Array, probs: jax.Array, ordering: Ordering | None, width: float
) -> jax.Array:
    """sum_ij v_i v_j exp(-|p_i - p_j| / width)."""
    assert ordering is not None
    values, probs = values[ordering.order], probs[ordering.order]
    place = jax.lax.stop_gradient(probs)
    moved = (probs - place) / width  # 0, with the derivative of the probabilities
    columns = jnp.stack([values * jnp.exp(moved), values * jnp.exp(-moved)], axis=-1)
    above, below = ordering.of_ranks(columns).T
    tied = ordering.of_ranks(values)  # apart: XLA on CPU scatters two columns faster than three
    where = jnp.zeros_like(place).at[ordering.group].set(place)
    # behind the last group gaps would be negative; nothing is there for them to reach
    gaps = jnp.maximum(jnp.diff(where, prepend=where[:1]), 0)
    before = decayed_sums(above, jnp.exp(-gaps / width))
    return 2 * jnp.sum(below * before) + jnp.sum(jnp.square(tied))


def decayed_sums(values: jax.Array, decays: jax.Array) -> jax.Array:
    """L_i = (L_{i-1} + v_{i-1}) a_i, L_0 = 0: what came before, fading.

    Args:
        values: (n,), v.
        decays: (n,), a, in [0, 1].

    Returns:
        (n,).

    Example:
        >>> decayed_sums(jnp.array([8.0, 0.0, 1.0]), jnp.array([1.0, 0.5, 0.5]))
        Array([0., 4., 2.], dtype=float32)
    """
    n = len(values)
    length = math.isqrt(n - 1) + 1
    arriving = decays * jnp.concatenate([jnp.zeros_like(values[:1]), values[:-1]])

    def fade(carried: Affine, step: Affine) -> tuple[Affine, Affine]:
        share, own = carried
        carried = share * step[0], own * step[0] + step[1]
        return carried, carried

    # pieces of about sqrt(n) side by side, each from 0; then what the ones before leave to them
    pieces = jnp.pad(jnp.stack([decays, arriving]), ((0, 0), (0, length**2 - n)))
    steps = jnp.swapaxes(pieces.reshape(2, length, length), 1, 2)
    nothing = jnp.zeros_like(steps[1, 0])
    shares, own = jax.lax.scan(fade, (nothing + 1, nothing), (steps[0], steps[1]))[1]
    _, ends = jax.lax.scan(fade, (nothing[0] + 1, nothing[0]), (shares[-1], own[-1]))[1]
    before = jnp.concatenate([jnp.zeros_like(ends[:1]), ends[:-1]])
    return (own + shares * before).T.ravel()[:n]


def _gaussian(
    values: jax.Array, probs: jax.Array, ordering: Ordering | None, width: float
) -> jax.Array:
    """sum_ij v_i v_j exp(-(p_i - p_j)^2 / (2 width^2)), on a grid."""
    nodes = on_nodes(values, probs, _CELLS)
    round_trip = jnp.arange(2 * _CELLS, dtype=values.dtype)
    lag = jnp.minimum(round_trip, 2 * _CELLS - round_trip) / _CELLS
    kernel = jnp.fft.rfft(jnp.exp(-jnp.square(lag / width) / 2))
    smoothed = jnp.fft.irfft(jnp.fft.rfft(nodes, 2 * _CELLS) * kernel)
    return jnp.dot(nodes, smoothed[: _CELLS + 1], precision="highest")


KERNELS = {"laplacian": _laplacian, "gaussian": _gaussian}
