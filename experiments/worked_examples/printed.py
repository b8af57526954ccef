"""The figures that the articles print, from every form of the loss, and the row they slip in.

    l(p, y) = -y ln p - (1 - y) ln(1 - p)

is computed from p, from the logit ln p - ln(1 - p), and from ln p.
"""

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from bcejax.analysis import exact, settle, ulp_error
from bcejax.losses import bce_with_log_probs, bce_with_logits, bce_with_probs, reduce_losses
from bcejax.plots import draw_loss_curves
from experiments import Claim, Figure, Result, Table, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Example(NamedTuple):
    """Probabilities and labels of an article, and the mean loss that it prints."""

    name: str
    probs: tuple[float, ...]
    labels: tuple[int, ...]
    mean: float


FOUR = Example("four observations", (0.9, 0.2, 0.8, 0.4), (1, 0, 1, 0), 0.2656183105130591)
FIVE = Example("five observations", (0.1, 0.9, 0.8, 0.2, 0.7), (0, 1, 1, 0, 1), 0.20273661557656092)
SINGLE = (
    Example("-ln 0.1", (0.1,), (1,), 2.3025850929940455),
    Example("-ln 0.85", (0.85,), (1,), 0.16251892949777494),
    Example("-ln 0.9", (0.9,), (1,), 0.10536051565782628),
)
EXAMPLES = (FOUR, FIVE, *SINGLE)

# What the loss is computed from: the loss, and how to get there from a probability.
FORMS: dict[str, tuple[Callable[..., jax.Array], Callable[[Any], Any]]] = {
    "probs": (bce_with_probs, lambda p: p),
    "logits": (bce_with_logits, lambda p: np.log(p) - np.log1p(-p)),
    "log_probs": (bce_with_log_probs, np.log),
}


class Measured(NamedTuple):
    """A mean loss, its error, and in float64 its distance from the printed digits, in ulp."""

    mean: float
    error: float
    off: float | None


def figures_of_articles(points: int) -> Result:
    """Every printed figure, in both precisions, and the curves on which they lie."""
    cases = list(itertools.product(EXAMPLES, FORMS, (np.float64, np.float32)))
    found = [measure(*case) for case in cases]
    error = max(each.error for each in found)
    off = max(each.off for each in found if each.off is not None)
    claims = (
        *(Claim(f"{e.name}, by the article's formula", formula(e), "==", e.mean) for e in EXAMPLES),
        Claim("error of a figure, largest of 3 forms and 2 precisions", error, "<=", 2, "ulp"),
        Claim("float64 figure farthest from the printed digits", off, "<=", 2, "ulp"),
    )
    table = Table(
        "figures",
        "The articles' figures from probabilities, logits and log-probabilities.",
        {
            "figure": [example.name for example, _, _ in cases],
            "from": [form for _, form, _ in cases],
            "in": [dtype.__name__ for _, _, dtype in cases],
            "mean": [each.mean for each in found],
            "error (ulp)": [each.error for each in found],
            "off the printed digits (ulp)": [each.off for each in found],
        },
        {"mean": ".17g"},
    )
    answer = f"All {len(EXAMPLES)} figures that the articles print hold, within {error:.2g} ulp."
    return Result(Verdict(claims, answer), (table,), (curves(points),))


def measure(example: Example, form: str, dtype: Any = np.float64) -> Measured:
    """The mean loss in a form and a precision, held against 120 bits of the same scores."""
    loss, convert = FORMS[form]
    scores = convert(np.array(example.probs)).astype(dtype)
    mean = mean_loss(loss, scores, np.array(example.labels))
    pairs = zip(scores, example.labels, strict=True)
    values = [exact("value", score, label, domain=form) for score, label in pairs]
    truth = settle(lambda mp: [value / len(values) for value in values])
    off = ulp(mean, example.mean) if dtype is np.float64 else None
    return Measured(float(mean), ulp(mean, np.array(truth)), off)


@partial(jax.jit, static_argnums=0)
def mean_loss(loss: Callable[..., jax.Array], scores: jax.Array, labels: jax.Array) -> jax.Array:
    """The mean of a loss."""
    return reduce_losses(loss(scores, labels))


def ulp(got: Any, truth: Any) -> float:
    """The largest distance of results from the truth, in units of their last place."""
    return float(ulp_error(np.asarray(got), truth).max())


def formula(example: Example, epsilon: float = 0.0) -> float:
    """The article's formula as it stands, in float64, with ``epsilon`` inside both logs."""
    pairs = zip(example.probs, example.labels, strict=True)
    terms = [y * math.log(p + epsilon) + (1 - y) * math.log(1 - p + epsilon) for p, y in pairs]
    return -float(np.mean(terms))  # as the article adds; from Python 3.12 on sum is more exact


def textbook(p: Any, labels: Any, log: Callable[..., Any] = np.log) -> Any:
    """The formula for any numbers at all, in NumPy."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return -(labels * log(p) + (1 - labels) * log(np.subtract(1, p)))


Curves = tuple[np.ndarray, dict[int, np.ndarray]]  # where, and the losses of labels 1 and 0 there


def curves(points: int) -> Figure:
    """The loss of both labels, against the probability and against the logit."""
    probs, logits = np.linspace(0.002, 0.998, points), np.linspace(-6, 6, points)
    by_prob, by_logit = (
        (at, {y: np.asarray(jax.jit(loss)(at, np.full(points, y))) for y in (1, 0)})
        for loss, at in ((bce_with_probs, probs), (bce_with_logits, logits))
    )
    marked = ", ".join(f"{each.mean:.2f} at p = {each.probs[0]:g}" for each in SINGLE)
    return Figure(
        "curves",
        "The loss against the probability, with the worked points, and against the logit.",
        "Left, the curves of the two labels cross at one half and make a U, each rising without"
        f" bound on its wrong side; label 1 is marked with {marked}. Right, against the logit, each"
        " is nearly 0 on its right side and nearly a straight line of slope one on its wrong side.",
        partial(draw_curves, by_prob=by_prob, by_logit=by_logit),
        (1, 2),
    )


def draw_curves(left: "Axes", right: "Axes", *, by_prob: Curves, by_logit: Curves) -> None:
    """The U in p with the worked points; the same losses in the logit."""
    draw_loss_curves(left, *by_prob)
    for example, height in zip(SINGLE, (3.0, 3.0, 3.7), strict=True):
        (p,) = example.probs
        left.plot(p, example.mean, "ko", markersize=4)
        left.annotate(
            rf"$-\ln {p:g} = {example.mean:.2f}$",
            (p, example.mean),
            (p, height),
            horizontalalignment="left" if p < 0.5 else "right",
            arrowprops={"arrowstyle": "-", "linewidth": 0.6, "relpos": (float(p > 0.5), 0)},
        )
    draw_loss_curves(right, *by_logit, against="logit")


def slipped_row() -> Result:
    """The row that the text works with p = 0.1, where its table and its mean have 0.9."""
    slipped = FOUR._replace(probs=(0.1, *FOUR.probs[1:]))
    means = {form: [measure(each, form).mean for each in (FOUR, slipped)] for form in FORMS}
    off = max(ulp(4 * (wrong - right), math.log(9)) for right, wrong in means.values())
    right, wrong = means["probs"]
    costs = {p: -math.log(p) for p in (0.9, 0.1)}
    claims = (
        Claim(
            "four observations: mean with p = 0.9, in four digits", round(right, 4), "==", 0.2656
        ),
        Claim("four observations: mean with p = 0.1 less that", wrong - right, ">=", 0.5, "nats"),
        Claim("four times the difference off ln 9, worst of 3 forms", off, "<=", 8, "ulp"),
    )
    columns = {
        "first row": ["p = 0.9, as in the table", "p = 0.1, as it is worked"],
        "its loss": list(costs.values()),
        **{f"mean from {form}": pair for form, pair in means.items()},
    }
    table = Table("slip", "The first of the four observations, with either probability.", columns)
    details = (
        f"The row that one article works with p = 0.1 costs {costs[0.1]:.4f}; with the 0.9 of its "
        f"table it costs {costs[0.9]:.4f}.",
    )
    return Result(Verdict(claims, "", details), (table,))
