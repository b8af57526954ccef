"""How times grow with the number of predictions, and how far the ECE is from a mere copy."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bcejax.calibration.errors import (
    expected_calibration_error,
    kernel_calibration_error,
    smooth_calibration_error,
)
from bcejax.calibration.isotonic import isotonic_regression
from experiments import Claim, Figure, Table
from experiments.speed_of_calibration.setting import Call, Config, Data
from experiments.timing import Times, exponent, name_sizes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Growth: TypeAlias = Mapping[tuple[str, int], Times]  # (what, predictions) to its times

ECE, COPY = "ECE", "copy of its arrays"
STEEPEST = 1.4  # exponent that is claimed; n log n has 1.1 here
MEASURES: dict[str, Callable[..., Any]] = {
    ECE: expected_calibration_error,
    "smooth ECE": smooth_calibration_error,
    "isotonic regression": isotonic_regression,
    "kernel error": kernel_calibration_error,
}


def calls_of(data: Data, config: Config) -> dict[tuple[str, int], Call]:
    """Every measure at every size, and the copy."""
    calls: dict[tuple[str, int], Call] = {}
    for n in config.sizes:
        _, probs, labels = data.first(n).on_device
        for what, measure in MEASURES.items():
            calls[what, n] = partial(measure, labels, probs=probs)
        # labels and probabilities, 4 bytes each, read once and written once
        both = np.stack([data.probs[:n], data.probs[:n]])
        calls[COPY, n] = partial(np.copyto, np.empty_like(both), both)
    return calls


def exponents(growth: Growth) -> dict[str, float]:
    """Of n, by least squares of the logarithms of the median times.

    Example:
        >>> growth = {("sort", n): Times(1.0, np.array([2e-9 * n])) for n in (10, 100, 1000)}
        >>> {what: round(power, 6) for what, power in exponents(growth).items()}
        {'sort': 1.0}
    """
    return {
        what: exponent(*curve(growth, what)) for what in dict.fromkeys(what for what, _ in growth)
    }


def curve(growth: Growth, what: str) -> tuple[list[int], list[float]]:
    """Sizes, and the median times there."""
    there = {n: times.median for (each, n), times in growth.items() if each == what}
    return list(there), list(there.values())


def over_copy(growth: Growth, n: int) -> float:
    """Time of the ECE over that of the copy."""
    return growth[ECE, n].median / growth[COPY, n].median


def details_of_growth(growth: Growth) -> str:
    """The exponents, and the copy."""
    n = max(n for _, n in growth)
    told = ", ".join(f"{what} {power:.2f}" for what, power in exponents(growth).items())
    return (
        f"Exponents of n: {told}. The ECE of {n:,} takes {over_copy(growth, n):.2g} times as long"
        " as to copy its arrays."
    )


def claims_of_growth(growth: Growth) -> tuple[Claim, ...]:
    """None grows like the pairs of predictions."""
    return tuple(
        Claim(f"{what}: exponent of n", power, "<=", STEEPEST)
        for what, power in exponents(growth).items()
        if what != COPY
    )


def tabulate_growth(growth: Growth) -> Table:
    """A row for each measure."""
    powers = exponents(growth)
    sizes = dict.fromkeys(n for _, n in growth)
    return Table(
        "scaling",
        "Median times (ms) by number of predictions, and the exponent of n fitted to them.",
        {
            "measure": list(powers),
            **{f"n = {n:,}": [1e3 * growth[what, n].median for what in powers] for n in sizes},
            "exponent": list(powers.values()),
        },
        formats={"exponent": ".2f"},
    )


def figure_of_growth(growth: Growth) -> Figure:
    """Time against n, both logarithmic."""
    told = ", ".join(f"{what} {power:.2f}" for what, power in exponents(growth).items())
    return Figure(
        "scaling",
        "Time against the number of predictions, both logarithmic. No measure takes all pairs: each"
        " line is about as steep as n itself, or flatter where a call's fixed cost weighs.",
        alt=f"Nearly straight lines; exponents: {told}.",
        draw=partial(draw_growth, growth=growth),
    )


def draw_growth(ax: "Axes", *, growth: Growth) -> None:
    """A line for each measure, that of the copy dashed."""
    for what, power in exponents(growth).items():
        sizes, seconds = curve(growth, what)
        line = "--" if what == COPY else "o-"
        ax.plot(sizes, 1e3 * np.array(seconds), line, label=f"{what}, {power:.2f}")
    ax.set(xscale="log", yscale="log", xlabel="predictions", ylabel="time (ms)")
    name_sizes(ax, {n for _, n in growth})
    ax.legend(title="and exponent of n", fontsize=7.5, loc="upper left", bbox_to_anchor=(1, 1))
