"""What the least expected losses say of the truth: claims, a table, and curves."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.calibration_of_losses.links import Link
from experiments.calibration_of_losses.population import (
    Minimiser,
    minimise,
    told_apart,
    truths,
    wrong_side,
)
from experiments.calibration_of_losses.settings import Config


class Departures(NamedTuple):
    """How far the minimisers of each loss depart from the truths."""

    off: dict[str, float]  # largest |s(x*) - truth|
    sides: dict[str, float]  # share of truths on the other side of 1/2 than x*
    apart: dict[str, bool]  # whether x* tells truths apart
    lost: dict[str, float]  # largest error of the inverse link at x*, where there is one

    def nearest(self, links: dict[str, Link]) -> str:
        """The loss that comes nearest to the truth of those that are not proper."""
        return min((name for name in links if not links[name].proper), key=self.off.__getitem__)


def check_population(config: Config, track: Track) -> tuple[dict[str, Minimiser], Result]:
    """The minimiser of each loss, and what was expected of it."""
    truth, links = truths(config), config.links
    found = {name: minimise(links[name], truth) for name in track(config.losses, "losses")}
    departures = depart(truth, found)
    improper = {name: each for name, each in found.items() if not links[name].proper}
    verdict = Verdict(claims_of(links, found, departures), *answer_of(links, found, departures))
    return found, Result(verdict, (tabulate(departures, config),), (figure_of(truth, improper),))


def depart(truth: np.ndarray, found: dict[str, Minimiser]) -> Departures:
    """How far each is off."""
    return Departures(
        {name: float(np.max(np.abs(each.probs - truth))) for name, each in found.items()},
        {name: wrong_side(truth, each) for name, each in found.items()},
        {name: told_apart(truth, each) for name, each in found.items()},
        {
            name: float(np.max(np.abs(each.restored - np.clip(truth, *each.reach))))
            for name, each in found.items()
            if each.restored is not None
        },
    )


def claims_of(
    links: dict[str, Link], found: dict[str, Minimiser], departures: Departures
) -> tuple[Claim, ...]:
    """Proper losses are least at the truth, the others where their inverse links say."""
    proper = [name for name, link in links.items() if link.proper]
    nearest = departures.nearest(links)
    return (
        Claim(
            "expected loss at the minimisers found, above the least on a grid of logits",
            max(each.above_least for each in found.values()),
            "<=",
            1e-12,
        ),
        Claim(
            "inverse links on paper, largest difference from those by derivatives of the losses",
            max(each.strays for each in found.values()),
            "<=",
            1e-12,
        ),
        Claim(
            f"largest |s(x*) - truth| of the proper losses, {_listed(proper)}",
            max(departures.off[name] for name in proper),
            "<=",
            1e-12,
        ),
        Claim(
            f"largest |s(x*) - truth| of the nearest of the others, {nearest}",
            departures.off[nearest],
            ">=",
            0.05,
        ),
        Claim(
            "truths on the other side of 1/2 than the minimiser, largest share for a loss that "
            "should keep the side",
            max(departures.sides[name] for name, link in links.items() if link.sided),
            "==",
            0,
        ),
        Claim(
            "the same, smallest share for one that should not",
            min(departures.sides[name] for name, link in links.items() if not link.sided),
            ">=",
            0.25,
        ),
        Claim(
            "losses that tell truths apart otherwise than expected",
            sum(
                departures.apart[name] != (link.inverse is not None) for name, link in links.items()
            ),
            "==",
            0,
        ),
        Claim(
            "inverse link at the minimiser, largest distance from the truth within its reach",
            max(departures.lost.values()),
            "<=",
            1e-12,
        ),
    )


def answer_of(
    links: dict[str, Link], found: dict[str, Minimiser], departures: Departures
) -> tuple[str, tuple[str, ...]]:
    """Which losses tell the truth, and what the others do to it."""
    off, nearest = departures.off, departures.nearest(links)
    proper = [name for name, link in links.items() if link.proper]
    upper = min(each.reach[1] for each in found.values())
    moved = [name for name, link in links.items() if not link.sided]
    mute = [name for name, link in links.items() if link.inverse is None]
    answer = (
        f"Of {len(links)} losses these have it as they stand: {_listed(proper)}. The inverse links "
        f"of all others but {_listed(mute)} restore the true probability, to "
        f"{max(departures.lost.values()):.0e}."
    )
    return answer, (
        f"The sigmoid of the best logit is off the truth by {max(off[name] for name in proper):.0e}"
        f" at most with {_listed(proper)}, and by at least {off[nearest]:.2f} somewhere with any "
        f"other ({nearest}).",
        f"The border is moved off 1/2 by {_listed(moved)}; nothing but the side is kept by "
        f"{_listed(mute)}. Inverse links give back truths below {upper:.3f}.",
    )


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def tabulate(departures: Departures, config: Config) -> Table:
    """A row for each loss."""
    return Table(
        "population",
        f"What the least expected loss says of {config.points} true probabilities.",
        {
            "loss": list(departures.off),
            "largest |s(x*) - truth|": list(departures.off.values()),
            "share on the wrong side of 1/2": list(departures.sides.values()),
            "tells truths apart": ["yes" if each else "no" for each in departures.apart.values()],
            "largest error after the inverse link": [
                departures.lost.get(name) for name in departures.off
            ],
        },
        formats={
            "largest |s(x*) - truth|": ".2g",
            "share on the wrong side of 1/2": ".2f",
            "largest error after the inverse link": ".0e",
        },
    )


def figure_of(truth: np.ndarray, improper: dict[str, Minimiser]) -> Figure:
    """The minimisers against the truths."""
    return Figure(
        "minimisers",
        "The sigmoid of each loss's best logit against the true probability. Left, losses that "
        "make too sure; in the middle, losses that make too modest; right, those that move the "
        "border off 1/2. On the diagonal: the proper ones.",
        alt="Left, curves steeper than the diagonal, symmetric about the middle, up to the step "
        "of the absolute error. In the middle flatter ones, down to the two levels of the hinge. "
        "Right, curves above the diagonal on both sides of the middle.",
        draw=partial(draw_minimisers, truth=truth, found=improper),
        panels=(1, 3),
    )


def leaning(truth: np.ndarray, found: Minimiser) -> int:
    """0 for too sure, 1 for too modest, 2 for neither about 1/2: a panel each."""
    if wrong_side(truth, found):
        return 2
    upper = truth > 0.5
    return int(np.mean(found.probs[upper] - truth[upper]) < 0)


def draw_minimisers(*axes: Any, truth: np.ndarray, found: dict[str, Minimiser]) -> None:
    """One curve for each loss that is not proper."""
    styles = ["-", "--", "-.", ":"]
    titles = ("too sure", "too modest", "another border")
    for ax, title in zip(axes, titles, strict=True):
        ax.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        ax.set(title=title, xlabel="true probability", ylabel="sigmoid of the best logit")
        ax.set_aspect("equal")
    for name, each in found.items():
        ax = axes[leaning(truth, each)]
        style = styles[(len(ax.lines) - 1) % len(styles)]
        ax.plot(truth, each.probs, style, label=name)
    for ax in axes:
        ax.legend(fontsize="small")
