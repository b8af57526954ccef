r"""A grid on [0, 1]: of many examples it keeps what smoothing, kernels and streams need.

N cells of width h = 1/N; cell j reaches from j h to (j + 1) h, and probability p lies in it at the
offset f = N p - j in [0, 1]. Of values v the grid keeps two sums per cell,

    A_j = sum v,    B_j = sum v f,

which share each value linearly between the two nodes at the ends of its cell, v (1 - f) and v f:

    node j holds A_j - B_j + B_{j-1}.

Shares keep the total and the centre of mass, and they are differentiable in p.

**Smoothing.** The Gaussian of standard deviation s, reflected at 0 and 1 (all images), is diagonal
in the cosines: it multiplies cos(pi k t) by exp(-(pi k s)^2 / 2). So one FFT of the even extension
of the nodes serves all s. A node at 0 or 1 coincides with its own image, and therefore enters the
extension doubled. Linear shares widen the kernel, by at most h^2 / 4 in variance.

References:
    J. Blasiok and P. Nakkiran, Smooth ECE: principled reliability diagrams via kernel smoothing
    (2023).
    M. P. Wand, Fast computation of multivariate kernel estimators (1994), for linear binning.
"""

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.calibration.binning import sums_by_bin


def locate(probs: jax.Array, cells: int) -> tuple[jax.Array, jax.Array]:
    """The cell of each probability and its offset there.

    Args:
        probs: (n,) in [0, 1].
        cells: N. Where it is a power of two the offset is exact.

    Returns:
        int32 (n,) in 0..N-1, 1 being in the last; and offsets (n,), which have a derivative.

    Example:
        >>> locate(jnp.array([0.125, 1.0]), 4)
        (Array([0, 3], dtype=int32), Array([0.5, 1. ], dtype=float32))
    """
    position = probs * cells
    cell = jnp.clip(jax.lax.stop_gradient(position).astype(jnp.int32), 0, cells - 1)
    return cell, position - cell


def shares_at_nodes(sums: jax.Array, moments: jax.Array) -> jax.Array:
    """What the nodes hold.

    Args:
        sums: (N,), A_j.
        moments: (N,), B_j.

    Returns:
        (N + 1,).

    Example:
        >>> shares_at_nodes(jnp.array([1.0, 2.0]), jnp.array([0.25, 2.0]))
        Array([0.75, 0.25, 2.  ], dtype=float32)
    """
    zero = jnp.zeros(1, sums.dtype)
    return jnp.append(sums - moments, zero) + jnp.append(zero, moments)


def on_nodes(values: jax.Array, probs: jax.Array, cells: int) -> jax.Array:
    """Values shared between the nodes around their probabilities.

    Args:
        values: (n,).
        probs: (n,) in [0, 1].
        cells: N.

    Returns:
        (N + 1,), differentiable in values and probs.

    Example:
        >>> on_nodes(jnp.array([8.0, 1.0]), jnp.array([0.125, 1.0]), 4)
        Array([4., 4., 0., 0., 1.], dtype=float32)
    """
    cell, offset = locate(probs, cells)
    sums, moments = (sums_by_bin(each, cell, cells) for each in (values, values * offset))
    return shares_at_nodes(sums, moments)


def coarser(at_nodes: jax.Array, factor: int) -> jax.Array:
    """What the nodes of a grid with wider cells hold.

    Args:
        at_nodes: (N + 1,).
        factor: how many cells become one; divides N.

    Returns:
        (N / factor + 1,), total and centre of mass kept.

    Example:
        >>> coarser(jnp.array([0.0, 8.0, 0.0, 0.0, 1.0]), 2)
        Array([4., 4., 1.], dtype=float32)
    """
    cells = at_nodes[:-1].reshape(-1, factor)
    offsets = jnp.arange(factor, dtype=at_nodes.dtype) / factor
    shares = shares_at_nodes(jnp.sum(cells, axis=1), jnp.sum(cells * offsets, axis=1))
    return shares.at[-1].add(at_nodes[-1])


def cosines(at_nodes: jax.Array) -> jax.Array:
    """Amplitudes of cos(pi k t), k = 0..N, in the density of what the nodes hold.

    Args:
        at_nodes: (N + 1,).

    Returns:
        Real (N + 1,): the FFT of the even extension, end nodes doubled.

    Example:
        >>> cosines(jnp.array([0.0, 1.0, 0.0]))
        Array([ 2.,  0., -2.], dtype=float32)
    """
    ends = at_nodes.at[jnp.array([0, -1])].multiply(2)
    return jnp.fft.rfft(jnp.concatenate([ends, ends[-2:0:-1]])).real


def density(amplitudes: jax.Array) -> jax.Array:
    """The density at the nodes that has these amplitudes.

    Args:
        amplitudes: (N + 1,), of ``cosines``, times the factors of a kernel.

    Returns:
        (N + 1,), per unit of probability.

    Example:
        >>> density(cosines(jnp.array([0.0, 1.0, 0.0])))
        Array([0., 2., 0.], dtype=float32)
    """
    cells = len(amplitudes) - 1
    return cells * jnp.fft.irfft(amplitudes, 2 * cells)[: cells + 1]


def gaussian_factors(bandwidth: jax.Array, cells: int) -> jax.Array:
    """What the reflected Gaussian multiplies each cosine by.

    Args:
        bandwidth: s, a scalar.
        cells: N.

    Returns:
        (N + 1,): exp(-(pi k s)^2 / 2).

    Example:
        >>> gaussian_factors(jnp.array(0.0), 2)
        Array([1., 1., 1.], dtype=float32)
    """
    frequency = np.pi * jnp.arange(cells + 1, dtype=bandwidth.dtype)
    return jnp.exp(-jnp.square(frequency * bandwidth) / 2)


def integral(heights: jax.Array) -> jax.Array:
    """The trapezoid rule on [0, 1].

    Args:
        heights: (N + 1,) at the nodes.

    Returns:
        A scalar.

    Example:
        >>> integral(jnp.array([1.0, 0.0, 0.0]))
        Array(0.25, dtype=float32)
    """
    return (jnp.sum(heights) - (heights[0] + heights[-1]) / 2) / (len(heights) - 1)
