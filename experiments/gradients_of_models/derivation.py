"""The derivatives of a mean loss by hand, as the head of the experiment writes them down.

    gradient   J^T r / n
    Hessian    J^T diag(h) J / n + B

Numbers are exact and carry their bounds (``bounded``), so the same lines give both.
"""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from bcejax.analysis import (
    logistic_gradient,
    logistic_hessian_product,
    network_gradient,
    network_hessian_product,
)
from experiments.gradients_of_models.bounded import (
    Bounded,
    derivatives_in,
    exactly,
    relu,
    rounding_of,
)
from experiments.gradients_of_models.setting import Problem


class Derivation(NamedTuple):
    """What the derivatives of a mean loss are made of."""

    jacobian: Bounded  # (n, P), of the logits
    residual: Bounded  # (n, 1)
    variance: Bounded  # (n, 1)
    bend: Bounded  # (P, P)
    share: Bounded  # (1, 1), 1 / n

    def gradient(self) -> Bounded:
        """J^T r / n, (P,)."""
        return (self.jacobian.T @ self.residual * self.share).placed(np.ravel)

    def hessian(self) -> Bounded:
        """J^T diag(h) J / n + B, (P, P)."""
        return self.jacobian.T @ (self.variance * self.jacobian) * self.share + self.bend

    def product(self, direction: jax.Array) -> Bounded:
        """The Hessian times a vector, (P,), without the Hessian."""
        v = exactly(direction[:, None], self.share.rounding)
        curved = self.jacobian.T @ (self.variance * (self.jacobian @ v)) * self.share
        return (curved + self.bend @ v).placed(np.ravel)


def derive(problem: Problem) -> Derivation:
    """The derivation at the head of this file, without a hidden layer or with one of relu."""
    exact = partial(exactly, rounding=rounding_of(problem.params.dtype))
    labels = np.asarray(problem.labels).astype(np.longdouble)[:, None]
    one, share = (
        exact(np.ones(labels.shape)),
        exact(1 / np.full((1, 1), len(labels), np.longdouble)),
    )
    u = exact(problem.inputs).beside(one)
    layers = [exact(layer) for layer in problem.layers(problem.params)]
    order, outer = problem.order(), layers[-1]
    bend = exact(np.zeros((order.size, order.size)))
    if len(layers) == 1:
        r, h = derivatives_in(u @ outer, labels)
        return Derivation(u.placed(lambda each: each[:, order]), r, h, bend, share)
    a, m = relu(u @ layers[0])
    r, h = derivatives_in(a.beside(one) @ outer, labels)
    slopes = m * outer.placed(lambda each: each[:-1].T)
    deep = u.placed(lambda each: each[:, :, None]) * slopes.placed(lambda each: each[:, None])
    flat = deep.placed(lambda each: each.reshape(len(each), -1))
    jacobian = flat.beside(a).beside(one).placed(lambda each: each[:, order])
    mixed = (r * m).T @ u * share
    rows, column = problem.places[0].T, problem.places[1][:-1]
    for whole, part in ((bend.value, mixed.value), (bend.error, mixed.error)):
        whole[rows, column] = whole[column, rows] = part
    return Derivation(jacobian, r, h, bend, share)


def by_analysis(problem: Problem, direction: jax.Array) -> dict[str, np.ndarray]:
    """Gradient and Hessian product by bcejax.analysis, which derives them in another way."""
    given = (np.asarray(problem.inputs), np.asarray(problem.labels))
    layers, along = problem.layers(problem.params), problem.layers(direction)
    if len(layers) == 1:
        point = (*given, layers[0][:-1, 0], layers[0][-1, 0])
        gradient = [logistic_gradient(*point)]
        product = [logistic_hessian_product(*point, direction=along[0][:, 0])]
    else:
        at, v = ([(each[:-1], each[-1]) for each in both] for both in (layers, along))
        gradient = [np.vstack(pair) for pair in network_gradient(*given, at)]
        product = [np.vstack(pair) for pair in network_hessian_product(*given, at, v)]
    return {"gradient": problem.vector(gradient), "Hessian product": problem.vector(product)}
