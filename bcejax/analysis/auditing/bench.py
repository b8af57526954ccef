"""The loss and its derivatives as functions of arrays, whatever library they come from.

A JAX loss is differentiated in reverse mode, as often as the quantity asks: for losses that act
on each example alone, one vector-Jacobian product with ones gives every example's derivative.
A loss that returns one number for all examples is given one example at a time.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.analysis.auditing.points import Points, points_of
from bcejax.analysis.subjects import Function, Subject

DERIVATIVES = ("gradient", "hessian", "third", "label_gradient")
TRIALS = {
    "logits": ((1.5, -2.0, 0.5, -1.0), (0.0, 1.0, 1.0, 0.0)),
    "probs": ((0.75, 0.25, 0.5, 0.875), (0.0, 1.0, 1.0, 0.0)),
}


class NotOfferedError(Exception):
    """The library has no such thing."""


class Bench(NamedTuple):
    """What every check works with."""

    subject: Subject
    dtype: np.dtype
    points: Points
    labels: tuple[float, ...]
    reduces: bool  # one number for all examples
    each: Function  # (scores, labels) to one loss for each example
    derived: Mapping[str, Function]  # it and its derivatives by JAX, compiled; empty elsewhere
    functions: Mapping[str, Function]  # each quantity that is offered: given, or derived

    @property
    def size(self) -> int:
        """How many examples every call has, so that each function is compiled once; even."""
        return len(self.points.scores) + len(self.points.scores) % 2

    def array(self, values: Any, dtype: Any = None) -> Any:
        """Values as the loss shall see them, in the dtype of the audit unless told."""
        array = np.array(values).astype(self.dtype if dtype is None else dtype)
        return jnp.asarray(array) if self.subject.jax else array

    def spread(self, values: Any, dtype: Any = None) -> Any:
        """Values repeated up to the size of every call."""
        return self.array(np.resize(np.asarray(values), self.size), dtype)

    def trial(self) -> tuple[Any, Any]:
        """Moderate scores and hard labels."""
        scores, labels = TRIALS[self.subject.form]
        return self.spread(scores), self.spread(labels)

    def compiled(self, function: Function) -> Function:
        """The function under jit; as it is, where JAX cannot trace it."""
        try:
            _trace(function, self.dtype, self.size)
        except Exception:
            return function
        return jax.jit(function)

    def take(self, quantity: str, points: Points) -> np.ndarray:
        """The quantity at the points, (n,).

        Raises:
            NotOfferedError: the library does not offer it.
        """
        if quantity not in self.functions:
            raise NotOfferedError(f"{self.subject.name} offers no {quantity.replace('_', ' ')}")
        scores, labels = (self.spread(each) for each in points[:2])
        got = as_numbers(self.functions[quantity](scores, labels), (self.size,))
        return got[: len(points.scores)]


def set_up(subject: Subject, dtype: np.dtype, labels: tuple[float, ...]) -> Bench:
    """Try the loss once and make its functions."""
    subject = subject._replace(jax=subject.jax and not needs_numbers(subject, dtype))
    points = points_of(subject.form, labels, dtype)
    bare = Bench(subject, dtype, points, labels, False, subject.loss, {}, {})
    try:
        reduces = np.shape(subject.loss(*bare.trial())) == ()
    except Exception:  # the checks will say it, each in its place
        reduces = False
    each = one_by_one(subject) if reduces else subject.loss
    bench = bare._replace(reduces=reduces, each=each)
    derived = _derived(bench) if subject.jax else {"value": each}
    given = {name: getattr(subject, name) for name in DERIVATIVES if getattr(subject, name)}
    return bench._replace(derived=derived, functions=derived | given)


def needs_numbers(subject: Subject, dtype: np.dtype) -> bool:
    """Whether the loss turns its arguments into NumPy arrays, which JAX cannot trace."""
    try:
        _trace(subject.loss, dtype, 2)
    except jax.errors.TracerArrayConversionError:
        return True
    except Exception:
        return False
    return False


def one_by_one(subject: Subject) -> Function:
    """One loss for each example from a loss that reduces."""
    if subject.jax:
        return jax.vmap(lambda x, y: subject.loss(x[None], y[None]))
    return lambda x, y: np.array(
        [subject.loss(x[i : i + 1], y[i : i + 1]) for i in range(len(x))], np.result_type(x)
    )


def pulled(function: Function, of: int = 0) -> Function:
    """The derivative in one argument, by reverse mode."""

    def derivative(*arguments: Any) -> Any:
        out, pull = jax.vjp(function, *arguments)
        return pull(jnp.ones_like(out))[of]

    return derivative


def pushed(function: Function) -> Function:
    """The derivative in the first argument, by forward mode."""

    def derivative(x: Any, y: Any) -> Any:
        return jax.jvp(lambda v: function(v, y), (x,), (jnp.ones_like(x),))[1]

    return derivative


def as_numbers(got: Any, shape: tuple[int, ...]) -> np.ndarray:
    """What came, as an array of that shape.

    Raises:
        ValueError: it has another.
    """
    array = np.asarray(got)
    if array.shape != shape:
        raise ValueError(f"gives shape {array.shape} for scores and labels of shape {shape}")
    return array


def _derived(bench: Bench) -> dict[str, Function]:
    gradient = pulled(bench.each)
    functions = {
        "value": bench.each,
        "gradient": gradient,
        "hessian": pulled(gradient),
        "third": pulled(pulled(gradient)),
        "label_gradient": pulled(bench.each, of=1),
    }
    return {name: bench.compiled(function) for name, function in functions.items()}


def _trace(function: Function, dtype: np.dtype, size: int) -> None:
    """Trace it; what that raises says why JAX cannot."""
    unknown = jax.ShapeDtypeStruct((size,), dtype)
    jax.eval_shape(function, unknown, unknown)
