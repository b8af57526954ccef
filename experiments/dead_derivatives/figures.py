"""Figures of the dead: curves that end, where they end, and the steps of Newton's method."""

import itertools
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from experiments import Figure
from experiments.accuracy_of_forms.forms import LOG_P, OPTAX, OURS, TENSORFLOW, XGBOOST
from experiments.accuracy_of_forms.peers import TORCH
from experiments.dead_derivatives.deaths import (
    DERIVATIVES,
    SIDES,
    Death,
    Scan,
    exact_newton_step,
    first_of,
    newton_step,
)
from experiments.dead_derivatives.tables import KINDS, NAMES
from experiments.dead_derivatives.verdicts import complement_is_0, sum_is_its_argument

LABELS = (0.0, 1.0)
SHOWN = 45.0  # the largest |logit| of the curves
CURVES = (LOG_P, XGBOOST, TORCH, OPTAX, TENSORFLOW, OURS)  # the last one on top
MARKERS = {"half": "|", "all": "o", "zero": "x"}


def figures_of(scans: Mapping[str, Scan], deaths: list[Death]) -> list[Figure]:
    """Curves and steps of the first dtype; the first losses in all."""
    first, scan = next(iter(scans.items()))
    dead = first_of(deaths, first, OPTAX, "hessian").zero
    return [
        Figure(
            "derivatives",
            f"Second and third derivative in {first} against the logit, labels 0 (left) and 1"
            " (right). Grey: exact. A cross stands where a form's derivative becomes 0, nan or"
            " infinite; what follows is not drawn.",
            alt="bcejax lies on the straight flanks of the exact curves to both edges. The curve"
            f" of optax leaves the exact one where the label is wrong and ends at {dead:.1f};"
            " torch's ends on the right for both labels.",
            draw=partial(draw_derivatives, scan=scan),
            panels=(len(DERIVATIVES), 2),
        ),
        Figure(
            "first",
            "|logit| from which on the second derivative has lost half of its digits (stroke), all"
            " (point), and is exactly 0 (cross), one panel for each dtype, at the worst of labels"
            " and signs. Dotted: where x + log1p(exp(-x)) is rounded to x; dashed: ln(2 / eps),"
            " where 1 + exp(-x) is rounded to 1. A row without a mark: never, up to the edge.",
            alt="Most rows show a stroke at half and a point near the dotted line; the row of"
            " bcejax is empty in every panel.",
            draw=partial(draw_first, dtypes=list(scans), deaths=deaths),
            panels=(-(-len(scans) // 2), 2) if len(scans) > 1 else (1, 1),
        ),
        Figure(
            "newton",
            f"Newton step in {first} over the exact step, against the logit, labels 0 (left) and 1"
            " (right): 1 is right. A cross stands where it becomes 0, infinite or nan.",
            alt="bcejax is a line at 1. The others scatter around 1, between 0 and 2 or more, in"
            " the tails where their second derivatives fade, and end.",
            draw=partial(draw_newton, scan=scan),
            panels=(1, 2),
        ),
    ]


def draw_derivatives(*axes: Any, scan: Scan) -> None:
    """A row for each derivative, a column for each label."""
    for ax, (quantity, label) in zip(axes, itertools.product(DERIVATIVES, LABELS), strict=True):
        x, exact = scan.sizes.astype(np.float64), np.abs(scan.exact[quantity])
        both = np.concatenate([-x[::-1], x]), np.concatenate([exact[::-1], exact])
        ax.plot(*both, color="0.8", linewidth=7, zorder=1)
        for colour, form in _coloured(scan, quantity):
            for sign in (-1.0, 1.0):
                size = np.abs(scan.found[form][sign, label][quantity].astype(np.float64))
                _draw_live(ax, sign * x, size, form if sign > 0 else None, colour)
        ax.set(yscale="log", xlabel=f"logit, label {label:g}", ylabel=f"|{NAMES[quantity]}|")
        ax.set(xlim=(-SHOWN, SHOWN), ylim=(np.exp(-SHOWN), 3))
    axes[0].legend(loc="lower center", fontsize=8)


def draw_newton(*axes: Any, scan: Scan) -> None:
    """A column for each label."""
    for ax, label in zip(axes, LABELS, strict=True):
        for colour, form in _coloured(scan, "hessian"):
            for sign in (-1.0, 1.0):
                x = sign * scan.sizes.astype(np.float64)
                ratio = newton_step(scan.found[form][sign, label]) / exact_newton_step(x, label)
                _draw_live(ax, x, ratio, form if sign > 0 else None, colour)
        ax.set(xlim=(-SHOWN, SHOWN), ylim=(0, 3), xlabel=f"logit, label {label:g}")
    axes[0].set_ylabel("Newton step over the exact one")
    axes[0].legend(loc="upper left", fontsize=8)


def _coloured(scan: Scan, quantity: str) -> list[tuple[str, str]]:
    """Colour and name of the forms to show, the same colour in every panel."""
    return [
        (f"C{number}", form)
        for number, form in enumerate(CURVES)
        if form in scan.found and quantity in scan.found[form][SIDES[0]]
    ]


def _draw_live(ax: Any, x: np.ndarray, y: np.ndarray, name: str | None, colour: str) -> None:
    """A line up to where y is 0, nan or infinite for the first time, with a cross there."""
    bad = np.flatnonzero(~(np.isfinite(y) & (y != 0)))
    end = bad[0] if bad.size else y.size
    ax.plot(x[:end], y[:end], color=colour, linewidth=1.3, label=name)
    if 0 < end < y.size:
        ax.plot(x[end - 1], y[end - 1], "x", color=colour, markersize=8, zorder=9)


def draw_first(*axes: Any, dtypes: list[str], deaths: list[Death]) -> None:
    """A panel for each dtype, a row for each form."""
    for ax, dtype in zip(axes, dtypes, strict=False):
        forms = list(dict.fromkeys(death.form for death in deaths if death.dtype == dtype))
        for row, form in enumerate(forms):
            first = first_of(deaths, dtype, form, "hessian")._asdict()
            for number, (kind, words) in enumerate(KINDS.items()):
                if first[kind] is not None:
                    style = {"color": f"C{number}", "zorder": 3 + number}
                    ax.plot(first[kind], row, MARKERS[kind], label=words, **style)
        ax.axvline(sum_is_its_argument(dtype), color="0.5", linewidth=1, linestyle=":")
        ax.axvline(complement_is_0(dtype), color="0.5", linewidth=1, linestyle="--")
        ax.set_yticks(range(len(forms)), forms, fontsize=7)
        ax.set(ylim=(len(forms) - 0.5, -0.5), xlabel="|logit|", title=dtype)
        ax.set_xlim(left=0)
    named = dict(zip(*axes[0].get_legend_handles_labels()[::-1], strict=True))
    axes[0].legend(named.values(), named.keys(), loc="upper right", fontsize=8)
    for ax in axes[len(dtypes) :]:
        ax.set_axis_off()
