"""The loss is not convex in a network's weights: two solutions with a ridge between them.

A network with hidden units h_j = relu(u_j (a - b) - 1) and logit 8 (h_1 + h_2) - 4 tells the
corners a, b = +-1 where a and b differ from those where they agree, with u = (1, -1) and with
u = (-1, 1) alike: swapping hidden units leaves the function as it is. Half way, u = (0, 0), the
units are off, each logit is -4, and the mean loss is that of a solution, softplus(-4), and 2 nats.

There and near by the logit is the last bias alone, and ln 2, at a bias of 0, the least loss around:
a minimum, and not the global one.
"""

from functools import partial

import jax
import numpy as np

from bcejax.analysis import network_hessian_product, network_loss, relative_error
from bcejax.losses import bce_with_logits, reduce_losses
from experiments import Claim, Figure, Result, Table, Verdict
from experiments.worked_examples.convexity import draw_lines, straight
from experiments.worked_examples.printed import ulp

CORNERS = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
DIFFER = np.array([0.0, 1.0, 1.0, 0.0])

POINTS = {  # kernel of a, of b; hidden biases; readout, its bias
    "a solution": np.array([1.0, -1.0, -1.0, 1.0, -1.0, -1.0, 8.0, 8.0, -4.0]),
    "its twin": np.array([-1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 8.0, 8.0, -4.0]),
    "half way between them": np.array([0.0, 0.0, 0.0, 0.0, -1.0, -1.0, 8.0, 8.0, -4.0]),
    "where it is stuck": np.array([0.0, 0.0, 0.0, 0.0, -1.0, -1.0, 8.0, 8.0, 0.0]),
}
BENT = 0.2  # of the way from the solution to its twin, where the loss curves down

Array = np.ndarray | jax.Array


def ridge_between_solutions(trials: int, seed: int) -> Result:
    """From one solution to its twin, and around the point where the network is stuck."""
    start, end, _, stuck = POINTS.values()
    losses = jax.jit(jax.vmap(network_mean))
    values = np.asarray(losses(np.array([*POINTS.values()])))
    solution, twin, half_way, trapped = map(float, values)
    by_hand = [network_loss(CORNERS, DIFFER, layers(each)) for each in POINTS.values()]
    ridge, off = half_way - solution, relative_error(values, by_hand)
    curvature = smallest_curvature(start + BENT * (end - start))
    steps = np.random.default_rng(seed).uniform(-0.1, 0.1, (trials, stuck.size))
    lower = int((losses(stuck + steps) < trapped).sum())
    steepest = float(abs(jax.jit(jax.grad(network_mean))(stuck)).max())
    claims = (
        Claim("network: loss of a solution", solution, "<=", 0.02, "nats"),
        Claim("network: loss of the twin less that", twin - solution, "==", 0, "nats"),
        Claim("network: loss half way less that, off 2 nats", ulp(ridge, 2.0), "<=", 4, "ulp"),
        Claim(f"network: smallest curvature {BENT:g} of the way", curvature, "<", 0),
        Claim("network, stuck: largest entry of the gradient", steepest, "==", 0),
        Claim(f"network, stuck: steps that lower the loss, of {trials}", lower, "==", 0),
        Claim("network, stuck: loss less a solution's", trapped - solution, ">=", 0.6, "nats"),
        Claim("network: losses off by hand, relative", off, "<=", 1e-15),
    )
    table = Table(
        "network",
        "The mean loss of a network with two hidden units on exclusive or.",
        {"weights": list(POINTS), "mean loss (nats)": values},
    )
    figure = Figure(
        "ridge",
        "The mean loss of a network on the straight line from one solution to its twin.",
        f"The loss is {solution:.3f} at either end and rises to a plateau of {half_way:.3f} between"
        " them, far above the dotted chord.",
        partial(draw_lines, lines=np.asarray(losses(straight(start, end)))[None]),
    )
    answer = (
        "The loss is convex in p and in the weights of a linear model, as they say, but not in a"
        " network's."
    )
    details = (
        "In a network's weights it is not convex: half way between two solutions with a loss of"
        f" {solution:.3f} it is {half_way:.3f}, and it has a minimum of {trapped:.3f} that is not"
        " the lowest.",
    )
    return Result(Verdict(claims, answer, details), (table,), (figure,))


def layers(weights: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Kernel and bias of the hidden layer and of the readout."""
    return (weights[:4].reshape(2, 2), weights[4:6]), (weights[6:8, None], weights[8:])


def network_mean(weights: Array) -> jax.Array:
    """The mean loss of the network on the corners."""
    (kernel, hidden_bias), (readout, bias) = layers(weights)
    # views, for of an array that a compiled function closes over jax 0.10 keeps one precision
    corners, labels = CORNERS.view(), DIFFER.view()
    logits = jax.nn.relu(corners @ kernel + hidden_bias) @ readout + bias
    return reduce_losses(bce_with_logits(logits[:, 0], labels))


def smallest_curvature(at: np.ndarray) -> float:
    """The smallest eigenvalue of the Hessian: its direction by autodiff, its size by hand."""
    hessian = np.asarray(jax.jit(jax.hessian(network_mean))(at))
    direction = np.linalg.eigh(hessian)[1][:, 0]
    product = network_hessian_product(CORNERS, DIFFER, layers(at), layers(direction))
    flat = np.concatenate([each.ravel() for layer in product for each in layer])
    return float(flat @ direction)
