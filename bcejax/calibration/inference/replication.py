"""Many replicates of one random computation: in batches, each from its own key.

The i-th replicate uses ``fold_in(key, i)``, so it does not depend on how many follow nor on how
they are batched.  A batch runs under vmap and is bounded in memory; what depends on no key (the
sort of the scores above all) XLA hoists out of the loop over the batches.
"""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from bcejax.calibration.threads import as_here
from bcejax.numerics import is_traced

# numbers in an array of a batch: what a core's cache holds, or what fills an accelerator
ELEMENTS = {"cpu": 2**14}
ELEMENTS_ELSEWHERE = 2**22
PIECES = 10  # of the work, for threads and reports of progress


def replicated(
    once: Callable[[jax.Array, jax.Array], Any],
    key: jax.Array,
    first: jax.Array,
    count: int,
    size: int,
) -> Any:
    """What ``once`` gives for replicates first, first + 1, ..., to be called under jit.

    Args:
        once: a traceable function of a key and of the number i of the replicate.
        key: of all replicates.
        first: int32, the first replicate.
        count: how many; static.
        size: numbers in the arrays that one replicate works on; static.

    Returns:
        The result's pytree, with a leading axis of length ``count``.

    Example:
        >>> replicated(lambda key, i: jax.random.uniform(key), jax.random.key(0), 0, 3, 1).shape
        (3,)
    """
    elements = ELEMENTS.get(jax.default_backend(), ELEMENTS_ELSEWHERE)
    rounds = -(-count // max(1, elements // size))
    batch = -(-count // rounds)
    replicates = first + jnp.arange(rounds * batch).reshape(rounds, batch)

    def one(replicate: jax.Array) -> Any:
        return once(jax.random.fold_in(key, replicate), replicate)

    if batch == 1:  # a vmap over one costs a third of the time to compile
        return lax.map(one, replicates[:, 0])
    results = lax.map(jax.vmap(one), replicates)
    return jax.tree.map(lambda each: each.reshape(-1, *each.shape[2:])[:count], results)


def as_floats(found: Any) -> Any:
    """What a metric gave, whole numbers too, as arrays of floats that intervals can be made of.

    Example:
        >>> as_floats({"hits": 3})
        {'hits': Array(3., dtype=float32)}
    """
    return jax.tree.map(lambda each: jnp.asarray(each, jnp.result_type(each, float)), found)


def in_pieces(
    piece: Callable[[int, int], Any],
    count: int,
    progress: Callable[[int, int], None] | None,
    given: Any,
) -> Any:
    """All replicates: a tenth at a time on as many threads as there are cores, or, traced, at once.

    XLA on CPU runs the loops inside a piece on one core.

    Args:
        piece: gives ``piece(first, count)`` replicates; a jitted function.
        count: how many in all.
        progress: called as ``progress(done, count)`` after each piece, in order; or None.
        given: what the replicates are made of, to see whether it is traced.

    Returns:
        The pieces' pytree, with a leading axis of length ``count``.

    Example:
        >>> in_pieces(lambda first, count: first + jnp.arange(count), 12, print, None)
        2 12
        4 12
        6 12
        8 12
        10 12
        12 12
        Array([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11], dtype=int32)
    """
    if is_traced(jnp.zeros(()), given):  # under jit a constant is traced too
        return piece(0, count)
    length = -(-count // PIECES)

    @as_here
    def run(first: int) -> Any:
        return jax.block_until_ready(piece(first, length))

    results = []
    with ThreadPoolExecutor(min(os.cpu_count() or 1, PIECES)) as pool:
        # the first piece by itself: it compiles what the others then find
        for result in itertools.chain([run(0)], pool.map(run, range(length, count, length))):
            results.append(result)
            if progress is not None:
                progress(min(len(results) * length, count), count)
    return jax.tree.map(lambda *parts: jnp.concatenate(parts)[:count], *results)
