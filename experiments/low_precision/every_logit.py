"""Value and gradient at every finite logit of a 16-bit format.

The oracle is the loss in float64, which tests/losses/test_from_logits.py holds to 3 ulp of
float64, 2^-40 ulp of these formats.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.analysis import ulp_error
from bcejax.losses import bce_gradient, bce_with_logits
from bcejax.plots import draw_errors
from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.low_precision.ways import EXACT, OPTAX, PROBS, TORCH, WAYS
from experiments.tolerances import tolerance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("bfloat16", "float16")
LABELS = (0.0, 1.0, 0.999, 0.9)
EDGE = 20.0
STRETCHES = np.linspace(-12, 12, 97)


class Errors(NamedTuple):
    """One way in one format for one label, at each of the logits, each (n,)."""

    logits: np.ndarray
    value: np.ndarray  # ulp
    gradient: np.ndarray  # ulp
    lost: np.ndarray  # whether the value is off by more than half
    dead: np.ndarray  # whether the gradient is 0, nan or of the wrong sign, and should not be

    def share(self, what: np.ndarray) -> float:
        """How much of the line from -EDGE to EDGE some logits make up."""
        lengths = np.gradient(self.logits) * (np.abs(self.logits) <= EDGE)
        return float(lengths[what].sum() / lengths.sum())


def finite_logits(name: str) -> np.ndarray:
    """Every finite number of the format, in order, 0 once."""
    dtype = jnp.dtype(name)
    infinity = int(np.full((), np.inf, dtype).view(np.uint16))
    positive = np.arange(infinity, dtype=np.uint16).view(dtype)
    return np.concatenate([-positive[:0:-1], positive])


@partial(jax.jit, static_argnums=0)
def in_format(way: str, logits: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Loss and gradient in the logits' format, the exact loss rounded once."""
    value, gradient = jax.vmap(jax.value_and_grad(WAYS[way]))(logits, labels)
    return value.astype(logits.dtype), gradient


Kind = tuple[str, str, float]  # way, format, label


class Grid(NamedTuple):
    """All finite logits of a format with one label, and what is right there."""

    logits: np.ndarray
    labels: np.ndarray  # float32
    value: np.ndarray  # float64
    gradient: np.ndarray


def grid_of(name: str, label: float) -> Grid:
    """The finite logits of a format and the oracle's loss and gradient there."""
    logits = finite_logits(name)
    labels = np.full(logits.shape, label, np.float32)
    with jax.enable_x64(True):
        right = _in_float64(logits.astype(np.float64), labels.astype(np.float64))
        return Grid(logits, labels, *(np.asarray(each) for each in right))


@jax.jit
def _in_float64(logits: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
    return bce_with_logits(logits, labels), bce_gradient(logits, labels)


def errors_on(grid: Grid, way: str) -> Errors:
    """Errors wherever loss and gradient are normal numbers of the format."""
    value, gradient = (np.asarray(each) for each in in_format(way, grid.logits, grid.labels))
    tiny = float(jnp.finfo(grid.logits.dtype).tiny)
    normal = [np.abs(each) >= tiny for each in (grid.value, grid.gradient)]
    wrong = np.abs(value.astype(np.float64) - grid.value)
    return Errors(
        grid.logits.astype(np.float64),
        np.where(normal[0], ulp_error(value, grid.value), 0),
        np.where(normal[1], ulp_error(gradient, grid.gradient), 0),
        normal[0] & ~(wrong <= grid.value / 2),
        normal[1] & ~(gradient.astype(np.float64) * grid.gradient > 0),
    )


def look_at_every_logit(track: Track) -> Result:
    """All ways in all formats for all labels."""
    grids = {(name, label): grid_of(name, label) for name in FORMATS for label in LABELS}
    found: dict[Kind, Errors] = {
        (way, name, label): errors_on(grid, way)
        for way in track(tuple(WAYS), "ways")
        for (name, label), grid in grids.items()
    }
    ours = [each for (way, _, _), each in found.items() if way == EXACT]
    half = {(way, y): found[way, "bfloat16", y] for way in WAYS for y in LABELS}
    dead = {key: each.share(each.dead) for key, each in half.items()}
    faithful = min(tolerance(name).losses["value"].hard for name in FORMATS)
    claims = (
        Claim("value of the exact loss", _worst(ours, "value"), "<=", faithful, "ulp"),
        Claim("gradient of the exact loss", _worst(ours, "gradient"), "<=", faithful, "ulp"),
        Claim("dead gradients of the exact loss", sum(e.dead.sum() for e in ours), "==", 0),
        Claim(
            "gradient by optax in bfloat16, labels 0 and 1",
            max(half[OPTAX, y].gradient.max() for y in (0.0, 1.0)),
            "<=",
            8,
            "ulp",
        ),
        *(
            Claim(f"share of bfloat16 logits up to {EDGE:g} {what}", value, ">=", 0.3)
            for what, value in (
                ("with a dead gradient, torch's formula, label 1", dead[TORCH, 1.0]),
                ("with a dead gradient, clipped probabilities, label 0", dead[PROBS, 0.0]),
                ("with a dead gradient, optax, label 0.999", dead[OPTAX, 0.999]),
                (
                    "with a loss off by half, torch's formula, label 0",
                    half[TORCH, 0.0].share(half[TORCH, 0.0].lost),
                ),
            )
        ),
    )
    answer = (
        "From 16-bit logits bcejax loses nothing but the last rounding "
        f"({_worst(ours, 'value'):.4f} ulp). Computed in bfloat16, torch's formula has a dead "
        f"gradient on {dead[TORCH, 1.0]:.0%} of the logits up to {EDGE:g} (label 1)."
    )
    details = (
        f"At every finite 16-bit logit the exact loss is off by {_worst(ours, 'value'):.4f} ulp at "
        f"most and its gradient by {_worst(ours, 'gradient'):.4f}.",
        f"Computed in bfloat16, of the logits up to {EDGE:g} the gradient is dead on "
        f"{dead[TORCH, 1.0]:.0%} for label 1 by torch's formula, on {dead[PROBS, 0.0]:.0%} for "
        f"label 0 through clipped probabilities, and on {dead[OPTAX, 0.999]:.0%} for label 0.999 "
        "by optax, which is good for labels 0 and 1.",
    )
    return Result(Verdict(claims, answer, details), (tabulate(found),), (figure_of(half),))


def tabulate(found: dict[Kind, Errors]) -> Table:
    """Every way in every format for every label."""
    rows = list(found.items())
    columns: dict[str, Any] = {
        "way": [way for (way, _, _), _ in rows],
        "format": [name for (_, name, _), _ in rows],
        "label": [label for (_, _, label), _ in rows],
        "value, worst (ulp)": [float(each.value.max()) for _, each in rows],
        "gradient, worst (ulp)": [float(each.gradient.max()) for _, each in rows],
        "value off by half (share)": [each.share(each.lost) for _, each in rows],
        "gradient dead (share)": [each.share(each.dead) for _, each in rows],
        "dead from |logit|": [_nearest(each) for _, each in rows],
    }
    return Table(
        "every_logit",
        "Value and gradient at every finite logit of each format, where the right result is a "
        "normal number; inf stands for nan or infinity. A dead gradient is 0, nan or of the wrong "
        f"sign; shares are of the line from -{EDGE:g} to {EDGE:g}.",
        columns,
        formats=dict.fromkeys(list(columns)[3:], ".4g"),
    )


def figure_of(half: dict[tuple[str, float], Errors]) -> Figure:
    """Gradients in bfloat16."""
    return Figure(
        "gradient",
        "Worst error of the gradient on each quarter of a unit of bfloat16 logits, for labels 1 "
        "(left) and 0.999 (right). A gradient of 0 has an error of 128 to 256 ulp; a cross on the "
        "upper edge is nan or infinity.",
        alt="The exact loss stays at half an ulp. For label 1, optax stays below 4; torch's "
        f"formula has lost its gradient from {_nearest(half[TORCH, 1.0]):.1f} on, the clipped "
        f"probabilities from {_nearest(half[PROBS, 1.0]):.1f}. For label 0.999, all three naive "
        "ways pass 100 ulp before the logit 7.",
        draw=partial(
            draw_gradients,
            courses={
                y: {way: worst_by_stretch(half[way, y]) for way in WAYS} for y in (1.0, 0.999)
            },
        ),
        panels=(1, 2),
    )


def _worst(errors: list[Errors], field: str) -> float:
    return float(max(getattr(each, field).max() for each in errors))


def _nearest(errors: Errors) -> float | None:
    """The smallest |logit| with a dead gradient."""
    return float(np.abs(errors.logits[errors.dead]).min()) if errors.dead.any() else None


def worst_by_stretch(errors: Errors) -> np.ndarray:
    """The worst error of the gradient in each of STRETCHES."""
    place = np.searchsorted(STRETCHES, errors.logits, side="right")
    return np.array([errors.gradient[place == k].max() for k in range(1, len(STRETCHES))])


def draw_gradients(
    left: "Axes", right: "Axes", *, courses: dict[float, dict[str, np.ndarray]]
) -> None:
    """Worst error of each way's gradient along the logits, one panel for each label."""
    middles = (STRETCHES[1:] + STRETCHES[:-1]) / 2
    for ax, (label, errors) in zip((left, right), courses.items(), strict=True):
        draw_errors(ax, middles, errors)
        ax.set_ylabel(f"error of the gradient, label {label:g} (ulp)")
