"""The losses and their gradients over the logits by which a model is wrong."""

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments import Claim, Figure, Result, Table, Verdict
from experiments.clipping_bias.settings import Config
from experiments.clipping_bias.ways import (
    EXACT_WAY,
    KERAS,
    KERAS_WAY,
    ON_LOGITS,
    TORCH_WAY,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EDGE = 120.0


class Curve(NamedTuple):
    """Loss and size of the gradient where the model is wrong by some logits, one label."""

    value: np.ndarray
    slope: np.ndarray


Curves = dict[tuple[str, int], Curve]  # by way and label
Gone = dict[tuple[str, int], float]  # the logit from which half of the gradient is gone


def curve(way: str, label: int, wrong: np.ndarray) -> Curve:
    """A loss in float32 at logits ``wrong`` on the wrong side of a label."""
    logits = jnp.asarray(-wrong if label else wrong, jnp.float32)
    labels = jnp.full_like(logits, label)
    each = jax.jit(jax.vmap(jax.value_and_grad(ON_LOGITS[way])))
    value, slope = (np.asarray(part, np.float64) for part in each(logits, labels))
    return Curve(value, np.abs(slope))


def half_gone(one: Curve, wrong: np.ndarray) -> float:
    """The smallest wrong logit with less than half of the gradient, which is near 1 there."""
    gone = ~(one.slope >= 0.5) & (wrong > 1)
    return float(wrong[np.argmax(gone)]) if gone.any() else np.inf


def look_over_logits(config: Config) -> Result:
    """Every loss in float32, and Keras's in 16 bits."""
    wrong = np.linspace(0, EDGE, config.points).astype(np.float32)
    curves = {(way, label): curve(way, label, wrong) for way in ON_LOGITS for label in (1, 0)}
    gone = {key: half_gone(each, wrong) for key, each in curves.items()}
    fade, cut = gone[TORCH_WAY, 1], gone[TORCH_WAY, 0]
    claims = (
        # torch divides by 1e-12 instead of p: half is left at p = 5e-13
        Claim(
            "wrong logit where half of torch's gradient is gone, label 1, off log(2e12)",
            abs(fade - np.log(2e12)),
            "<=",
            2 * EDGE / config.points,
            "logits",
        ),
        Claim(
            "largest error of the exact gradient beyond logit 30",
            max(np.abs(curves[EXACT_WAY, k].slope[wrong > 30] - 1).max() for k in (0, 1)),
            "==",
            0,
        ),
    )
    details = (
        f"Through torch's BCELoss half of the gradient is gone at logit {fade:.2f} for label 1 and "
        f"all of it at {cut:.2f} for label 0, where the loss jumps to 100.",
    )
    figure = figure_of(curves, gone, wrong)
    return Result(
        Verdict(claims, "", details), (tabulate(curves, gone, wrong),), (figure, _in_16_bits())
    )


def tabulate(curves: Curves, gone: Gone, wrong: np.ndarray) -> Table:
    """Every loss for both labels."""
    names = list(curves)
    return Table(
        "logits",
        f"The losses in float32 over {len(wrong)} logits on the wrong side, up to {EDGE:g}.",
        {
            "loss": [way for way, _ in names],
            "label": [label for _, label in names],
            "largest loss (nats)": [_largest(curves[key].value) for key in names],
            "gradient below half from (logit)": [_finite(gone[key]) for key in names],
            "gradient 0 or nan from (logit)": [_finite(_dead(curves[key], wrong)) for key in names],
        },
        formats=dict.fromkeys(
            (
                "largest loss (nats)",
                "gradient below half from (logit)",
                "gradient 0 or nan from (logit)",
            ),
            ".3f",
        ),
    )


def figure_of(curves: Curves, gone: Gone, wrong: np.ndarray) -> Figure:
    """Losses and their gradients."""
    fade, cut = gone[TORCH_WAY, 1], gone[TORCH_WAY, 0]
    keras = [curves[KERAS_WAY, label].value.max() for label in (1, 0)]
    top = wrong[np.argmax(curves[TORCH_WAY, 1].value == 100)]
    return Figure(
        "logits",
        "Losses (left) and sizes of their gradients in the logit (right) where the model is wrong "
        "by so many logits, in float32: label 1 solid, label 0 dashed. A dashed line that ends, "
        "ends in infinity or nan: in float32, 1 - 1e-15 is 1.",
        alt=f"The exact loss is a straight line with gradient 1. Keras's is flat at {keras[0]:.1f} "
        f"and {keras[1]:.1f}. torch's is flat at 100 from logit {top:.0f} on, for label 0 from "
        f"{cut:.1f}, and its gradient is gone from {fade:.0f} and {cut:.1f}.",
        draw=partial(draw_curves, wrong=wrong, curves=curves),
        panels=(1, 2),
    )


def _dead(one: Curve, wrong: np.ndarray) -> float:
    gone = ~(one.slope > 0) & (wrong > 1)
    return float(wrong[np.argmax(gone)]) if gone.any() else np.inf


def _largest(values: np.ndarray) -> float:
    return float(np.nanmax(values))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _in_16_bits() -> Figure:
    """Keras's clipped loss of label 0, every step in the format."""
    logits = np.linspace(0, 20, 1601)
    values = {
        name: np.asarray(
            KERAS.on_probs(
                jax.nn.sigmoid(jnp.asarray(logits, jnp.float32)).astype(name), jnp.zeros(1601, name)
            ),
            np.float64,
        )
        for name in ("float32", "float16", "bfloat16")
    }
    ends = {name: logits[np.argmax(np.isinf(v))] for name, v in values.items() if np.isinf(v).any()}
    told = ", ".join(f"from {end:.1f} in {name}" for name, end in ends.items())
    return Figure(
        "formats",
        "Keras's clipped loss of label 0 by logit, in three formats. A line that ends, ends in "
        "infinity: 1 - 1e-7 rounds to 1 there.",
        alt=f"Stairs along a straight line; infinite {told}; in float32 flat at "
        f"{values['float32'].max():.1f}.",
        draw=partial(draw_formats, logits=logits, values=values),
    )


def draw_formats(ax: "Axes", *, logits: np.ndarray, values: dict[str, np.ndarray]) -> None:
    """Each format's stairs."""
    for name, each in values.items():
        ax.plot(logits, np.where(np.isinf(each), np.nan, each), label=name)
    ax.plot(
        logits, np.logaddexp(0, logits), color="black", linewidth=1, linestyle=":", label="exact"
    )
    ax.set(xlabel="logit", ylabel="loss of label 0 (nats)")
    ax.legend()


def draw_curves(left: "Axes", right: "Axes", *, wrong: np.ndarray, curves: Curves) -> None:
    """Loss and gradient, a colour for each way and a dash for each label."""
    for number, way in enumerate(ON_LOGITS):
        for label, dash in ((1, "-"), (0, (0, (4, 2)))):
            one = curves[way, label]
            more: dict[str, Any] = {
                "color": f"C{number}",
                "linestyle": dash,
                "label": way if label else None,
            }
            left.plot(wrong, np.where(np.isfinite(one.value), one.value, np.nan), **more)
            right.plot(wrong, one.slope, **more)
    left.set(xlabel="wrong by (logits)", ylabel="loss (nats)")
    right.set(xlabel="wrong by (logits)", ylabel="|gradient in the logit|", xlim=(0, 45))
    left.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
