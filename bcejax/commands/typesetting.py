"""Values as a careful printer sets them: a true minus, powers of ten raised, no ``e-07``."""
# ruff: noqa: RUF001, RUF002 (the signs that look like others are what this file is about)

import re
from typing import Any

WORDS = {None: "–", True: "yes", False: "no"}
POWER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?e[-+]?\d+\b")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def typeset(value: Any, spec: str | None = None) -> str:
    """A value as text for readers.

    Args:
        value: a number, a truth value, text, a sequence of these, or None for what is missing.
        spec: a format specification for numbers, as of ``format``; None gives floats 6
            significant digits and integers all of theirs.

    Returns:
        The text: 2e-09 as 2×10⁻⁹, -1 as −1, True as yes, None as a dash.

    Raises:
        ValueError: the specification is none for such a number.

    Example:
        >>> [typeset(value) for value in (-2.5e-9, 1234567, True, None, float("-inf"), "a-b")]
        ['−2.5×10⁻⁹', '1234567', 'yes', '–', '−∞', 'a-b']
        >>> typeset(1 / 3, ".17g")
        '0.33333333333333331'
    """
    value = value.item() if hasattr(value, "item") else value  # a scalar of NumPy or JAX
    if isinstance(value, list | tuple):
        return ", ".join(typeset(each, spec) for each in value)
    if value is None or isinstance(value, bool):
        return WORDS[value]
    if isinstance(value, float):
        return _with_signs(format(value, ".6g" if spec is None else spec))
    return _with_signs(format(value, spec or "d")) if isinstance(value, int) else str(value)


def raise_powers(text: str) -> str:
    """Running text with the powers of ten of its numbers raised: 5e-07 as 5×10⁻⁷.

    Example:
        >>> raise_powers("off by 5e-07 in float32, 1.5e+04 times")
        'off by 5×10⁻⁷ in float32, 1.5×10⁴ times'
    """
    return POWER.sub(lambda found: _with_signs(found[0]), text)


def _with_signs(digits: str) -> str:
    """ASCII digits with a true minus, an infinity sign, and the exponent raised."""
    digits = re.sub(r"^-(?=[0.]+$)", "", digits.replace("inf", "∞"))  # rounded to no sign
    mantissa, mark, exponent = re.sub(r"[eE]\+?(-?)0*(?=\d)", r"e\1", digits).partition("e")
    raised = f"×10{exponent.translate(RAISED)}" if mark else ""
    return (mantissa + raised).replace("-", "−")
