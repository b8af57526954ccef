"""What came to a fit, as a ``Problem`` and a place to start from.

One world per call: NumPy arrays, lists and data frames become NumPy float64; as soon as one array
is JAX's, or a number is traced, all become JAX's, in the dtype of the inputs, float32 at least.
Shapes and dtypes are judged always, values where they can be looked at; a traced value that should
have been refused becomes nan.
"""

from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.numerics import check_labels, within
from bcejax.solvers.matrices import is_csr, is_sparse, shown
from bcejax.solvers.problem import Problem


def as_problem(
    inputs: Any,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    l2: ArrayLike = 0.0,
    l1: ArrayLike = 0.0,
    intercept: bool = True,
) -> Problem:
    """The problem in its world, arguments as ``fit_logistic``.

    Raises:
        TypeError: an array is not of real numbers, or ``where`` not boolean.
        ValueError: shapes differ; or a label, weight, offset or penalty is out of its range.

    Example:
        >>> as_problem([[0.0], [1.0]], [0, 1], weights=[1, 3]).weights
        array([0.25, 0.75])
    """
    given = {"labels": labels, "weights": weights, "where": where, "offset": offset}
    traced = [each for each in (l2, l1) if isinstance(each, jax.core.Tracer)]
    jaxed = any(isinstance(each, jax.Array) for each in (inputs, *given.values(), *traced))
    jaxed = jaxed or (is_sparse(inputs) and not is_csr(inputs))
    world = jnp if jaxed else np
    inputs = _inputs(world, inputs)
    n = inputs.shape[0] if inputs.ndim == 2 else 0
    if not n or not inputs.shape[1] + bool(intercept):
        raise ValueError(
            f"inputs must be (n, d) with n >= 1 and d >= 1, or d >= 0 beside an intercept, got"
            f" {inputs.shape}"
        )
    dtype = jnp.promote_types(inputs.dtype, jnp.float32) if jaxed else np.dtype(np.float64)
    vectors = {name: _vector(world, each, name, inputs.shape) for name, each in given.items()}
    w, present, o = vectors["weights"], vectors["where"], vectors["offset"]
    if present is not None and present.dtype != bool:
        raise TypeError(f"where must be boolean, got {present.dtype}; numbers go into weights")
    y = vectors["labels"]
    o = world.zeros(n, dtype) if o is None else o.astype(dtype)
    inputs = inputs.astype(dtype) if is_sparse(inputs) else inputs.astype(dtype, copy=False)
    l2, l1 = (nonnegative(world, each, name, dtype) for name, each in (("l2", l2), ("l1", l1)))
    if w is None and present is None:
        shares, total = world.full(n, 1 / n, dtype), world.asarray(n, dtype)
    else:
        w = world.ones(n, dtype) if w is None else w.astype(dtype)
        w = w if present is None else world.where(present, w, 0)
        _check_weights(w)
        # what is in order stays, for a derivative in the weight asks for it
        y = world.where((w == 0) & ~((y >= 0) & (y <= 1)), 0, y)
        o = shown(o, w == 0)
        inputs = inputs if is_sparse(inputs) else shown(inputs, (w == 0)[:, None])
        w = within(w, 0.0, float(jnp.finfo(dtype).max)) if jaxed else w
        with np.errstate(over="ignore"):
            shares, total = _shares(world, w), world.sum(w)
    if offset is not None:
        _check_offset(o)
    y = check_labels(y).astype(dtype, copy=False)
    y = within(y, 0.0, 1.0) if jaxed else y
    return Problem(inputs, y, shares, o, l2, l1, bool(intercept), total)


def as_start(problem: Problem, init: Any, *, shifted: bool = True) -> Any:
    """The params to start from, (p,), far from which the hessian may lead nowhere.

    Of these the one where F is lowest: coefficients 0 and the intercept that gives the mean label
    at offset 0, or at the mean offset; and ``init``, unless None.

    Args:
        problem: what is to be fitted.
        init: as ``fit_logistic``.
        shifted: whether there are offsets.

    Raises:
        TypeError: ``init`` is no such pair.
        ValueError: the coefficients are not (d,), or the intercept not a number.

    Example:
        >>> as_start(as_problem([[0.0], [1.0]], [0, 1]), ([2.0], -1.0))
        array([ 2., -1.])
    """
    xp, d, dtype = problem.world.xp, problem.inputs.shape[1], problem.labels.dtype

    def last(number: Any) -> Any:
        return xp.append(xp.zeros(d, dtype), number)

    def mean(values: Any) -> Any:
        # the threads of a product, w @ v, would spin beside those of the fit
        return xp.einsum("i,i", problem.weights, values)

    eps = float(jnp.finfo(dtype).eps)
    share = xp.clip(mean(problem.labels), eps, 1 - eps)
    starts = [last(xp.log(share) - xp.log1p(-share))]
    if shifted and problem.intercept:
        starts.append(starts[0] - last(mean(problem.offset)))
    if init is not None:
        if not isinstance(init, tuple | list) or len(init) < 2:
            raise TypeError(f"init must be (coefficients, intercept) or a Solution, got {init!r}")
        b, c = (xp.asarray(each, dtype) for each in (init[0], init[1]))
        if b.shape != (d,) or c.shape != ():
            raise ValueError(
                f"init must hold coefficients ({d},) and an intercept (), got {b.shape} and"
                f" {c.shape}"
            )
        starts.append(xp.append(b, c))
    best, *others = (each[: d + problem.intercept] for each in starts)
    for other in others:
        best = xp.where(problem.value(other) <= problem.value(best), other, best)
    return best


def find_gap(problem: Problem) -> None:
    """Refuse inputs that are not finite, by row and column; for a fit that came to nothing.

    Raises:
        ValueError: a value is nan or infinite.
    """
    if is_sparse(problem.inputs):
        if not np.isfinite(np.asarray(problem.inputs.data)).all():
            raise ValueError("inputs, which are sparse, hold values that are not finite")
        return
    inputs = np.asarray(problem.inputs)
    wrong = ~np.isfinite(inputs)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"inputs hold {inputs[row, column]} at row {row}, column {column}"
            f" ({wrong.sum()} of {inputs.size} values are not finite): drop or fill them, or give"
            " the rows weight 0"
        )


def _inputs(world: ModuleType, inputs: Any) -> Any:
    """Dense, or a matrix of JAX's or of SciPy's that is sparse, in the world of the others."""
    if hasattr(inputs, "tocsr"):
        if world is jnp:
            raise TypeError("inputs in SciPy's format go with NumPy's arrays, JAX's with BCOO")
        inputs = inputs.tocsr()
    if is_sparse(inputs):
        as_real(world, inputs.data, "inputs")
        return inputs
    return as_real(world, inputs, "inputs")


def as_real(world: ModuleType, values: Any, name: str) -> Any:
    """An array of real numbers in the world; of objects that are numbers too.

    Raises:
        TypeError: they are not.

    Example:
        >>> as_real(np, np.array([[0.5, True]], object), "inputs")
        array([[0.5, 1. ]])
    """
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if isinstance(values, np.ndarray) and values.dtype == object:
        # as of a data frame that has truth values beside numbers
        values = np.array(values.tolist())
    array = world.asarray(values)
    if not (jnp.issubdtype(array.dtype, jnp.number) or array.dtype == bool) or (
        jnp.issubdtype(array.dtype, jnp.complexfloating)
    ):
        raise TypeError(f"{name} must be real numbers, got {array.dtype}")
    return array


def _vector(world: ModuleType, values: Any, name: str, shape: tuple[int, ...]) -> Any:
    if values is None:
        return None
    array = as_real(world, values, name)
    if array.shape != shape[:1]:
        raise ValueError(f"{name} must be {shape[:1]} beside inputs {shape}, got {array.shape}")
    return array


def _check_weights(w: Any) -> None:
    if isinstance(w, jax.core.Tracer):
        return
    w = np.asarray(w)  # under jit what is asked of JAX's would be traced
    if not (w >= 0).all() or not (w < np.inf).all():
        raise ValueError(f"weights must be finite and >= 0, got {w.min()} to {w.max()}")
    if not (w > 0).any():
        raise ValueError("weights are all 0: no example counts")


def check_nonnegative(values: Any, name: str) -> None:
    """Refuse what is negative or not finite, where it can be looked at.

    Raises:
        ValueError: one of them is, or is nan.

    Example:
        >>> check_nonnegative(np.array([0.1, -2.0]), "l2")
        Traceback (most recent call last):
        ValueError: l2 must be finite and >= 0, got -2.0
    """
    if isinstance(values, jax.core.Tracer):
        return
    known = np.asarray(values)  # under jit what is asked of JAX's would be traced
    for wrong in known[~((known >= 0) & (known < np.inf))][:1]:
        raise ValueError(f"{name} must be finite and >= 0, got {wrong}")


def _check_offset(o: Any) -> None:
    if not isinstance(o, jax.core.Tracer) and not bool(np.isfinite(o).all()):
        raise ValueError("offset must be finite where an example has weight")


def _shares(world: ModuleType, w: Any) -> Any:
    """The weights over their sum, which might overflow."""
    largest = jax.lax.stop_gradient(world.max(w)) if world is jnp else np.max(w)
    w = w / largest
    return w / world.sum(w)


def nonnegative(world: ModuleType, value: Any, name: str, dtype: Any) -> Any:
    """A finite number >= 0, in the world and dtype; traced and not so, it is nan.

    Raises:
        TypeError: it is no real number.
        ValueError: it is more than one, or out of the range.

    Example:
        >>> nonnegative(np, 2, "l2", np.float64)
        array(2.)
    """
    number = as_real(world if isinstance(value, jax.core.Tracer) else np, value, name)
    if number.shape != ():
        raise ValueError(f"{name} must be one number, got shape {number.shape}; vmap over many")
    check_nonnegative(number, name)
    number = world.asarray(number, dtype)
    return within(number, 0.0, float(jnp.finfo(dtype).max)) if world is jnp else number
