"""A fixed sample of numbers, and what exact arithmetic makes of them.

The exact values, to 40 digits, are shipped beside this file, so that what a device is held against
depends on nothing that is installed; tests/commands/test_doctor.py holds them against the oracle.
The points and labels are float32 numbers, hence the same in every wider dtype.
"""

import json
from collections.abc import Callable
from importlib import resources

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.analysis.double_double import Extended, read_digits

_MAGNITUDES = np.array([1e-30, 1e-5, 0.01, 0.3, 1, 2.5, 7, 14.7, 17, 33, 60, 86], np.float32)
POINTS = np.concatenate([-_MAGNITUDES[::-1], [np.float32(0)], _MAGNITUDES])
LABELS = np.array([0, 1], np.float32)
FUNCTIONS: dict[str, tuple[Callable[[jax.Array], jax.Array], np.ndarray]] = {
    "exp": (jnp.exp, POINTS),
    "log1p": (jnp.log1p, np.exp2(np.linspace(-60, 60, 25), dtype=np.float32)),
    "tanh": (jnp.tanh, POINTS),
}
DIGITS = 40
QUANTITIES = ("value", "gradient", "hessian")


def exact_of(name: str) -> Extended:
    """The shipped exact values of a function, or (labels, points) of a quantity of the loss.

    Args:
        name: "exp", "log1p", "tanh", "value", "gradient" or "hessian".

    Returns:
        The numbers to 106 bits.

    Example:
        >>> exact_of("exp").float64()[12], exact_of("hessian").shape
        (np.float64(1.0), (2, 25))
    """
    text = resources.files(__package__).joinpath("exact.json").read_text(encoding="utf-8")
    return read_digits(json.loads(text)[name])
