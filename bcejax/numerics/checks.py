"""Checks of values where data enter: what is wrong, how often, and what would be right.

They look at values, so they run eagerly, on NumPy or JAX arrays and anything that NumPy takes.
A tracer has no values: only its dtype is checked, and inside jit a label outside [0, 1] gives a
nan loss instead.
"""

from typing import TypeVar

import jax
import numpy as np
from jax.typing import ArrayLike

Values = TypeVar("Values", bound=ArrayLike)


def check_labels(labels: Values, *, name: str = "labels") -> Values:
    """Labels of the binary loss: numbers in [0, 1], soft ones welcome.

    Args:
        labels: numbers or booleans of any shape.
        name: what to call them in a message.

    Returns:
        The labels, as they came.

    Raises:
        TypeError: they are not real numbers.
        ValueError: a label is nan or lies outside [0, 1]; for classes 0, 1, 2, for -1 and 1, for
            1 and 2 and for percentages the message says what to do.

    Example:
        >>> check_labels([0, 1, 0.5])
        [0, 1, 0.5]
        >>> check_labels([0, 1, 2])
        Traceback (most recent call last):
        ValueError: labels lie in [0, 1], found classes 0, 1, 2: this is the binary loss; for more \
classes use optax.softmax_cross_entropy
    """
    found = _outside(labels, name)
    if found is not None:
        raise ValueError(f"{name} lie in [0, 1], {_advice_on_labels(found)}")
    return labels


def check_probs(probs: Values, *, name: str = "probs") -> Values:
    """Probabilities of label 1: numbers in [0, 1].

    Args:
        probs: numbers of any shape.
        name: what to call them in a message.

    Returns:
        The probabilities, as they came.

    Raises:
        TypeError: they are not real numbers.
        ValueError: one is nan or lies outside [0, 1]; percentages are named as such.

    Example:
        >>> check_probs([85.0, 10.0])
        Traceback (most recent call last):
        ValueError: probs lie in [0, 1], found 10.0 to 85.0: divide percentages by 100
    """
    found = _outside(probs, name)
    if found is not None:
        hint = ": divide percentages by 100" if _look_like_percentages(found) else ""
        logits = ": logits go to the functions that take logits" if found.min() < 0 else ""
        raise ValueError(f"{name} lie in [0, 1], {_extent(found)}{hint or logits}")
    return probs


def is_traced(*trees: object) -> bool:
    """Whether any array in these has no values yet, because jit, vmap or grad is at work.

    Example:
        >>> is_traced(np.zeros(2), [1.0])
        False
    """
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(trees))


def _outside(values: ArrayLike, name: str) -> np.ndarray | None:
    """All values, if some lie outside [0, 1] by more than rounding; else None."""
    if isinstance(values, jax.core.Tracer):
        _check_real(values.dtype, name)
        return None
    array = np.asarray(values)
    _check_real(array.dtype, name)
    wide = np.asarray(array, np.float64)
    missing = np.isnan(wide)
    if missing.any():
        first = ", ".join(str(i) for i in np.argwhere(missing)[0])
        raise ValueError(
            f"{name} hold nan at {missing.sum()} of {array.size} places, first at index {first}:"
            " drop these examples or mask them"
        )
    slack = 4 * np.finfo(np.float32).eps if array.dtype.itemsize < 8 else 4 * np.finfo(float).eps
    inside = (wide >= -slack) & (wide <= 1 + slack)
    return None if inside.all() else wide


def _check_real(dtype: np.dtype, name: str) -> None:
    kinds = (np.bool_, np.integer, np.floating)
    if not any(jax.dtypes.issubdtype(dtype, kind) for kind in kinds):
        raise TypeError(f"{name} must be real numbers, got {dtype}")


def _advice_on_labels(found: np.ndarray) -> str:
    classes = np.unique(found)
    whole = (classes == np.round(classes)).all()
    if whole and 2 < classes.size == classes.max() - classes.min() + 1 and classes.size <= 1000:
        listed = ", ".join(f"{c:.0f}" for c in classes[:5]) + (", ..." if classes.size > 5 else "")
        return (
            f"found classes {listed}: this is the binary loss; "
            "for more classes use optax.softmax_cross_entropy"
        )
    if set(classes) <= {-1.0, 1.0}:
        return "found -1 for 0: map them with (labels + 1) / 2"
    if set(classes) <= {1.0, 2.0}:
        return "found 1 and 2: map them with labels - 1"
    hint = ": divide percentages by 100" if _look_like_percentages(found) else ""
    return _extent(found) + hint


def _look_like_percentages(found: np.ndarray) -> bool:
    return bool(found.min() >= 0 and 2 < found.max() <= 100)


def _extent(found: np.ndarray) -> str:
    return f"found {found.min()} to {found.max()}"
