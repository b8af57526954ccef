"""The ways down, by passes and by seconds, and what they do to calibration."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from experiments import Figure
from experiments.newton_or_adam.contest import DIRECTIONS, EXACT, Found, Outcome
from experiments.newton_or_adam.findings import NEWTON, RECIPE_WAY, stretch
from experiments.newton_or_adam.settings import ADAM_RATE, RECIPE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOKS = (1, 2, 3, 5, RECIPE, 20, 30, 50, 100)  # epochs at which the slope is taken


def shown_of(outcome: Outcome) -> dict[str, tuple[str, float]]:
    """The ways that are drawn: exact ones, first-order ones at their best rate, and the recipe."""
    ways = {name: (name, 0.0) for name in EXACT}
    best = {name: outcome.nearest(name) for name in DIRECTIONS}
    ways |= {f"{name}, rate {way[1]:g}": way for name, way in best.items()}
    return ways | {f"adam, rate {ADAM_RATE:g}": RECIPE_WAY}


def figure_of_descents(found: Found) -> Figure:
    """A row for each problem: by passes, by seconds."""
    told = "; ".join(
        f"{name}: newton {outcome.excess(NEWTON)[-1]:.0e}, "
        + ", ".join(f"{way} {outcome.excess(outcome.nearest(way))[-1]:.0e}" for way in DIRECTIONS)
        for name, outcome in found.items()
    )
    return Figure(
        "descents",
        "Excess of the training objective over its minimum, by passes over the data (left) and by "
        "seconds of a warm run (right).",
        alt="Newton and L-BFGS fall to rounding, Adam and SGD level off. Excess at the end: "
        f"{told}.",
        draw=partial(draw_descents, found=found),
        panels=(len(found), 2),
    )


def draw_descents(*axes: "Axes", found: Found) -> None:
    """The same colours on both sides."""
    for row, (name, outcome) in enumerate(found.items()):
        left, right = axes[2 * row : 2 * row + 2]
        for place, (label, way) in enumerate(shown_of(outcome).items()):
            descent, excess = outcome.descents[way], outcome.excess(way)
            marker = "o" if way[0] in EXACT else None
            style: dict[str, Any] = {
                "color": f"C{place}",
                "marker": marker,
                "markersize": 3,
                "label": label,
            }
            left.plot(descent.passes + 1, excess, **style)
            right.plot(descent.seconds[1:], excess[1:], **style)
        left.set(
            title=name, xscale="log", yscale="log", xlabel="passes + 1", ylabel="excess (nats)"
        )
        right.set(title=name, xscale="log", yscale="log", xlabel="seconds")
        right.legend(loc="upper left", bbox_to_anchor=(1, 1))


def figure_of_slopes(found: Found) -> Figure:
    """The slope of recalibration while Adam learns."""
    told = ", ".join(f"{name} {stretch(outcome):.3g}" for name, outcome in found.items())
    slopes = {
        name: {
            epochs: stretch(outcome, epochs)
            for epochs in LOOKS
            if epochs < len(outcome.descents[RECIPE_WAY].params)
        }
        for name, outcome in found.items()
    }
    return Figure(
        "slopes",
        f"Slope of the recalibration of the training logits after each epoch of Adam at "
        f"{ADAM_RATE:g}, over that of the optimum: above 1, the model says less than it knows.",
        alt=f"Slopes begin high and fall towards 1; after {RECIPE} epochs {told}.",
        draw=partial(draw_slopes, slopes=slopes),
    )


def draw_slopes(ax: "Axes", *, slopes: Mapping[str, Mapping[int, float]]) -> None:
    """One curve for each problem."""
    for name, each in slopes.items():
        ax.plot(list(each), list(each.values()), "o-", markersize=3, label=name)
    ax.axhline(1, color="0.5", linewidth=0.8)
    ax.set(xscale="log", yscale="log", xlabel="epochs", ylabel="slope over the optimum's")
    ax.legend()
