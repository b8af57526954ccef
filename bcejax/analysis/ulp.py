"""Errors in units in the last place of the exact result.

For an exact value v with 2^(e-1) <= |v| < 2^e and a format of t bits (24 in float32),

    ulp(v) = 2^(max(e, e_min) - t),    error = |got - v| / ulp(v)

where e_min belongs to the smallest normal number: below it the unit stays, so a result that is
flushed to zero counts up to 2^(t-1) units.  v is never rounded to the format first: a correctly
rounded result has an error of up to 0.5, not 0.
"""

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from bcejax.analysis.double_double import Extended, as_extended


class Worst(NamedTuple):
    """The largest error and where it is.

    ``got`` and ``exact`` are float64; ``at`` holds the inputs in the order they were given.

    Example:
        >>> found = worst(np.float32([1, 2]), np.array([1, 2 + 2**-22]), [10, 20])
        >>> f"{found.error} ulp at {found.at[0]}: {found.got}, exactly {found.exact:.10}"
        '1.0 ulp at 20.0: 2.0, exactly 2.000000238'
    """

    error: float
    at: tuple[float, ...]
    got: float
    exact: float
    position: tuple[int, ...]


def ulp_error(got: Any, exact: ArrayLike | Extended, dtype: Any = None) -> np.ndarray:
    """Distance of results from exact values in units in the last place.

    Args:
        got: results, an array of float16, bfloat16, float32 or float64, any shape.
        exact: what they should be: an ``Extended`` of that shape from ``exact_values``, or
            mpmath numbers, or an array of a wider dtype.
        dtype: the format whose unit counts; that of ``got`` if None.

    Returns:
        float64 array of that shape. 0 for the infinity that the exact value rounds to and for
        nan where nan is exact; inf for nan, or a wrong infinity, where it is not.

    Raises:
        TypeError: ``got`` is not floating.
        ValueError: the shapes differ.

    Accuracy: errors below 1e6 ulp are themselves right to 1e-6 relative + 1e-12
    (tests/analysis/test_ulp.py).

    Example:
        >>> ulp_error(np.float32([1.0, 0.3]), np.array([1 + 2**-24, 0.3]))
        array([0.5, 0.4])
    """
    got, exact = np.asarray(got), as_extended(exact)
    if not jnp.issubdtype(got.dtype, jnp.floating):
        raise TypeError(f"got has dtype {got.dtype}; ulp_error takes floating results")
    if got.shape != exact.shape:
        raise ValueError(f"got has shape {got.shape} and exact {exact.shape}; they must be equal")
    info = jnp.finfo(got.dtype if dtype is None else dtype)
    unit = np.maximum(_binade(exact), info.minexp + 1) - (info.nmant + 1)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        error = np.abs(_difference(got.astype(np.float64), exact, unit))
    return _at_the_ends(error, got.astype(np.float64), exact, info)


def spacing(exact: ArrayLike | Extended, dtype: Any) -> np.ndarray:
    """The unit in the last place of exact values, in a format, as float64.

    Args:
        exact: as in ``ulp_error``, finite.
        dtype: float16, bfloat16, float32 or float64.

    Returns:
        Powers of two; at most those of the smallest normal number.

    Example:
        >>> float(spacing(1.0, np.float64)), float(spacing(0.0, np.float16))
        (2.220446049250313e-16, 5.960464477539063e-08)
    """
    info = jnp.finfo(dtype)
    unit = np.maximum(_binade(as_extended(exact)), info.minexp + 1) - (info.nmant + 1)
    return np.ldexp(1.0, unit)


def worst(got: Any, exact: ArrayLike | Extended, *inputs: ArrayLike, dtype: Any = None) -> Worst:
    """The largest error, with the input that shows it.

    Args:
        got: as in ``ulp_error``, not empty.
        exact: as in ``ulp_error``.
        *inputs: the arguments of the function under test; each broadcasts to ``got``.
        dtype: as in ``ulp_error``.

    Returns:
        A ``Worst``; a test that asserts ``worst(...).error <= 3`` prints it all when it fails.

    Raises:
        TypeError, ValueError: as ``ulp_error``; ValueError also where there is nothing to compare.

    Example:
        >>> worst(np.float32([1, 2]), np.array([1, 2 + 2**-22]), [10, 20])
        Worst(error=1.0, at=(20.0,), got=2.0, exact=2.000000238418579, position=(1,))
    """
    got, exact = np.asarray(got), as_extended(exact)
    error = ulp_error(got, exact, dtype)
    if not error.size:
        raise ValueError(f"got has shape {got.shape}; worst needs one number or more")
    place = tuple(int(i) for i in np.unravel_index(int(np.argmax(error)), error.shape))
    wide = [np.asarray(each).astype(np.float64) for each in inputs]
    at = tuple(float(np.broadcast_to(each, error.shape)[place]) for each in wide)
    exact_there = float(exact.float64()[place])
    return Worst(float(error[place]), at, float(got[place]), exact_there, place)


def relative_error(got: ArrayLike, reference: ArrayLike) -> float:
    """The norm of the difference over the norm of the reference; no square overflows or underflows.

    Args:
        got: numbers of any shape and real dtype.
        reference: numbers of the same shape; its dtype counts when it is wider than float64.

    Returns:
        A number >= 0; the norm of ``got`` if the reference is all zero.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> relative_error([3.0, 4.5], [3.0, 4.0])
        0.1
    """
    got, reference = np.asarray(got), np.asarray(reference)
    if got.shape != reference.shape:
        raise ValueError(f"got has shape {got.shape} and reference {reference.shape}")
    wide = np.result_type(reference.dtype, np.float64)
    size = math.hypot(*reference.ravel())
    distance = math.hypot(*(got.astype(wide) - reference.astype(wide)).ravel())
    return distance / size if size else distance


def _binade(exact: Extended) -> np.ndarray:
    """The e of 2^(e-1) <= |v| < 2^e; very small for 0."""
    # high may have been rounded up to 1, or be 1/2 with a rest that points to 0
    outward = np.sign(exact.high) * exact.low
    below_half = (np.abs(exact.high) == 0.5) & (outward < 0)
    at_one = (np.abs(exact.high) == 1) & (outward >= 0)
    binade = exact.exponent - below_half.astype(int) + at_one.astype(int)
    return np.where(exact.high == 0, np.iinfo(np.int32).min // 2, binade)


def _difference(got: np.ndarray, exact: Extended, unit: np.ndarray) -> np.ndarray:
    """(got - exact) / 2^unit; exact up to one rounding where got is near."""
    mantissa, exponent = np.frexp(got)
    # the same power of two for both, so that near numbers subtract without an error
    scaled = np.ldexp(mantissa, np.clip(exponent - exact.exponent, -5000, 5000))
    return np.ldexp((scaled - exact.high) - exact.low, np.clip(exact.exponent - unit, -5000, 5000))


def _at_the_ends(error: np.ndarray, got: np.ndarray, exact: Extended, info: Any) -> np.ndarray:
    """Nan and infinities: right is 0, wrong is inf."""
    largest = as_extended(np.float64(info.max))
    half_unit = np.ldexp(0.5, info.maxexp - (info.nmant + 1) - largest.exponent)
    scaled = np.ldexp(np.abs(exact.high), np.clip(exact.exponent - largest.exponent, -5000, 5000))
    rounds_to_inf = scaled >= largest.high + half_unit
    same_inf = np.isinf(got) & rounds_to_inf & (np.sign(got) == np.sign(exact.high))
    same = same_inf | (np.isnan(got) & np.isnan(exact.high))
    special = ~np.isfinite(got) | ~np.isfinite(exact.high)
    return np.where(special, np.where(same, 0.0, np.inf), error)
