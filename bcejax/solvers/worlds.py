"""One algorithm in two worlds: JAX's, which is traced, and NumPy's, which runs as it is written.

A single small fit is over before JAX has compiled it.  So what such a fit consists of is written in
terms of a ``World``, and ``world_of`` an array says which: NumPy's arrays stay on the host, in
loops of Python, and everything else is JAX's.  Both give the same answers, to rounding.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bcejax.losses import bce_gradient, bce_hessian, bce_with_logits
from bcejax.solvers.side_by_side import in_parts

LARGE = 2**20  # numbers in a matrix whose product with a vector threads share

State = TypeVar("State")
Result = TypeVar("Result")


class World(NamedTuple):
    """What arrays are made and moved with."""

    xp: Any  # numpy or jax.numpy
    matmul: Callable[[Any, Any], Any]
    while_loop: Callable[..., Any]  # as lax.while_loop
    cond: Callable[..., Any]  # as lax.cond without operands
    add_up: Callable[[Callable[[Any], Any], int], Any]  # sum of f(i), i < m
    cholesky: Callable[[Any], Any]  # lower factor; nan where there is none
    solve_lower: Callable[[Any, Any, bool], Any]  # L^-1 v, or L'^-1 v
    losses: Callable[[Any, Any], Any]  # of logits and labels
    slopes: Callable[[Any, Any], Any]  # their derivatives in the logits
    bends: Callable[[Any], Any]  # the second ones


def world_of(array: Any) -> World:
    """The world that an array lives in.

    Example:
        >>> world_of(np.zeros(2)).xp.__name__
        'numpy'
    """
    return NUMPY if isinstance(array, np.ndarray | np.generic) else JAX


def in_float64(function: Callable[..., Result], *arrays: Any, **static: Any) -> Result:
    """What a function of JAX's makes of NumPy's arrays: in float64 whatever the flag, NumPy out.

    While the caller is traced too, for these are not.  (``jax.ensure_compile_time_eval`` would
    also take each constant within the function for a program of its own.)

    Example:
        >>> in_float64(jnp.exp, np.array([1.0]))
        array([2.71828183])
    """
    # a view, for of an array that a compiled function closes over JAX would take the float32 copy
    arrays = jax.tree.map(
        lambda leaf: leaf.view() if isinstance(leaf, np.ndarray) else leaf, arrays
    )
    with jax.enable_x64(True), jax.core.eval_context():
        numbers: Result = jax.tree.map(np.asarray, function(*arrays, **static))
    return numbers


def _add_up_traced(term: Callable[[Any], jax.Array], count: int) -> jax.Array:
    if count == 1:
        return term(0)
    like = jax.eval_shape(term, 0)
    nothing = jnp.zeros(like.shape, like.dtype)
    return lax.fori_loop(0, count, lambda i, total: total + term(i), nothing)


def _solve_lower_traced(factor: jax.Array, vector: jax.Array, transposed: bool) -> jax.Array:
    return lax.linalg.triangular_solve(
        factor, vector[:, None], left_side=True, lower=True, transpose_a=transposed
    )[:, 0]


def _matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a @ b; of a large matrix and a vector in several threads."""
    if max(a.size, b.size) < LARGE or a.ndim + b.ndim != 3:
        return np.matmul(a, b)
    if a.ndim == 2:
        return np.concatenate(in_parts(len(a), a.size, lambda first, end: a[first:end] @ b))
    sums = in_parts(len(b), b.size, lambda first, end: a[first:end] @ b[first:end])
    return np.sum(sums, axis=0)


def _while(goes_on: Callable[[State], Any], step: Callable[[State], State], state: State) -> State:
    while goes_on(state):
        state = step(state)
    return state


def _cholesky(matrix: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return np.full_like(matrix, np.nan)


def _solve_lower(factor: np.ndarray, vector: np.ndarray, transposed: bool) -> np.ndarray:
    if not np.isfinite(factor).all():
        return np.full_like(vector, np.nan)
    return np.linalg.solve(factor.T if transposed else factor, vector)


def _losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    miss = np.where(logits > 0, 1 - labels, labels)  # share of the label that the logit leans from
    return miss * np.abs(logits) + np.log1p(np.exp(-np.abs(logits)))


def _slopes(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    decay = np.exp(-np.abs(logits))
    unlikely = decay / (1 + decay)
    return np.where(logits > 0, 1 - labels - unlikely, unlikely - labels)


def _bends(logits: np.ndarray) -> np.ndarray:
    decay = np.exp(-np.abs(logits))
    return decay / (1 + decay) ** 2


JAX = World(
    jnp,
    lambda a, b: jnp.matmul(a, b, precision=lax.Precision.HIGHEST),  # a GPU would round to 10 bits
    lax.while_loop,
    lax.cond,
    _add_up_traced,
    lambda matrix: lax.linalg.cholesky(matrix, symmetrize_input=False),
    _solve_lower_traced,
    bce_with_logits,
    bce_gradient,
    bce_hessian,
)
NUMPY = World(
    np,
    _matmul,
    _while,
    lambda holds, then, otherwise: then() if holds else otherwise(),
    lambda term, count: sum(map(term, range(1, count)), term(0)),
    _cholesky,
    _solve_lower,
    _losses,
    _slopes,
    _bends,
)
