"""How far off a number may be: one table, dtype by dtype, and what another device adds to it.

The bounds are those that the library promises on a CPU and its tests hold there.  A GPU has to keep
them too: its exp and log1p are within 2 ulp (NVIDIA, CUDA C++ Programming Guide, Mathematical
Functions), as a CPU's are.  A TPU has functions of fewer digits, and makes float64 of two float32
numbers, which hold 48 bits.  Neither has been measured here: a claim that fails there is a finding.
"""

import math
from typing import NamedTuple

import jax.numpy as jnp

WIDER = {("tpu", "float32"): 4.0, ("tpu", "float64"): 64.0}  # times the bounds of a CPU


class Pair(NamedTuple):
    """A bound in ulp for the labels 0 and 1, and for labels between."""

    hard: float
    soft: float


class Tolerance(NamedTuple):
    """What is allowed in one dtype."""

    losses: dict[str, Pair]  # value and derivatives of ours in the logit
    highest: dict[str, Pair]  # with accuracy="highest"
    newton_step: float  # relative error over eps: gradient, second derivative, one rounding
    model: float  # relative error of a derivative of a whole model, at ordinary parameters


QUANTITIES = ("value", "gradient", "hessian", "third")
LOSSES = {name: Pair(ulp, ulp) for name, ulp in zip(QUANTITIES, (3, 1, 2.5, 5), strict=True)}
HIGHEST = dict(zip(QUANTITIES, (Pair(1, 2), Pair(1, 2), Pair(2, 2), Pair(5, 5)), strict=True))
ROUNDED_ONCE = dict.fromkeys(QUANTITIES, Pair(0.501, 0.501))  # what float32 lost, and one rounding

ON_CPU = {  # nan where nothing is claimed
    "float64": Tolerance(LOSSES, HIGHEST, newton_step=4, model=1e-13),
    "float32": Tolerance(LOSSES, HIGHEST, newton_step=4, model=5e-5),
    "bfloat16": Tolerance(ROUNDED_ONCE, ROUNDED_ONCE, newton_step=4, model=5e-2),
    "float16": Tolerance(ROUNDED_ONCE, ROUNDED_ONCE, newton_step=4, model=math.nan),
}


def tolerance(dtype: str, platform: str | None = None) -> Tolerance:
    """What is allowed in a dtype on a device.

    Args:
        dtype: "float64", "float32", "bfloat16" or "float16".
        platform: "cpu", "gpu" or "tpu"; that of the device which computes now if not given.

    Returns:
        The bounds.

    Raises:
        ValueError: nothing is known of such a dtype.

    Example:
        >>> tolerance("float32", "cpu").losses["gradient"].hard
        1.0
        >>> tolerance("float32", "tpu").losses["gradient"].hard
        4.0
    """
    if dtype not in ON_CPU:
        raise ValueError(f"dtype {dtype!r} is not one of {', '.join(ON_CPU)}")
    (here,) = {device.platform for device in jnp.zeros(()).devices()}
    times = WIDER.get((platform or here, dtype), 1.0)
    losses, highest, newton_step, model = ON_CPU[dtype]
    return Tolerance(
        _times(times, losses), _times(times, highest), times * newton_step, times * model
    )


def _times(factor: float, bounds: dict[str, Pair]) -> dict[str, Pair]:
    return {name: Pair(factor * hard, factor * soft) for name, (hard, soft) in bounds.items()}
