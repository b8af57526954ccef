"""The landscape of linear models and the spectra of networks."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import jax
import numpy as np

from experiments import Figure
from experiments.landscape.findings import lowest, share_bent, share_stuck
from experiments.landscape.linear import CROSS_ENTROPY, LOSSES, SQUARED, Terrain
from experiments.landscape.network import Spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {CROSS_ENTROPY: "C0", SQUARED: "C1"}


def figure_of_linear(terrain: Terrain) -> Figure:
    """One example, the curvature by scale, and the descents."""
    scales = sorted({scale for _, scale in terrain.curvature})
    told = ", ".join(
        f"{share_bent(terrain, SQUARED, scale):.0%} at scale {scale:g}" for scale in scales
    )
    return Figure(
        "linear_models",
        "Left: the loss of one example of label 1; dashed where it curves downward. Middle: share "
        "of places where the mean loss of a linear model curves downward in some direction. Right: "
        "descents from far starts, relative to the best end.",
        alt=f"Cross-entropy curves upward everywhere; squared error flattens below logit -0.69 and "
        f"curves downward at {told} of the places; {share_stuck(terrain, SQUARED):.0%} of its "
        f"descents end high, those of cross-entropy all at one loss.",
        draw=partial(draw_linear, terrain=terrain, scales=scales),
        panels=(1, 3),
    )


def draw_linear(*axes: "Axes", terrain: Terrain, scales: Sequence[float]) -> None:
    """One panel each."""
    one, bent, down = axes
    x = np.linspace(-6, 4, 401)
    for name, loss in LOSSES.items():
        y = np.asarray(jax.jit(loss)(x, np.ones(len(x))))
        turned = x < (terrain.inflection if name == SQUARED else -np.inf)
        one.plot(x, np.where(turned, np.nan, y), color=COLOURS[name], label=name)
        one.plot(x, np.where(turned, y, np.nan), color=COLOURS[name], linestyle="--")
        shares = [share_bent(terrain, name, scale) for scale in scales]
        bent.plot(scales, shares, "o-", color=COLOURS[name], label=name)
        descents = terrain.descents[name]
        above = descents.path / descents.path[-1].min()
        down.plot(descents.moments + 1, above, color=COLOURS[name], linewidth=0.5, alpha=0.5)
    one.set(xlabel="logit", ylabel="loss, label 1", ylim=(0, 4))
    one.legend()
    bent.set(
        xscale="log",
        xlabel="scale of the coefficients",
        ylabel="share of places",
        ylim=(-0.05, 1.05),
    )
    down.set(xscale="log", yscale="log", xlabel="steps + 1", ylabel="mean loss over the best end")


def figure_of_network(spectra: Sequence[Spectrum]) -> Figure:
    """A panel for each network, a curve for each moment."""
    networks = list(dict.fromkeys((each.data, each.units) for each in spectra))
    told = "; ".join(
        f"{each.data} after {each.epoch} epochs from {each.ends[0]:.2g} to "
        f"{each.ends[1]:.2g}, {lowest(each):.2g} of the largest"
        for each in spectra
    )
    return Figure(
        "networks",
        "Share of the spectral density of the Hessian up to each eigenvalue, by Lanczos; dots are "
        "the ends. Left of 0 the loss curves downward.",
        alt=f"Every spectrum begins below 0: {told}.",
        draw=partial(draw_network, spectra=spectra, networks=networks),
        panels=(1, len(networks)),
    )


def draw_network(
    *axes: "Axes", spectra: Sequence[Spectrum], networks: Sequence[tuple[str, int]]
) -> None:
    """Cumulated weights on a scale that is linear near 0."""
    for ax, (data, units) in zip(axes, networks, strict=True):
        here = [each for each in spectra if (each.data, each.units) == (data, units)]
        for place, each in enumerate(here):
            order = np.argsort(each.ritz.values, axis=None)
            values = each.ritz.values.ravel()[order]
            shares = np.cumsum(each.ritz.weights.ravel()[order]) / len(each.ritz.values)
            ax.step(values, shares, where="post", color=f"C{place}", label=f"{each.epoch} epochs")
            ax.plot(each.ends, (0, 1), "o", color=f"C{place}", markersize=4)
        ax.axvline(0, color="0.5", linewidth=0.8)
        ax.set_xscale("symlog", linthresh=1e-4)
        ax.set(title=f"{data}, {units} units", xlabel="eigenvalue", ylabel="share up to it")
        ax.legend(loc="upper left")
