"""The loss is convex in p, in the logit, in ln p, and in the weights of a linear model.

    in p             y / p^2 + (1 - y) / (1 - p)^2 >= 1
    in the logit     s(x) s(-x) > 0
    in ln p          (1 - y) p / (1 - p)^2 >= 0
    in the weights   X^T S X / n, without an eigenvalue < 0

and no chord of a convex function passes below it.
"""

from functools import partial
from typing import TYPE_CHECKING

import jax
import numpy as np

from bcejax.analysis import exact_values, logistic_hessian, relative_error
from bcejax.data import Batch, draw_logistic
from bcejax.losses import bce_with_logits, reduce_losses
from experiments import Claim, Figure, Result, Table, Verdict
from experiments.worked_examples.printed import FORMS, ulp

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALONG = np.linspace(-0.25, 1.25, 121)  # of the way from one point to another, 0 and 1 among it
LEAST = {"probs": 1, "logits": 0, "log_probs": 0}  # that a second derivative can be
SCALE = 3.0  # of the random weights: logits far into both tails


def bowls(points: int, examples: int, trials: int, seed: int) -> Result:
    """Second derivatives of every form; Hessians and chords of a linear model."""
    curvature, errors = zip(*(curvature_in(form, points) for form in FORMS), strict=True)
    batch = jax.jit(draw_logistic, static_argnums=1)(jax.random.key(seed), examples).batch
    loss = partial(linear_mean, batch=batch)
    losses = jax.jit(jax.vmap(loss))
    size = (2, trials, batch.inputs.shape[1] + 1)
    start, end = SCALE * np.random.default_rng(seed).standard_normal(size)
    gap = float(((losses(start) + losses(end)) / 2 - losses((start + end) / 2)).min())
    hessians = np.asarray(jax.jit(jax.vmap(jax.hessian(loss)))(start[:20]))
    by_hand = [logistic_hessian(batch.inputs, batch.labels, w[:-1], w[-1]) for w in start[:20]]
    smallest = float(np.linalg.eigvalsh(hessians).min())
    claims = (
        *(
            Claim(f"smallest second derivative in {form}", value, ">=", LEAST[form])
            for form, value in zip(FORMS, curvature, strict=True)
        ),
        Claim("error of a second derivative, largest of 3 forms", max(errors), "<=", 13, "ulp"),
        Claim("linear model: smallest gap under a chord", gap, ">", 0, "nats"),
        Claim("linear model: smallest eigenvalue of a Hessian", smallest, ">", 0),
        Claim(
            "linear model: Hessians off X^T S X / n, relative",
            relative_error(hessians, by_hand),
            "<=",
            1e-14,
        ),
    )
    table = Table(
        "convexity",
        "Where the loss is convex.",
        {
            "as a function of": [*FORMS, "weights of a linear model"],
            "smallest curvature": [*curvature, smallest],
            "smallest gap under a chord (nats)": [*(None for _ in FORMS), gap],
        },
    )
    lines = [losses(straight(*ends)) for ends in zip(start[:4], end[:4], strict=True)]
    figure = Figure(
        "bowls",
        "The mean loss of a linear model on four straight lines through its weights.",
        "Four bowls of different depth; each lies below the dotted chord between its ends.",
        partial(draw_lines, lines=np.array(lines)),
    )
    details = (
        f"The loss is convex in p (second derivatives from {curvature[0]:.4g} on) and in the "
        f"weights of a linear model (eigenvalues from {smallest:.2g} on).",
    )
    return Result(Verdict(claims, "", details), (table,), (figure,))


def curvature_in(form: str, points: int) -> tuple[float, float]:
    """The smallest second derivative for labels 0, 0.3 and 1, by autodiff, and its error in ulp."""
    loss, convert = FORMS[form]
    probs = np.linspace(0, 1, points)[1:-1]
    scores, labels = (each.ravel() for each in np.meshgrid(convert(probs), (0, 0.3, 1)))
    second = jax.jit(jax.vmap(jax.grad(jax.grad(loss))))(scores, labels)
    truth = exact_values("hessian", scores, labels, domain=form)
    return float(second.min()), ulp(second, truth)


def straight(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The points ``ALONG`` the line from one point to another."""
    return start + ALONG[:, None] * (end - start)


def linear_mean(weights: jax.Array, batch: Batch) -> jax.Array:
    """The mean loss of a linear model; the last weight is its intercept."""
    logits = batch.inputs @ weights[:-1] + weights[-1]
    return reduce_losses(bce_with_logits(logits, batch.labels))


def draw_lines(ax: "Axes", *, lines: np.ndarray) -> None:
    """The loss on each line, and the chord between its two points."""
    ends = [int(np.argmin(np.abs(ALONG - t))) for t in (0, 1)]
    for line in lines:
        (drawn,) = ax.plot(ALONG, line)
        ax.plot(ALONG[ends], line[ends], "o:", color=drawn.get_color(), linewidth=1)
    ax.set(xlabel="share of the way between two points", ylabel="mean loss (nats)")
