"""Which figures and which sentences of the textbook articles on the cross-entropy hold?

Run:     python -m experiments run worked_examples    10 s on two cores
Expect:  Every figure, to its last digits. Keras's other figure is the 1e-7 that it then added
         inside both logs. One row is worked with p = 0.1 where its table says 0.9. "Convex, so one
         global minimum" holds in p and for a linear model, not for a network, and on separable
         data no minimum is attained. Base 10, percentages, p of exactly 0 or 1 and three classes
         give wrong numbers in silence, or a clear error.

The articles take means of the loss of a probability p of label 1 and its label y,

    l(p, y) = -y ln p - (1 - y) ln(1 - p)

Each figure is computed from probabilities, from logits ln p - ln(1 - p) and from log-probabilities
ln p, in float64 and float32, and held against 120-bit arithmetic on the very numbers that the
loss was given; in float64 also against the digits that the article prints.

Keras's figure is off by 1.2e-7, which its article puts down to floating point. With q the
probability of the label that came, a small e inside both logs changes the mean loss by

    mean ln q - mean ln(q + e) = -e mean(1/q) + e^2 mean(1/q^2) / 2 - ...

and the gap is the first term for e = 1e-7.

Convexity is judged by second derivatives, by Hessians in the weights, and by the loss half way
between two points, which for a convex function is at most the mean of its ends. A network with
two hidden units solves exclusive or; with its units in the other order it is the same function,
and half way between the two orders they cancel. Where its hidden units are off, it is stuck in a
minimum that is not the lowest. On separable data gradient descent runs on and on: the loss falls
like 1 / step and the weights grow like ln step (D. Soudry and others, The implicit bias of
gradient descent on separable data, 2018).
"""

import importlib.util
import itertools
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from bcejax.analysis import (
    exact,
    exact_values,
    logistic_hessian,
    logistic_loss,
    network_hessian_product,
    network_loss,
    relative_error,
    settle,
    spacing,
    ulp_error,
)
from bcejax.data import Batch, draw_logistic, draw_separable
from bcejax.losses import bce_with_log_probs, bce_with_logits, bce_with_probs, reduce_losses
from bcejax.numerics import check_labels, check_probs, require
from bcejax.plots import draw_loss_curves
from experiments import Claim, Experiment, Figure, Result, Table, Track, Verdict, untracked

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Config:
    """How finely to look, and how long to descend."""

    points: int = 401
    """Points of each curve, and of each grid of second derivatives."""
    trials: int = 1000
    """Random pairs of weights of the linear model; random steps from a network's minimum."""
    examples: int = 200
    """Examples drawn for the linear model."""
    steps: int = 100_000
    """Steps of gradient descent; a power of 10, at least 10000."""
    seed: int = 0
    """Of every draw."""


class Part(NamedTuple):
    """What one part of the experiment adds to the result."""

    answer: str
    claims: Sequence[Claim]
    tables: Sequence[Table]
    figures: Sequence[Figure] = ()


class Example(NamedTuple):
    """Probabilities and labels of an article, and the mean loss that it prints."""

    name: str
    probs: tuple[float, ...]
    labels: tuple[int, ...]
    mean: float


FOUR = Example("four observations", (0.9, 0.2, 0.8, 0.4), (1, 0, 1, 0), 0.2656183105130591)
FIVE = Example(
    "five observations", (0.1, 0.9, 0.8, 0.2, 0.7), (0, 1, 1, 0, 1), 0.20273661557656092
)
SINGLE = (
    Example("-ln 0.1", (0.1,), (1,), 2.3025850929940455),
    Example("-ln 0.85", (0.85,), (1,), 0.16251892949777494),
    Example("-ln 0.9", (0.9,), (1,), 0.10536051565782628),
)
KERAS = 0.2027364925606956  # what Keras once gave for the five observations
EPSILON = 1e-7  # what it then added inside both logs, and now clips to

# From what the loss is computed: the loss, and how to get there from a probability.
FORMS: dict[str, tuple[Callable[..., jax.Array], Callable[[Any], Any]]] = {
    "probs": (bce_with_probs, lambda p: p),
    "logits": (bce_with_logits, lambda p: np.log(p) - np.log1p(-p)),
    "log_probs": (bce_with_log_probs, np.log),
}


def run(config: Config, track: Track = untracked) -> Result:
    """The figures, the other figure, the slip, the sentences, the traps."""
    with jax.enable_x64(True):
        parts = [PARTS[name](config) for name in track(tuple(PARTS), "parts")]
    return Result(
        Verdict(
            tuple(claim for part in parts for claim in part.claims),
            " ".join(part.answer for part in parts),
        ),
        tuple(table for part in parts for table in part.tables),
        tuple(figure for part in parts for figure in part.figures),
    )


def ulp(got: Any, truth: Any) -> float:
    """The largest distance of results from the truth, in units of their last place."""
    return float(ulp_error(np.asarray(got), truth).max())


# The figures


def printed_figures(config: Config) -> Part:
    """Every printed figure from every form of the loss, in both precisions."""
    examples = (FOUR, FIVE, *SINGLE)
    cases = itertools.product(examples, FORMS, (np.float64, np.float32))
    rows = [(e.name, form, dtype.__name__, *measure(e, form, dtype)) for e, form, dtype in cases]
    names = ("figure", "from", "in", "mean", "error (ulp)", "off the printed digits (ulp)")
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    error = max(columns["error (ulp)"])
    off = max(each for each in columns["off the printed digits (ulp)"] if each is not None)
    claims = [Claim(f"{e.name}, by the article's formula", formula(e), "==", e.mean) for e in examples]
    claims += [
        Claim("error of a figure, largest of 3 forms and 2 precisions", error, "<=", 2, "ulp"),
        Claim("float64 figure farthest from the printed digits", off, "<=", 2, "ulp"),
    ]
    caption = "The articles' figures from probabilities, logits and log-probabilities."
    table = Table("figures", caption, columns, {"mean": ".17g"})
    answer = f"All {len(examples)} figures hold, each form within {error:.2g} ulp."
    return Part(answer, claims, [table], [curves(config)])


def measure(example: Example, form: str, dtype: Any) -> tuple[float, float, float | None]:
    """Mean loss, its error in ulp, and in float64 its distance from the printed digits."""
    loss, convert = FORMS[form]
    scores = convert(np.array(example.probs)).astype(dtype)
    mean = reduce_losses(loss(scores, np.array(example.labels)))
    pairs = zip(scores, example.labels, strict=True)
    values = [exact("value", score, label, domain=form) for score, label in pairs]
    truth = settle(lambda mp: [value / len(values) for value in values])
    off = ulp(mean, example.mean) if dtype is np.float64 else None
    return float(mean), ulp(mean, np.array(truth)), off


def formula(example: Example, epsilon: float = 0.0) -> float:
    """The article's formula as it stands, in float64, with ``epsilon`` inside both logs."""
    pairs = zip(example.probs, example.labels, strict=True)
    terms = (y * math.log(p + epsilon) + (1 - y) * math.log(1 - p + epsilon) for p, y in pairs)
    return -sum(terms) / len(example.probs)


def curves(config: Config) -> Figure:
    """The loss of both labels, against the probability and against the logit."""
    probs, logits = np.linspace(0.002, 0.998, config.points), np.linspace(-6, 6, config.points)
    by_prob, by_logit = (
        {y: np.asarray(loss(at, np.full(at.shape, y))) for y in (1, 0)}
        for loss, at in ((bce_with_probs, probs), (bce_with_logits, logits))
    )
    marked = ", ".join(f"{e.mean:.2f} at p = {e.probs[0]:g}" for e in SINGLE)
    return Figure(
        "curves",
        "The loss against the probability, with the worked points, and against the logit.",
        "Left, the curves of the two labels cross at one half and make a U, each rising without"
        f" bound on its wrong side; label 1 is marked with {marked}. Right, against the logit, each"
        " is nearly 0 on its right side and nearly a straight line of slope one on its wrong side.",
        partial(draw_curves, by_prob=(probs, by_prob), by_logit=(logits, by_logit)),
        (1, 2),
    )


Curves = tuple[np.ndarray, dict[int, np.ndarray]]


def draw_curves(left: "Axes", right: "Axes", *, by_prob: Curves, by_logit: Curves) -> None:
    """The U in p with the worked points; the same losses in the logit."""
    draw_loss_curves(left, *by_prob)
    for example, (x, y) in zip(SINGLE, ((0.16, 2.55), (0.55, 1.5), (0.62, 1.1)), strict=True):
        left.annotate(
            f"{example.name} = {example.mean:.2f}",
            (example.probs[0], example.mean),
            (x, y),
            arrowprops={"arrowstyle": "-", "linewidth": 0.6},
        )
        left.plot(example.probs, example.mean, "ko", markersize=4)
    draw_loss_curves(right, *by_logit, against="logit")


def keras_figure(config: Config) -> Part:
    """The 1e-7 inside both logs, the clip of today, and what rounding could have done."""
    old, added, truth = formula(FIVE, EPSILON), exact_mean(EPSILON), exact_mean(0.0)
    probs, labels = np.array(FIVE.probs), np.array(FIVE.labels)
    clip, clip32 = (
        reduce_losses(bce_with_probs(probs.astype(dtype), labels, clip=EPSILON))
        for dtype in (np.float64, np.float32)
    )
    gap, first_order = FIVE.mean - KERAS, EPSILON * np.mean(1 / np.where(labels, probs, 1 - probs))
    means = {
        "the article's formula": formula(FIVE),
        "1e-7 inside both logs": old,
        "1e-7 inside both logs, 120 bits": float(added.item()),
        "clip to [1e-7, 1 - 1e-7]": float(clip),
        "clip to [1e-7, 1 - 1e-7], float32": float(clip32),
    }
    claims = [
        Claim("1e-7 inside both logs, in float64", old, "==", KERAS),
        Claim("Keras's figure off that in 120 bits", ulp(KERAS, added), "<=", 1, "ulp"),
        Claim("the gap off 1e-7 mean(1/q), relative", abs(gap / first_order - 1), "<=", EPSILON),
        Claim("the gap, even in float32", gap / spacing(FIVE.mean, np.float32), ">=", 4, "ulp"),
        Claim("error of the clip of today, float64", ulp(clip, truth), "<=", 2, "ulp"),
        Claim("error of the clip of today, float32", ulp(clip32, truth), "<=", 2, "ulp"),
    ]
    itself = "Keras is not installed here"
    if importlib.util.find_spec("keras"):
        means["Keras itself, float32"] = today = keras_today()
        claims.append(Claim("error of Keras itself", ulp(np.float32(today), truth), "<=", 2, "ulp"))
        itself = f"Keras itself {today:.9f}"
    caption = f"Ways to the mean of the five observations, for which Keras once gave {KERAS}."
    columns = {"way": list(means), "mean": list(means.values())}
    answer = f"1e-7 inside both logs gives {old}; the clip of today {clip32:.9f}, {itself}."
    return Part(answer, claims, [Table("keras", caption, columns, {"mean": ".17g"})])


def exact_mean(epsilon: float) -> np.ndarray:
    """The mean of the five observations in 120 bits, with ``epsilon`` inside both logs."""

    def terms(mp: Any) -> list[Any]:
        pairs = zip(map(mp.mpf, FIVE.probs), FIVE.labels, strict=True)
        return [-mp.log((p if label else 1 - p) + epsilon) / 5 for p, label in pairs]

    return np.array(settle(terms))


def keras_today() -> float:
    """The mean by Keras, which computes in float32."""
    os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras reads it once, when it is imported
    keras = require("keras", extra="peers", purpose="its figure")
    probs, labels = np.array(FIVE.probs, np.float32), np.array(FIVE.labels, np.float32)
    return float(keras.losses.binary_crossentropy(labels, probs))


def slipped_row(config: Config) -> Part:
    """The row that the text works with p = 0.1, where its table and its mean have 0.9."""
    slipped = FOUR._replace(probs=(0.1, *FOUR.probs[1:]))
    means = {form: [measure(e, form, np.float64)[0] for e in (FOUR, slipped)] for form in FORMS}
    off = max(ulp(4 * (wrong - right), math.log(9)) for right, wrong in means.values())
    right, wrong = means["probs"]
    rows = [measure(e, "probs", np.float64)[0] for e in (SINGLE[2], SINGLE[0])]
    claims = [
        Claim("mean with p = 0.9, in the article's four digits", round(right, 4), "==", 0.2656),
        Claim("mean with p = 0.1", wrong, ">=", 0.8, "nats"),
        Claim("what 0.1 adds, off ln(9) / 4, worst of 3 forms", off, "<=", 8, "ulp"),
    ]
    columns = {
        "first row": ["p = 0.9, as in the table", "p = 0.1, as it is worked"],
        "its loss": rows,
        **{f"mean from {form}": pair for form, pair in means.items()},
    }
    answer = f"The row worked with 0.1 costs {rows[1]:.4f}; with the table's 0.9, {rows[0]:.4f}."
    table = Table("slip", "The first of the four observations, with either probability.", columns)
    return Part(answer, claims, [table])


# The sentences


def convexity(config: Config) -> Part:
    """Where the loss is convex, and where it is not."""
    rows, claims = [], []
    for form, (smallest, error) in curvature_in_one_number(config).items():
        rows.append((form, smallest, None))
        claims.append(Claim(f"smallest second derivative in {form}", smallest, ">=", 0))
        claims.append(Claim(f"error of that derivative in {form}", error, "<=", 8, "ulp"))
    return Part("", claims, [])
