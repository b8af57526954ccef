"""How often labels are separated, and what programs return then."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from experiments import Figure
from experiments.separation.findings import law
from experiments.separation.judges import OF_SCIKIT, Found
from experiments.separation.settings import BINARY, NORMAL, Config

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def figure_of_shares(found: Found, config: Config) -> Figure:
    """By rows, with Cover's law."""
    told = ", ".join(f"{each.said.mean():.0%} of {kind.rows} rows" for kind, each in found.items())
    return Figure(
        "shares",
        "Share of data sets that our status calls separated, with two standard errors. The line is "
        "Cover's law for labels by a fair coin.",
        alt=f"The share falls with rows and lies on the law: {told}.",
        draw=partial(draw_shares, found=found, config=config),
    )


def draw_shares(ax: "Axes", *, found: Found, config: Config) -> None:
    """Points and the law."""
    for place, name in enumerate((NORMAL, BINARY)):
        here = {kind.rows: each.said for kind, each in found.items() if kind.name == name}
        shares = np.array([said.mean() for said in here.values()])
        errors = 2 * np.sqrt(shares * (1 - shares) / config.trials)
        ax.errorbar(list(here), shares, errors, fmt="o", color=f"C{place}", label=name)
    rows = np.arange(config.columns + 1, max(config.rows) + 1)
    ax.plot(rows, [law(int(n), config.columns) for n in rows], color="0.5", label="Cover's law")
    ax.set(xlabel="rows", ylabel="share separated", ylim=(-0.03, 1.03), xscale="log")
    ticks = sorted({*config.rows, *config.binary_rows})
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)


def figure_of_logits(found: Found) -> Figure:
    """Of separated data sets, what each program returns."""
    programs = ("firth", *OF_SCIKIT)
    largest = {
        name: np.sort(np.concatenate([each.largest[name][each.truth] for each in found.values()]))
        for name in programs
    }
    told = ", ".join(f"{name} {np.nanmedian(values):.2g}" for name, values in largest.items())
    return Figure(
        "logits",
        "The largest logit that a row is given where labels are separated and the optimum is "
        "infinite: the share of data sets below each size.",
        alt=f"Firth's logits are small, those of scikit-learn are where it stopped. "
        f"Medians: {told}.",
        draw=partial(draw_logits, largest=largest),
    )


def draw_logits(ax: "Axes", *, largest: dict[str, np.ndarray]) -> None:
    """A distribution for each program."""
    labels = {"firth": "Firth (ours)"} | {name: f"scikit-learn, {name}" for name in OF_SCIKIT}
    for name, values in largest.items():
        known = values[~np.isnan(values)]
        ax.step(known, np.arange(1, known.size + 1) / known.size, where="post", label=labels[name])
    ax.set(xscale="log", xlabel="largest |logit|", ylabel="share of data sets")
    ax.legend()
