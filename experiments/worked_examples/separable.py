"""On separable data the loss has no minimum: it falls to 0 as the weights run off.

If some weights w give every example a logit on its right side, then so do 2 w, 5 w, 10 w, each with
a smaller loss > 0. Gradient descent never ends: its loss falls like 1 / step, its weights grow
like ln step in a direction that settles. Where the labels overlap, it converges.

Source: D. Soudry and others, The implicit bias of gradient descent on separable data (2018).
"""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.analysis import logistic_loss, relative_error
from bcejax.data import Batch, draw_logistic, draw_separable
from experiments import Claim, Figure, Result, Table, Verdict
from experiments.worked_examples.convexity import linear_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FARTHER = (1, 2, 5, 10, 20)  # times the weights that descent has reached


class Descent(NamedTuple):
    """Gradient descent from 0: before each step the loss and two lengths, and where it ended."""

    loss: np.ndarray
    weights: np.ndarray
    gradient: np.ndarray
    reached: np.ndarray


def endless_descent(examples: int, steps: int, seed: int) -> Result:
    """Gradient descent on separable data, and on data that overlap."""
    draws = (jax.jit(draw, static_argnums=1) for draw in (draw_separable, draw_logistic))
    batch, other = (draw(jax.random.key(seed), examples).batch for draw in draws)
    runs = {"separable": descend(batch, steps), "overlapping": descend(other, steps)}
    separable, overlapping = runs.values()
    early, late = steps // 10, steps
    stalls = (np.diff(separable.loss) >= 0).sum()
    shrinking = separable.loss[early] / separable.loss[late]
    growth, settling = (run.weights[late] - run.weights[early] for run in runs.values())
    points = np.multiply.outer(FARTHER, separable.reached)
    beyond = np.asarray(jax.jit(jax.vmap(partial(linear_mean, batch=batch)))(points))
    by_hand = [logistic_loss(batch.inputs, batch.labels, w[:-1], w[-1]) for w in points]
    higher = (np.diff(beyond) >= 0).sum()
    off = max(relative_error(*pair) for pair in zip(beyond, by_hand, strict=True))
    claims = (
        Claim("separable: steps that do not lower the loss", int(stalls), "==", 0),
        Claim("separable: growth of the weights in the last nine tenths", growth, ">=", 1),
        Claim("separable: loss at a tenth of the steps over the last", shrinking, ">=", 5, "times"),
        Claim("separable: shortest gradient", separable.gradient.min(), ">", 0),
        Claim("separable, farther out: losses that are not lower", int(higher), "==", 0),
        Claim("separable, farther out: smallest loss", beyond.min(), ">", 0, "nats"),
        Claim("separable, farther out: losses off by hand, relative", off, "<=", 1e-13),
        Claim(
            "overlapping: change of the weights in the last nine tenths", abs(settling), "<=", 1e-9
        ),
    )
    at = [step for step in (1, 10, 100, 1000, 10_000, 100_000, 1_000_000) if step <= steps]
    table = Table(
        "descent",
        "Gradient descent with step size 1 from weights of 0.",
        {
            "data": [name for name in runs for _ in at],
            "steps": at * len(runs),
            "mean loss (nats)": np.concatenate([run.loss[at] for run in runs.values()]),
            "length of the weights": np.concatenate([run.weights[at] for run in runs.values()]),
            "length of the gradient": np.concatenate([run.gradient[at] for run in runs.values()]),
        },
    )
    figure = Figure(
        "descent",
        "Gradient descent on separable and on overlapping data.",
        f"Left, the loss on overlapping data stays at {overlapping.loss[late]:.2f}; on separable"
        f" data it falls to {separable.loss[late]:.1g}, straight in double logarithms. Right, the"
        f" weights of the first settle at {overlapping.weights[late]:.2f}; those of the second grow"
        f" with the logarithm of the steps, to {separable.weights[late]:.1f}.",
        partial(draw_descent, runs=runs),
        (1, 2),
    )
    details = (
        f"On separable data descent has no end: after {steps} steps the weights are"
        f" {separable.weights[late]:.1f} long and grow, the loss is {separable.loss[late]:.6f} and"
        " falls.",
    )
    return Result(Verdict(claims, "", details), (table,), (figure,))


def descend(batch: Batch, steps: int) -> Descent:
    """Gradient descent of a linear model with step size 1, from weights of 0."""
    loss = jax.value_and_grad(partial(linear_mean, batch=batch))

    def step(weights: jax.Array, _: None) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        value, gradient = loss(weights)
        lengths = (jnp.linalg.norm(each) for each in (weights, gradient))
        return weights - gradient, (value, *lengths)

    start = np.zeros(batch.inputs.shape[1] + 1)
    reached, lines = jax.jit(lambda w: jax.lax.scan(step, w, length=steps + 1))(start)
    loss_line, weights_line, gradient_line = map(np.asarray, lines)
    return Descent(loss_line, weights_line, gradient_line, np.asarray(reached))


def draw_descent(left: "Axes", right: "Axes", *, runs: dict[str, Descent]) -> None:
    """Loss and length of the weights, by step."""
    for name, run in runs.items():
        at = np.unique(np.geomspace(1, len(run.loss) - 1, 200).round().astype(int))
        left.loglog(at, run.loss[at], label=name)
        right.semilogx(at, run.weights[at], label=name)
    left.set(xlabel="steps", ylabel="mean loss (nats)")
    right.set(xlabel="steps", ylabel="length of the weights")
    left.legend()
