"""What was found: claims, the answer, tables and the figure."""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments import Claim, Figure, Table
from experiments.averages import Mean, mean_of
from experiments.coverage_of_intervals.coverage import Share
from experiments.likelihood.settings import BOOTSTRAP, FIRTH_PROFILE, PROFILE, WALD, Config
from experiments.likelihood.trials import Trials

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SURE = 4.0  # standard errors


class Quality(NamedTuple):
    """Of an estimate at one size, over the draws where it exists."""

    bias: Mean
    rmse: float


def shares_of(trials: list[Trials]) -> dict[tuple[int, str], Share]:
    """Coverages, by size and interval."""
    return {
        (each.size, name): Share(
            name,
            f"coverage, {name} interval",
            f"n = {each.size}",
            int(each.held[name].sum()),
            len(each.held[name]),
        )
        for each in trials
        for name in each.held
    }


def quality_of(estimates: np.ndarray, config: Config) -> Quality:
    """Bias and root mean square error of the slope."""
    off = estimates - config.slope
    return Quality(mean_of(off), float(np.sqrt(np.mean(off**2))))


def qualities(trials: Trials, config: Config) -> tuple[Quality, Quality]:
    """Of maximum likelihood where there is a maximum, and of Firth's on every draw."""
    found = trials.estimates[~trials.separated]
    return quality_of(found, config), quality_of(trials.firth, config)


def claims_of(trials: list[Trials], config: Config) -> tuple[Claim, ...]:
    """What theory promises, where chance is no excuse."""
    shares = shares_of(trials)
    large = [
        shares[each.size, name].near(config.confidence, config.slack)
        for each in trials
        if each.size >= config.large
        for name in each.held
    ]
    smallest = min(trials, key=lambda each: each.size)
    likely, reduced = qualities(smallest, config)
    error = np.hypot(likely.bias.error, reduced.bias.error)
    gain = (abs(likely.bias.value) - abs(reduced.bias.value)) / error
    where = f"n = {smallest.size}"
    return (
        *large,
        Claim(f"{where}: bias that Firth's estimate takes away", gain, ">=", SURE, "sigma"),
        Claim(
            f"{where}: Firth's root mean square error over that of maximum likelihood",
            reduced.rmse / likely.rmse,
            "<",
            1,
            "times",
        ),
        *(
            shares[smallest.size, name].near(config.confidence, 2 * config.slack)
            for name in (PROFILE, FIRTH_PROFILE)
            if name in smallest.held
        ),
    )


def answer_of(trials: list[Trials], config: Config) -> str:
    """What intervals hold where examples are fewest."""
    few, shares = trials[0], shares_of(trials)
    held = ", ".join(f"{shares[few.size, name].value:.1%} ({name})" for name in (WALD, BOOTSTRAP))
    return (
        f"Of {few.size} examples, the fewest, the nominal {config.confidence:.0%} intervals hold "
        f"the truth in {held}."
    )


def details_of(trials: list[Trials], config: Config) -> tuple[str, ...]:
    """Coverage at each size, and estimates at the smallest."""
    shares = shares_of(trials)
    told = []
    for each in trials:
        covers = ", ".join(f"{name} {shares[each.size, name].value:.1%}" for name in each.held)
        told.append(f"at n = {each.size}: {covers}; separated {each.separated.mean():.2%}")
    likely, reduced = qualities(trials[0], config)
    return (
        f"Coverage of nominal {config.confidence:.0%} {'; '.join(told)}.",
        f"At n = {trials[0].size} the slope {config.slope:g} has bias {likely.bias.value:+.3f} and "
        f"root mean square error {likely.rmse:.3f} by maximum likelihood where there is a maximum, "
        f"{reduced.bias.value:+.3f} and {reduced.rmse:.3f} by Firth's on every draw.",
    )


def table_of_coverage(trials: list[Trials]) -> Table:
    """All shares."""
    shares = list(shares_of(trials).items())
    separated = {each.size: int(each.separated.sum()) for each in trials}
    return Table(
        "coverage",
        "How often intervals hold the true slope, between their Clopper-Pearson ends of 99.99 %. "
        "Wald's is judged on the draws that are not separated; the others have an interval always.",
        {
            "examples": [size for (size, _), _ in shares],
            "interval": [name for (_, name), _ in shares],
            "coverage": [share.value for _, share in shares],
            "lower end": [share.ends[0] for _, share in shares],
            "upper end": [share.ends[1] for _, share in shares],
            "draws": [share.trials for _, share in shares],
            "separated draws of the size": [separated[size] for (size, _), _ in shares],
        },
    )


def table_of_estimates(trials: list[Trials], config: Config) -> Table:
    """Bias and error of both estimates."""
    rows = [
        (each.size, name, quality, count)
        for each in trials
        for name, quality, count in zip(
            ("maximum likelihood", "Firth"),
            qualities(each, config),
            (int((~each.separated).sum()), len(each.firth)),
            strict=True,
        )
    ]
    return Table(
        "estimates",
        f"The slope, in truth {config.slope:g}, over draws of each size.",
        {
            "examples": [size for size, *_ in rows],
            "estimate": [name for _, name, *_ in rows],
            "bias": [quality.bias.value for *_, quality, _ in rows],
            "standard error of the bias": [quality.bias.error for *_, quality, _ in rows],
            "root mean square error": [quality.rmse for *_, quality, _ in rows],
            "draws": [count for *_, count in rows],
        },
    )


def figure_of(trials: list[Trials], config: Config) -> Figure:
    """Coverage and bias against the number of examples."""
    shares = shares_of(trials)
    told = ", ".join(
        f"{name} at {size} {share.value:.3f}" for (size, name), share in shares.items()
    )
    return Figure(
        "coverage",
        "Left: how often intervals hold the true slope, between Clopper-Pearson ends; the line is "
        "nominal. Right: bias and root mean square error of the slope, as shares of the truth.",
        alt=f"Coverage comes to nominal with the number of examples: {told}.",
        draw=partial(draw_coverage, trials=trials, config=config),
        panels=(1, 2),
    )


def draw_coverage(left: "Axes", right: "Axes", *, trials: list[Trials], config: Config) -> None:
    """Dots by size."""
    shares = shares_of(trials)
    sizes = np.array([each.size for each in trials])
    left.axhline(config.confidence, color="0.6", linewidth=0.8)
    for place, name in enumerate(trials[0].held):
        those = [shares[size, name] for size in sizes]
        at = sizes * 1.08 ** (place - 2)
        low, high = zip(*(share.ends for share in those), strict=True)
        left.vlines(at, low, high, color=f"C{place}", linewidth=1.2)
        left.plot(at, [share.value for share in those], "o-", color=f"C{place}", label=name, ms=3)
    left.set(xscale="log", xlabel="examples", ylabel="coverage")
    left.legend(fontsize=7)
    both = [qualities(each, config) for each in trials]
    for place, name in enumerate(("maximum likelihood", "Firth")):
        bias = [abs(pair[place].bias.value) / config.slope for pair in both]
        rmse = [pair[place].rmse / config.slope for pair in both]
        right.plot(sizes, bias, "o-", color=f"C{place}", label=f"|bias|, {name}", ms=3)
        right.plot(sizes, rmse, "s--", color=f"C{place}", label=f"error, {name}", ms=3)
    right.set(xscale="log", yscale="log", xlabel="examples", ylabel="share of the true slope")
    right.legend(fontsize=7)
