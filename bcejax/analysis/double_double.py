"""Arrays of 106 bits: an unevaluated sum of two float64 with an exponent of its own.

    value = (high + low) 2^exponent,    1/2 <= |high| <= 1,    |low| <= 2^-54

What the oracle computes in mpmath is compared with millions of results in NumPy through this
form; the exponent keeps it exact where float64 alone would overflow or turn subnormal.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bcejax.numerics import require

FAR = 2**40  # exp(-1e300) has an exponent beyond int64; beyond every format is enough


class Extended(NamedTuple):
    """Numbers (high + low) 2^exponent; 0, inf and nan stand in ``high`` with the rest 0.

    Example:
        >>> tiny = as_extended([1e-300])
        >>> square = Extended(tiny.high**2, 2 * tiny.high * tiny.low, 2 * tiny.exponent)
        >>> square.exponent, square.float64()
        (array([-1992]), array([0.]))
    """

    high: np.ndarray  # float64
    low: np.ndarray  # float64
    exponent: np.ndarray  # int64

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array of numbers."""
        return self.high.shape

    def float64(self) -> np.ndarray:
        """The nearest float64 (subnormal results may be rounded twice).

        Example:
            >>> as_extended([1, 1e-300]).float64()
            array([1.e+000, 1.e-300])
        """
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(self.high, self.exponent)


def extended(values: Sequence[Any], shape: tuple[int, ...]) -> Extended:
    """Pack mpmath numbers, in C order, as an ``Extended`` of a shape.

    Args:
        values: ``mpmath.mpf`` numbers, as many as the shape has places.
        shape: the shape of the result.

    Returns:
        The numbers to 106 bits.

    Example:
        >>> import mpmath
        >>> with mpmath.workprec(100):
        ...     third = mpmath.mpf(1) / 3
        >>> extended([third], (1,)).low
        array([3.70074342e-17])
    """
    mp = require("mpmath", extra="cli", purpose="the oracle").mp
    triples = [_triple(mp, value) for value in values]
    high, low, exponent = zip(*triples, strict=True) if triples else ((), (), ())
    return Extended(
        np.array(high, np.float64).reshape(shape),
        np.array(low, np.float64).reshape(shape),
        np.array(exponent, np.int64).reshape(shape),
    )


def read_digits(digits: Sequence[Any]) -> Extended:
    """Numbers written in decimal digits, as an ``Extended``.

    Args:
        digits: texts such as "0.25" or "1e-30", nested as the array is.

    Returns:
        The numbers to 106 bits.

    Example:
        >>> tenth = read_digits(["0.1"])
        >>> tenth.high, tenth.low, tenth.exponent
        (array([0.8]), array([-4.4408921e-17]), array([-3]))
    """
    mp = require("mpmath", extra="cli", purpose="exact values").mp
    with mp.workprec(200):
        numbers = [mp.mpf(each) for each in np.ravel(digits).tolist()]
    return extended(numbers, np.shape(digits))


def as_extended(values: ArrayLike | Extended) -> Extended:
    """Anything a result can be compared with, as an ``Extended``, without rounding.

    Args:
        values: an ``Extended``, mpmath numbers, or an array of any real dtype up to NumPy's
            longdouble.

    Returns:
        The same numbers (longdouble and mpmath to 106 bits).

    Example:
        >>> as_extended(np.float32([0.75, -3])).exponent
        array([0, 2])
    """
    if isinstance(values, Extended):
        return values
    array = np.asarray(values)
    if array.dtype == object:
        return extended(list(array.flat), array.shape)
    wide = array.astype(np.longdouble)
    mantissa, exponent = np.frexp(wide)
    high = mantissa.astype(np.float64)
    finite = np.isfinite(mantissa)
    rest = np.where(finite, mantissa, 0) - np.where(finite, high, 0)
    return Extended(high, rest.astype(np.float64), exponent.astype(np.int64))


def _triple(mp: Any, value: Any) -> tuple[float, float, int]:
    if not value or not mp.isfinite(value):
        return float(value), 0.0, 0
    with mp.workprec(200):
        mantissa, exponent = mp.frexp(value)
        high = float(mantissa)
        return high, float(mantissa - high), max(-FAR, min(FAR, int(exponent)))
