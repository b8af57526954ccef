"""Checks of the options that functions on many floors take."""

import numpy as np


def check_count(name: str, count: int | np.integer, least: int = 1) -> None:
    """Refuse what is no integer, or too small a one.

    Args:
        name: of the option.
        count: its value.
        least: the smallest that is taken.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is below ``least``.

    Example:
        >>> check_count("n_resamples", 0)
        Traceback (most recent call last):
        ValueError: n_resamples is 0; there must be 1 or more
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer):
        raise TypeError(f"{name} is {count!r}; it must be an integer")
    if count < least:
        raise ValueError(f"{name} is {count}; there must be {least} or more")


def check_confidence(confidence: float) -> None:
    """Refuse a confidence outside (0, 1).

    Raises:
        ValueError: it lies outside.

    Example:
        >>> check_confidence(95)
        Traceback (most recent call last):
        ValueError: confidence 95 does not lie between 0 and 1
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} does not lie between 0 and 1")
