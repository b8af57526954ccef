"""What the trials say: claims, the answer and the table."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from experiments import Claim, Table
from experiments.bias_of_ece.estimators import (
    KERNEL,
    LESS,
    PLUG_IN,
    SMOOTH,
    SQUARE,
    name_of_plug_in,
    theory,
)
from experiments.bias_of_ece.settings import SIGMAS, Config
from experiments.bias_of_ece.trials import Case, Found

Findings: TypeAlias = Mapping[Case, Mapping[str, Found]]

LEFT = 0.75  # of the plug-in's bias at a calibrated model, at most, when debiased
SMOOTHER = 0.6  # of the plug-in's bias at the most miscalibrated model, at most, without bins


def claims_of(found: Findings, config: Config) -> tuple[Claim, ...]:
    """The plug-in is off as the theory says; squares are not off."""
    calibrated = {case.size: each for case, each in found.items() if case.slope == config.slopes[0]}
    off = max(
        abs(each[name_of_plug_in(bins, "width")].bias.value / theory(bins, size, config) - 1)
        for size, each in calibrated.items()
        for bins in config.bins
        if size >= 10 * bins  # fewer, and no bin's mean is normal
    )
    least = min(each[PLUG_IN].estimates.min() for each in calibrated.values())
    off_most = [each for case, each in found.items() if case.slope == config.slopes[-1]]
    smoother = max(each[SMOOTH].bias.value / each[PLUG_IN].bias.value for each in off_most)
    left = max(each[LESS].bias.value / each[PLUG_IN].bias.value for each in calibrated.values())
    return (
        Claim("mean ECE of a calibrated model off the theory's, relative", off, "<=", config.near),
        Claim("least ECE of a calibrated model in 15 bins, which has none", least, ">", 0),
        Claim("bias of the ECE that debiasing leaves, calibrated", left, "<=", LEFT, "times"),
        *(
            Claim(
                f"{name}, off its true value", worst(found, name), "<=", SIGMAS, "standard errors"
            )
            for name in (SQUARE, KERNEL)
        ),
        Claim(
            "bias of the smooth ECE over the ECE's, miscalibrated",
            smoother,
            "<=",
            SMOOTHER,
            "times",
        ),
    )


def worst(found: Findings, name: str) -> float:
    """The largest bias in standard errors over all cases."""
    return max(abs(each[name].bias.sigmas) for each in found.values())


def answer_of(found: Findings, config: Config) -> tuple[str, tuple[str, ...]]:
    """The plug-in's figures at the middle size, and the worst of what is unbiased."""
    size = config.sizes[len(config.sizes) // 2]
    told = {
        bins: found[Case(config.slopes[0], size)][name_of_plug_in(bins, "width")].estimates.mean()
        for bins in config.bins
    }
    at_15 = found[Case(config.slopes[0], size)]
    few, many = min(told), max(told)
    answer = (
        f"A calibrated model, whose error is 0, has an ECE of {told[few]:.3f} in {few} bins and "
        f"{told[many]:.3f} in {many} on average, from {size} examples. The debiased squared error "
        "and the unbiased kernel error have no such bias."
    )
    plain = ", ".join(f"{value:.3f} in {bins}" for bins, value in told.items())
    return answer, (
        f"At {size} examples a calibrated model has a mean ECE of {plain} bins of equal width "
        f"({theory(15, size, config):.3f} in 15 by theory), {at_15[LESS].estimates.mean():.3f} "
        f"debiased, and a smooth ECE of {at_15[SMOOTH].estimates.mean():.3f}.",
        "The debiased squared error and the unbiased kernel error are within "
        f"{max(worst(found, SQUARE), worst(found, KERNEL)):.1f} standard errors of the truth in "
        f"all {len(found)} cases.",
    )


def tabulate(found: Findings) -> Table:
    """A row for each case and estimator."""
    rows = [(case, name, each) for case, by in found.items() for name, each in by.items()]
    return Table(
        "bias",
        "Estimates of calibration error against their true values.",
        {
            "slope of the logits": [case.slope for case, _, _ in rows],
            "examples": [case.size for case, _, _ in rows],
            "estimator": [name for _, name, _ in rows],
            "true value": [each.truth for _, _, each in rows],
            "mean estimate": [np.mean(each.estimates) for _, _, each in rows],
            "bias": [each.bias.value for _, _, each in rows],
            "standard error": [each.bias.error for _, _, each in rows],
            "5 % of estimates lie below": [each.middle[0] for _, _, each in rows],
            "95 % lie below": [each.middle[1] for _, _, each in rows],
        },
    )
