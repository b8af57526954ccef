"""What the terrain and the spectra say: claims, answer, tables."""

import math
from collections.abc import Sequence

import numpy as np

from experiments import Claim, Table
from experiments.landscape.linear import CROSS_ENTROPY, SQUARED, Terrain
from experiments.landscape.network import Spectrum

BEND = 1e-3  # of the largest |eigenvalue|: downward beyond rounding
STUCK = 0.1  # of the best loss: an end so far above it is another place


def share_bent(terrain: Terrain, name: str, scale: float) -> float:
    """Share of places where a loss curves downward in some direction."""
    return float(np.mean(terrain.curvature[name, scale] < -BEND))


def share_stuck(terrain: Terrain, name: str) -> float:
    """Share of descents that did not reach the best loss found."""
    return float(np.mean(terrain.descents[name].excess > STUCK))


def lowest(spectrum: Spectrum) -> float:
    """The smallest eigenvalue over the largest absolute one."""
    low, high = spectrum.ends
    return low / max(abs(low), abs(high))


def claims_of(terrain: Terrain, spectra: Sequence[Spectrum]) -> tuple[Claim, ...]:
    """Convex or not, of the linear models and of the networks."""
    widest = max(scale for _, scale in terrain.curvature)
    worst = min(
        each.min() for (name, _), each in terrain.curvature.items() if name == CROSS_ENTROPY
    )
    last = max(each.epoch for each in spectra)
    lanczos, whole, gauss_newton = [], [], []
    for each in spectra:
        if each.parts is not None:
            exact = each.parts.whole
            reach = np.abs(exact).max()
            lanczos.append(np.abs(np.array(each.ritz.ends) - exact[[0, -1]]).max() / reach)
            whole.append(each.parts.off)
            gauss_newton.append(each.parts.gauss_newton[0] / reach)
    return (
        Claim(
            "linear model, cross-entropy: smallest eigenvalue over the largest, worst place",
            worst,
            ">=",
            -1e-13,
        ),
        Claim(
            f"linear model, squared error: share of places of scale {widest:g} that curve downward",
            share_bent(terrain, SQUARED, widest),
            ">=",
            0.5,
        ),
        Claim(
            "logit below which squared error curves downward at label 1, off -log 2",
            abs(terrain.inflection + math.log(2)),
            "<=",
            1e-14,
        ),
        Claim(
            "cross-entropy: the worst end of a descent above the best, relative",
            terrain.descents[CROSS_ENTROPY].excess.max(),
            "<=",
            1e-6,
        ),
        Claim(
            "squared error: share of descents that end more than 10 % above the best",
            share_stuck(terrain, SQUARED),
            ">=",
            0.2,
        ),
        Claim(
            "networks that learn: smallest eigenvalue over the largest, nearest to 0",
            max(lowest(each) for each in spectra if each.epoch < last),
            "<",
            -BEND,
        ),
        Claim(
            f"networks after {last} epochs: the same",
            max(lowest(each) for each in spectra if each.epoch == last),
            "<",
            -1e-7,
        ),
        Claim("networks: H off G + R, relative to the largest entry", max(whole), "<=", 1e-12),
        Claim("networks: smallest eigenvalue of G", min(gauss_newton), ">=", -1e-13),
        Claim("ends of the spectrum by Lanczos, off all eigenvalues", max(lanczos), "<=", 1e-8),
    )


def answer_of(terrain: Terrain, spectra: Sequence[Spectrum]) -> tuple[str, tuple[str, ...]]:
    """The findings in words."""
    widest = max(scale for _, scale in terrain.curvature)
    courses = {(each.data, each.units): "" for each in spectra}
    for each in spectra:
        courses[each.data, each.units] += f", {lowest(each):.2g} after {each.epoch} epochs"
    named = "; ".join(
        f"on {data} with {units} tanh units{course}" for (data, units), course in courses.items()
    )
    answer = (
        "In the weights of a linear model cross-entropy is convex, and all descents end at one "
        f"loss. Squared error is not: {share_stuck(terrain, SQUARED):.0%} of its descents are "
        "stuck; nor is a network's loss, by either."
    )
    return answer, (
        "By cross-entropy descents of the linear model end within "
        f"{terrain.descents[CROSS_ENTROPY].excess.max():.1g} of each other; squared error curves "
        f"downward at {share_bent(terrain, SQUARED, widest):.0%} of places of scale {widest:g}.",
        f"Smallest over largest eigenvalue of a network's cross-entropy: {named}.",
    )


def tabulate_places(terrain: Terrain) -> Table:
    """Each loss at each scale."""
    keys = list(terrain.curvature)
    return Table(
        "linear_models",
        "Hessians of the mean loss of a linear model on Pima at random coefficients.",
        {
            "loss": [name for name, _ in keys],
            "scale": [scale for _, scale in keys],
            "places": [len(terrain.curvature[key]) for key in keys],
            "share curving downward": [share_bent(terrain, *key) for key in keys],
            "smallest over largest eigenvalue, worst": [
                float(terrain.curvature[key].min()) for key in keys
            ],
        },
        formats={"smallest over largest eigenvalue, worst": ".2e"},
    )


def tabulate_spectra(spectra: Sequence[Spectrum]) -> Table:
    """Each network at each moment."""
    return Table(
        "networks",
        "Hessians of networks by Lanczos. The weight below 0 is the share of negative eigenvalues "
        "as the probes see it.",
        {
            "data": [each.data for each in spectra],
            "units": [each.units for each in spectra],
            "epochs": [each.epoch for each in spectra],
            "mean loss": [each.loss for each in spectra],
            "smallest eigenvalue": [each.ends[0] for each in spectra],
            "largest eigenvalue": [each.ends[1] for each in spectra],
            "smallest of the residual part": [
                None if each.parts is None else float(each.parts.residual[0]) for each in spectra
            ],
            "weight below 0": [weight_below(each) for each in spectra],
            "eigenvalues below 0": [
                None if each.parts is None else float(np.mean(each.parts.whole < 0))
                for each in spectra
            ],
        },
        formats={"smallest eigenvalue": ".3g", "largest eigenvalue": ".3g"},
    )


def weight_below(spectrum: Spectrum) -> float:
    """Share of the spectral density below 0."""
    values, weights = spectrum.ritz
    return float(np.sum(weights * (values < 0)) / len(values))
