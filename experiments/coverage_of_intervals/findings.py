"""What was found: claims, the answer, tables and the figure."""

from functools import partial
from typing import TYPE_CHECKING

from experiments import Claim, Figure, Table
from experiments.coverage_of_intervals.bands import EVERYWHERE, SOMEWHERE
from experiments.coverage_of_intervals.bins import Covered
from experiments.coverage_of_intervals.bootstraps import name_of
from experiments.coverage_of_intervals.coverage import Share
from experiments.coverage_of_intervals.regressions import LARGE
from experiments.coverage_of_intervals.settings import CERTAIN, DEBIASED, ECE, SQUARE, Config

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PERCENTILE, BASIC, SQUARED, UNBIASED = (
    name_of("percentile", ECE),
    name_of("basic", ECE),
    name_of("basic", SQUARE),
    name_of("basic", DEBIASED),
)

KEPT = (SQUARED, UNBIASED, EVERYWHERE)


def claims_of(shares: list[Share], of_bins: list[Covered], config: Config) -> tuple[Claim, ...]:
    """Who fails, fails; and who promises, keeps it."""
    calibrated = {share.what: share for share in shares if share.model == "calibrated"}
    tests = [share for share in shares if share.part == "test"]
    level = 1 - config.confidence
    return (
        calibrated[PERCENTILE].at_most(config.missed),
        Claim(
            "coverage of a calibrated model's ECE, basic over percentile interval",
            calibrated[BASIC].value - calibrated[PERCENTILE].value,
            ">",
            0,
        ),
        *(
            share.near(config.confidence, config.slack)
            for share in shares
            if share.part == "regression" and _specified(share)
        ),
        *(
            share.near(level, config.slack)
            if share.model == "calibrated"
            else share.at_least(level)
            for share in tests
        ),
        *(_no_less(share, config) for share in shares if share.what in KEPT),
        calibrated[SOMEWHERE].near(config.confidence, config.slack),
        Claim(
            "least coverage of a bin's Clopper-Pearson interval, any true share",
            min(each.least for each in of_bins if each.kind == "clopper_pearson"),
            ">=",
            config.confidence,
        ),
        Claim(
            "mean coverage of a bin's Wilson and Jeffreys intervals, off nominal",
            max(
                abs(each.mean - config.confidence)
                for each in of_bins
                if each.kind != "clopper_pearson"
            ),
            "<=",
            0.015,
        ),
    )


def _specified(share: Share) -> bool:
    """Whether the model whose information an interval takes is true: in the large, slope 1 is."""
    return share.model == "calibrated" or not share.what.endswith(LARGE)


def _no_less(share: Share, config: Config) -> Claim:
    """Nothing speaks against its being nominal or more."""
    return Claim(f"{share.name}: upper end of the share", share.ends[1], ">=", config.confidence)


def answer_of(
    shares: list[Share], of_bins: list[Covered], config: Config
) -> tuple[str, tuple[str, ...]]:
    """The shares that matter."""
    found = {(share.what, share.model): share.value for share in shares}
    wald = [s.value for s in shares if s.part == "regression" and _specified(s)]
    size = [s.value for s in shares if s.part == "test" and s.model == "calibrated"]
    power = [s.value for s in shares if s.part == "test" and s.model != "calibrated"]
    band = [share.value for share in shares if share.what == EVERYWHERE]
    least = min(each.least for each in of_bins if each.kind == "clopper_pearson")
    answer = (
        f"Bootstrap intervals of the ECE do not: of nominal {config.confidence:.0%}, "
        f"{found[PERCENTILE, 'calibrated']:.0%} to {found[BASIC, 'calibrated']:.0%} hold the 0 of "
        "a calibrated model. Intervals of slope and intercept, tests by simulation, the "
        "confidence band and intervals of bins do."
    )
    return answer, (
        f"Of a calibrated model's {config.confidence:.0%} bootstrap intervals of the ECE at "
        f"{config.examples} examples, {found[PERCENTILE, 'calibrated']:.0%} by percentiles and "
        f"{found[BASIC, 'calibrated']:.0%} by the basic rule hold the true 0.",
        f"Wald intervals hold slope and intercept in {min(wald):.1%} to {max(wald):.1%}, "
        f"tests by simulation reject a calibrated model in {min(size):.1%} to {max(size):.1%} and "
        f"slope {config.slope:g} in {min(power):.0%} to {max(power):.0%}.",
        f"The confidence band holds the whole curve in at least {min(band):.1%}, Clopper-Pearson "
        f"intervals of bins cover at least {least:.1%} at every share.",
    )


def table_of_shares(shares: list[Share]) -> Table:
    """All that trials found."""
    return Table(
        "shares",
        f"Shares found by trials, between their Clopper-Pearson ends of {CERTAIN:.2%}.",
        {
            "what": [share.what for share in shares],
            "model": [share.model for share in shares],
            "share": [share.value for share in shares],
            "lower end": [share.ends[0] for share in shares],
            "upper end": [share.ends[1] for share in shares],
            "trials": [share.trials for share in shares],
        },
    )


def table_of_bins(of_bins: list[Covered]) -> Table:
    """The exact coverages."""
    return Table(
        "bins",
        "Coverage of the interval of a bin's share, over 2000 true shares, exactly.",
        {
            "interval": [each.kind.replace("_", "-") for each in of_bins],
            "labels in the bin": [each.labels for each in of_bins],
            "mean coverage": [each.mean for each in of_bins],
            "least coverage": [each.least for each in of_bins],
        },
    )


def figure_of(shares: list[Share], config: Config) -> Figure:
    """Dots with their ends, one panel for the bootstrap and one for the rest."""
    told = ", ".join(f"{share.name} {share.value:.2f}" for share in shares)
    return Figure(
        "shares",
        f"Shares found, between their Clopper-Pearson ends; the line is at {config.confidence:g}.",
        alt=f"Dots for each interval, test and band: {told}.",
        draw=partial(draw_shares, shares=shares, nominal=config.confidence),
        panels=(1, 2),
    )


def draw_shares(*axes: "Axes", shares: list[Share], nominal: float) -> None:
    """Bootstraps left, the rest right."""
    groups = (
        [share for share in shares if share.part == "bootstrap"],
        [share for share in shares if share.part != "bootstrap"],
    )
    for ax, group in zip(axes, groups, strict=True):
        names = list(dict.fromkeys(share.what for share in group))
        ax.axvline(nominal, color="0.6", linewidth=0.8)
        for place, model in enumerate(dict.fromkeys(share.model for share in shares)):
            those = [share for share in group if share.model == model]
            at = [names.index(share.what) + 0.25 * place for share in those]
            low, high = zip(*(share.ends for share in those), strict=True)
            ax.hlines(at, low, high, color=f"C{place}", linewidth=1.5)
            ax.plot([share.value for share in those], at, "o", color=f"C{place}", label=model)
        ax.set_yticks(range(len(names)), names, fontsize=8)
        ax.set(xlim=(-0.03, 1.03), xlabel="share of trials")
        ax.invert_yaxis()
    axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
