"""Estimates against the truth, by examples and by bins."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from experiments import Figure
from experiments.bias_of_ece.estimators import (
    LESS,
    PLUG_IN,
    SMOOTH,
    SQUARE,
    SWEEP,
    name_of_plug_in,
    theory,
)
from experiments.bias_of_ece.findings import Findings
from experiments.bias_of_ece.settings import Config
from experiments.bias_of_ece.trials import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = (PLUG_IN, LESS, SWEEP, SMOOTH, SQUARE)


def figure_of_sizes(found: Findings, config: Config) -> Figure:
    """A panel for each model."""
    size = config.sizes[-1]
    told = "; ".join(
        f"slope {slope:g}: "
        + ", ".join(
            f"{name} {found[Case(slope, size)][name].estimates.mean():.4f} "
            f"(truth {found[Case(slope, size)][name].truth:.4f})"
            for name in SHOWN
        )
        for slope in config.slopes
    )
    return Figure(
        "sizes",
        "Mean estimates by number of examples; nine of ten lie within the lines, and the dashes "
        "are true values.",
        alt=f"The ECE falls towards its true value from above as examples are added, the squared "
        f"error stays at it. At {size} examples, {told}.",
        draw=partial(draw_sizes, found=found, config=config),
        panels=(1, len(config.slopes)),
    )


def draw_sizes(*axes: "Axes", found: Findings, config: Config) -> None:
    """Means with their spread, side by side at each size."""
    for ax, slope in zip(axes, config.slopes, strict=True):
        for place, name in enumerate(SHOWN):
            each = [found[Case(slope, size)][name] for size in config.sizes]
            shift = 1.06 ** (place - len(SHOWN) / 2)
            at = np.array(config.sizes) * shift
            low, high = np.transpose([one.middle for one in each])
            ax.vlines(at, low, high, color=f"C{place}", linewidth=1)
            ax.plot(at, [one.estimates.mean() for one in each], "o", color=f"C{place}", label=name)
            ax.axhline(each[0].truth, color=f"C{place}", linestyle="--", linewidth=0.8)
        ax.set(title=f"slope {slope:g}", xscale="log", xlabel="examples", ylabel="estimate")
        ax.set_xticks(config.sizes, [str(size) for size in config.sizes])
        ax.set_xticks([], minor=True)
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1))


def figure_of_bins(found: Findings, config: Config) -> Figure:
    """The ECE of a calibrated model by the number of bins."""
    slope = config.slopes[0]
    told = ", ".join(
        f"{found[Case(slope, size)][name_of_plug_in(bins, 'width')].estimates.mean():.3f} "
        f"in {bins} bins at {size} examples"
        for size in config.sizes
        for bins in config.bins
    )
    return Figure(
        "bins",
        "Mean ECE of a calibrated model by the number of bins; lines are the theory's.",
        alt=f"Dots on lines that rise with the number of bins and sink with that of examples: "
        f"{told}.",
        draw=partial(draw_bins, found=found, config=config),
    )


def draw_bins(ax: "Axes", *, found: Findings, config: Config) -> None:
    """Dots and the lines of the theory."""
    fine = np.unique(np.geomspace(min(config.bins), max(config.bins), 20).astype(int))
    for place, size in enumerate(config.sizes):
        each = found[Case(config.slopes[0], size)]
        means = [each[name_of_plug_in(k, "width")].estimates.mean() for k in config.bins]
        ax.plot(config.bins, means, "o", color=f"C{place}", label=f"{size} examples")
        lines = [theory(int(k), size, config) for k in fine]
        ax.plot(fine, lines, color=f"C{place}", linewidth=1)
    ax.set(xscale="log", yscale="log", xlabel="bins", ylabel="mean ECE of a calibrated model")
    ax.set_xticks(config.bins, [str(bins) for bins in config.bins])
    ax.set_xticks([], minor=True)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
