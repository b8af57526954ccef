# ruff: noqa: RUF001 (the signs that look like others are meant)
import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcejax.commands import typeset


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (-1, "−1"),
        (10**12, "1000000000000"),
        (0.1 + 0.2, "0.3"),
        (1234567.0, "1.23457×10⁶"),
        (2e-9, "2×10⁻⁹"),
        (-2.5e-100, "−2.5×10⁻¹⁰⁰"),
        (1e10, "1×10¹⁰"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "nan"),
        (True, "yes"),
        (np.False_, "no"),
        (None, "–"),
        ("e-7", "e-7"),
        ((16, 8), "16, 8"),
        ([], ""),
        (np.float32(0.1), "0.1"),
        (np.int64(-3), "−3"),
        (jnp.bfloat16(0.5), "0.5"),
        (jnp.float32(0.25), "0.25"),
    ],
)
def test_a_value_in_words(value, words):
    assert typeset(value) == words


@pytest.mark.parametrize(
    ("value", "spec", "words"),
    [
        (1 / 3, ".17g", "0.33333333333333331"),
        (1 / 3, "", "0.3333333333333333"),
        (0.256, ".0%", "26%"),
        (-1e-7, "+.2e", "−1.00×10⁻⁷"),
        (1e-7, "+.2E", "+1.00×10⁻⁷"),
        (12345, ",", "12,345"),
        (0.5, ".3f", "0.500"),
        (-1e-9, ".3f", "0.000"),
        (-0.0, None, "0"),
    ],
)
def test_a_value_as_specified(value, spec, words):
    assert typeset(value, spec) == words


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_digit_is_lost(value):
    raised = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
    assert float(typeset(value, "").translate(raised).replace("×10", "e")) == value
