"""Sums over many examples, piece by piece.

A program that lays out a million examples, bins them and adds them up writes several arrays of that
length and reads them again, which takes longer than to compute them. A piece is so small that all
between the arrays given and its sums stays in the processor's cache; two pieces at a time keep two
threads at work. Its time, next to that of a copy of the arrays, is in the record of
experiments/speed_of_calibration.
"""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax

Sums = TypeVar("Sums")

PIECE = 2**16  # examples, at most


def sum_of_pieces(
    sums: Callable[..., Sums],
    labels: jax.Array,
    scores: jax.Array,
    weights: jax.Array | None,
    mask: jax.Array | None,
) -> Sums:
    """What a function that sums over examples makes of many.

    Args:
        sums: called as ``sums(labels, scores, weights, mask)`` on all or on pieces (m,); its
            result is the sum of its results on the parts.
        labels: any shape, n in all.
        scores: of that shape.
        weights: broadcasts to that shape; None for none.
        mask: likewise.

    Returns:
        ``sums(labels, scores, weights, mask)`` but for rounding. Its derivatives are those of the
        whole: what a gradient writes is as long as the arrays anyway.

    Held by tests/calibration/test_pieces.py against the whole.

    Example:
        >>> def weight(labels, scores, weights, mask):
        ...     return jnp.sum(jnp.where(mask, weights, 0))
        >>> ones = jnp.ones(300_000)
        >>> sum_of_pieces(weight, ones, ones, ones, ones > 0)
        Array(300000., dtype=float32)
    """
    n = labels.size
    if n <= 2 * PIECE:
        return sums(labels, scores, weights, mask)
    pairs = -(-n // (2 * PIECE))
    size = -(-n // (2 * pairs))

    @jax.custom_jvp
    def summed(*given: jax.Array | None) -> Sums:
        flat = [
            None if each is None else jnp.broadcast_to(each, labels.shape).ravel() for each in given
        ]

        def piece(number: jax.Array) -> Sums:
            start = jnp.minimum(number * size, n - size)
            own = [
                None if each is None else lax.dynamic_slice_in_dim(each, start, size)
                for each in flat
            ]
            # the last begins before the one before it ends
            new = start + jnp.arange(size) >= number * size
            return sums(*own[:3], new if own[3] is None else own[3] & new)

        def pair(number: jax.Array, both: tuple[Sums, Sums]) -> tuple[Sums, Sums]:
            return jax.tree.map(jnp.add, both, (piece(2 * number), piece(2 * number + 1)))

        nothing = jax.tree.map(
            lambda each: jnp.zeros(each.shape, each.dtype), jax.eval_shape(piece, 0)
        )
        return jax.tree.map(jnp.add, *lax.fori_loop(0, pairs, pair, (nothing, nothing)))

    @summed.defjvp
    def _(primals, tangents):  # type: ignore[no-untyped-def]
        return jax.jvp(sums, primals, tangents)

    return summed(labels, scores, weights, mask)
