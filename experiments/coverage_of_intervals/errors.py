"""The calibration errors that are bootstrapped and tested, several at once."""

from collections.abc import Callable, Sequence
from typing import Any

import jax

from bcejax.calibration.errors import (
    debiased_squared_error,
    expected_calibration_error,
    smooth_calibration_error,
)
from experiments.coverage_of_intervals.settings import DEBIASED, ECE, SMOOTH, SQUARE


def _square(labels: Any, **scores: Any) -> jax.Array:
    return expected_calibration_error(labels, norm=2, **scores) ** 2


def _smooth(labels: Any, **scores: Any) -> jax.Array:
    return smooth_calibration_error(labels, cells=256, **scores)


METRICS: dict[str, Callable[..., jax.Array]] = {
    ECE: expected_calibration_error,
    SQUARE: _square,
    DEBIASED: debiased_squared_error,
    SMOOTH: _smooth,
}


def errors_of(
    names: Sequence[str], *, of_population: bool = False
) -> Callable[..., dict[str, jax.Array]]:
    """One metric of several errors, which share resamples and simulations.

    Args:
        names: of the errors.
        of_population: whether examples are all there are, so that there is no bias to take off.
    """
    metrics = {**METRICS, DEBIASED: _square} if of_population else METRICS

    def errors(labels: Any, **scores: Any) -> dict[str, jax.Array]:
        return {name: metrics[name](labels, **scores) for name in names}

    return errors
