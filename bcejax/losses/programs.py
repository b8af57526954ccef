"""Each elementwise loss is one program, from its arguments as they came to its masked results.

JAX compiles what it is asked for outside jit one operation at a time, and runs them one by one: a
loss would be sixteen programs, its gradient twice as many.  So a loss checks its arguments, which
needs their shapes and Python's numbers alone, and hands all arithmetic to one function under jit,
which inside another jit is part of that.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses.arguments import check_floats, check_mask, check_real, widened
from bcejax.losses.settings import Setting, hidden, setting
from bcejax.numerics import outlive_scans, within


class Given(NamedTuple):
    """What every elementwise loss is given: checked, and otherwise as it came."""

    scores: ArrayLike
    labels: ArrayLike | None = None
    smoothing: Setting | None = None
    where: ArrayLike | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the scores."""
        return jnp.shape(self.scores)


class Ready(Protocol):
    """A setting, which is made ready when the scores are."""

    def ready(self, scores: jax.Array, keep: jax.Array | None) -> Any:
        """What the loss computes with."""


def elementwise(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    name: str,
    label_smoothing: ArrayLike = 0.0,
    where: ArrayLike | None = None,
) -> Given:
    """What an elementwise loss is given by its caller.

    Args:
        scores: floats of any shape.
        labels: numbers or booleans of that shape.
        name: what the scores are called in a message.
        label_smoothing: number in [0, 1] that broadcasts to the shape.
        where: booleans that broadcast to the shape.

    Raises:
        TypeError: scores are not floats, labels not real, or where not boolean.
        ValueError: shapes differ, or do not broadcast to the scores' shape.

    Example:
        >>> elementwise(0.5, True, name="logits").labels
        True
    """
    x, y = check_floats(scores, name), check_real(labels, "labels")
    shape, other = jnp.shape(x), jnp.shape(y)
    if shape != other:
        raise ValueError(f"labels have shape {other}, {name} {shape}: they must be equal")
    keep = None if where is None else check_mask(where, shape, name)
    if isinstance(label_smoothing, int | float) and label_smoothing == 0:
        return Given(x, y, None, keep)
    share = setting(label_smoothing, "label_smoothing", shape, to="labels", high=1.0)
    return Given(x, y, share, keep)


def evaluate(
    core: Callable[..., Any],
    given: Given,
    *settings: Ready | None,
    judge: bool = True,
    **options: Any,
) -> Any:
    """A loss or several, in one program; masked results are 0.

    Masked entries become logit 0, label 0 and a harmless setting before anything is computed from
    them, the gates of their ranges included, so that no nan under the mask reaches a gradient.

    Args:
        core: function of a module, by which programs are kept, of the scores, the labels if there
            are any, the settings, made ready, and the options; scores and labels have one shape
            and one dtype, float32 or wider.
        given: what the loss was given.
        settings: what else of numbers, or None.
        judge: whether labels outside [0, 1] become nan here; else the core judges them.
        options: what the program depends on.

    Example:
        >>> evaluate(jnp.add, elementwise([0.5, jnp.nan], [1, 0], name="x", where=[True, False]))
        Array([1.5, 0. ], dtype=float32)
    """
    return _program(core, given, settings, judge, tuple(options.items()))


@partial(jax.jit, static_argnums=(0, 3, 4), inline=True)
def _program(
    core: Callable[..., Any],
    given: Given,
    settings: tuple[Ready | None, ...],
    judge: bool,
    options: tuple[tuple[str, Any], ...],
) -> Any:
    @outlive_scans
    def computed(given: Given, settings: tuple[Ready | None, ...]) -> Any:
        keep = None if given.where is None else jnp.broadcast_to(given.where, given.shape)
        x = hidden(widened(given.scores), keep, 0)
        arrays = (x,) if given.labels is None else (x, _labels(given, x, keep, judge))
        ready = (None if each is None else each.ready(x, keep) for each in settings)
        results = core(*arrays, *ready, **dict(options))
        return jax.tree.map(lambda result: hidden(result, keep, 0), results)

    return computed(given, settings)


def _labels(given: Given, x: jax.Array, keep: jax.Array | None, judge: bool) -> jax.Array:
    y = hidden(jnp.asarray(given.labels).astype(x.dtype), keep, 0)
    if judge or given.smoothing is not None:
        y = within(y, 0.0, 1.0)
    return y if given.smoothing is None else smooth(y, given.smoothing.ready(x, keep))


def smooth(labels: jax.Array, share: jax.Array) -> jax.Array:
    """Labels moved towards 1/2 by that share of the way.

    Example:
        >>> smooth(jnp.array([0.0, 1.0]), jnp.float32(0.1))
        Array([0.05, 0.95], dtype=float32)
    """
    return labels + share * (0.5 - labels)
