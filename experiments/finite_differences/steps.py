"""What the differences at every step show: claims, tables and the figure of the V curves."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from experiments import Claim, Figure, Table
from experiments.finite_differences.courses import (
    COMPLEX_STEP,
    DTYPES,
    THROUGH_MODULUS,
    WAYS,
    Course,
    modulus_errors,
)


def claims_on_steps(courses: dict[tuple[str, str], Course], logits: np.ndarray) -> Iterator[Claim]:
    """Floors and best steps follow the powers of eps; the prediction holds."""
    digits = np.log([float(jnp.finfo(dtype).eps) for dtype in DTYPES])
    for name, way in WAYS.items():
        low, high = (courses[name, dtype] for dtype in DTYPES)
        power = _power([low.errors.min(), high.errors.min()], digits)
        kept = 1.0 if way.stencil is None else way.order / (way.order + 1)
        text = f"{name}: power of eps to which the smallest error falls, off {kept:.3g}"
        yield Claim(text, abs(power - kept), "<=", 0.05)
        for each in (low, high):
            ratio = each.errors.min() / each.predicted.min()
            text = f"{name} in {each.dtype}: smallest error over the predicted one"
            yield Claim(text, max(ratio, 1 / ratio), "<=", 4, "times")
        if way.stencil is not None:
            for each in (low, high):
                off = np.log2(each.steps[each.best] / each.steps[each.predicted_best])
                text = f"{name} in {each.dtype}: best step off the predicted one"
                yield Claim(text, abs(off), "<=", 2, "powers of 2")
    text = f"{THROUGH_MODULUS}: smallest relative error over all logits"
    yield Claim(text, modulus_errors(logits).min(), ">=", 0.01)


def _power(values: Sequence[float], digits: np.ndarray) -> float:
    return float(np.diff(np.log(values))[0] / np.diff(digits)[0])


def tables_of_steps(courses: dict[tuple[str, str], Course]) -> list[Table]:
    """The best of each course, and every step."""
    best, every = list(courses.values()), list(courses.values())
    return [
        Table(
            "best_steps",
            "The step at which each way errs least, and what was predicted.",
            {
                "way": [each.way for each in best],
                "dtype": [each.dtype for each in best],
                "best step": [each.steps[each.best] for each in best],
                "predicted step": [each.steps[each.predicted_best] for each in best],
                "relative error": [each.errors.min() for each in best],
                "predicted error": [each.predicted.min() for each in best],
                "digits kept": [-np.log10(each.errors.min()) for each in best],
                "autodiff's relative error": [each.autodiff for each in best],
            },
            {
                "relative error": ".2e",
                "predicted error": ".2e",
                "digits kept": ".1f",
                "best step": ".2e",
                "predicted step": ".2e",
                "autodiff's relative error": ".2e",
            },
        ),
        Table(
            "steps",
            "Every way at every step: root mean square of the relative errors over the logits.",
            {
                "way": [each.way for each in every for _ in each.steps],
                "dtype": [each.dtype for each in every for _ in each.steps],
                "step": np.concatenate([each.steps for each in every]),
                "relative error": np.concatenate([each.errors for each in every]),
                "predicted": np.concatenate([each.predicted for each in every]),
            },
            {"relative error": ".3g", "predicted": ".3g"},
        ),
    ]


def figure_of_steps(courses: dict[tuple[str, str], Course]) -> Figure:
    """The V curves."""
    floors = "; ".join(
        f"{each.way} in {each.dtype} {each.errors.min():.0e} at step {each.steps[each.best]:.0e}"
        for each in courses.values()
        if each.way != COMPLEX_STEP
    )
    return Figure(
        "steps",
        "Relative error of the gradient by finite differences against the step, root mean square"
        " over the logits. Thin lines: predicted. Black: bce_gradient.",
        alt="V-shaped curves that fall with the power of their order and rise as 1 / h; the"
        f" complex step falls and stays on the line of bce_gradient. Lowest: {floors}.",
        draw=partial(draw_steps, courses=courses),
        panels=(1, len(DTYPES)),
    )


def draw_steps(*axes: Any, courses: dict[tuple[str, str], Course]) -> None:
    """A panel for each dtype."""
    for ax, dtype in zip(axes, DTYPES, strict=True):
        for number, name in enumerate(WAYS):
            each, colour = courses[name, dtype], f"C{number}"
            open_circle = WAYS[name].stencil is None  # it shares a line with the central ones
            style = {"mfc": "none", "ms": 7} if open_circle else {"ms": 4}
            ax.plot(each.steps, each.errors, "o", color=colour, label=name, **style)
            ax.plot(each.steps, each.predicted, color=colour, linewidth=0.8)
        ax.axhline(each.autodiff, color="black", linewidth=1, zorder=1)
        ax.set(xscale="log", yscale="log", xlabel="step h", title=dtype)
        ax.set_xlim(2.0 ** -(jnp.finfo(dtype).nmant + 2), 1)
    axes[0].set_ylabel("relative error of the gradient")
    axes[-1].legend()
