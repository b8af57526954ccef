"""Every way to the optimum: where it is after so many passes, and how long they take."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from bcejax.calibration.regression import calibration_regression
from bcejax.data import Batch
from bcejax.losses import bce_with_logits
from bcejax.solvers import Solution, fit_logistic
from experiments import Track
from experiments.newton_or_adam.settings import Config, Task, task_of
from experiments.timing import seconds_of

EXACT = ("newton", "lbfgs")
DIRECTIONS = {"adam": optax.scale_by_adam(), "sgd": optax.identity()}
PASSES = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 40, 80, 160, 320)  # after which exact ways are looked at
TIGHT = 1e-12  # tolerance of the gradient, so that only the number of passes stops them


class Descent(NamedTuple):
    """One way on one problem, an entry for each look."""

    passes: np.ndarray  # over the training rows
    seconds: np.ndarray
    values: np.ndarray  # F
    params: np.ndarray  # (looks, p), the intercept last


class Outcome(NamedTuple):
    """All ways on one problem."""

    task: Task
    descents: Mapping[tuple[str, float], Descent]  # by way and rate, 0 where it has none

    def excess(self, way: tuple[str, float]) -> np.ndarray:
        """F - F*, never below the spacing of numbers near F*."""
        floor = np.finfo(float).eps * self.lowest
        return np.maximum(self.descents[way].values - self.lowest, floor)

    @property
    def lowest(self) -> float:
        """F*."""
        return min(float(each.values.min()) for each in self.descents.values())

    def nearest(self, name: str) -> tuple[str, float]:
        """The rate of a first-order way that ends lowest."""
        ways = [way for way in self.descents if way[0] == name]
        return min(ways, key=lambda way: self.descents[way].values[-1])


Found: TypeAlias = Mapping[str, Outcome]


def hold_contest(config: Config, track: Track) -> Found:
    """All problems."""
    return {
        name: _outcome(task_of(name, config), config) for name in track(config.problems, "data")
    }


def _outcome(task: Task, config: Config) -> Outcome:
    descents = {(solver, 0.0): _exact(task, solver, config) for solver in EXACT}
    for name, direction in DIRECTIONS.items():
        steps = _first_order(direction)
        for rate in config.rates:
            descents[name, rate] = _stochastic(task, steps, rate, config)
    return Outcome(task, descents)


def mean_loss(task: Task, params: np.ndarray) -> float:
    """F on all training rows, in NumPy."""
    return log_loss(task.train, params) + float(task.l2 / 2 * np.sum(params[:-1] ** 2))


def log_loss(batch: Batch, params: np.ndarray) -> float:
    """The mean cross-entropy, without a penalty."""
    x = logits_of(batch, params)
    return float(np.mean(np.logaddexp(0, x) - batch.labels * x))


def slope_on(batch: Batch, params: np.ndarray) -> float:
    """Slope of the recalibration of the logits: above 1, they are too small."""
    logits = jnp.asarray(logits_of(batch, params))
    return float(calibration_regression(batch.labels, logits=logits).slope.value)


def logits_of(batch: Batch, params: np.ndarray) -> np.ndarray:
    """One for each row; params (p,) have the intercept last."""
    logits: np.ndarray = batch.inputs @ params[:-1] + params[-1]
    return logits


def _exact(task: Task, solver: str, config: Config) -> Descent:
    """A fit for each number of passes, until more of them change nothing."""
    passes, seconds, params = [0], [0.0], [np.zeros(task.train.inputs.shape[1] + 1)]
    for most in PASSES:

        def fit(most: int = most) -> Solution:
            return fit_logistic(
                *task.train[:2], l2=task.l2, solver=solver, tol=TIGHT, max_steps=most
            )

        solution = fit()
        passes.append(int(solution.steps))
        seconds.append(_median_time(fit, config.repeats))
        params.append(np.append(solution.coefficients, solution.intercept))
        if solution.steps < most:
            break
    values = np.array([mean_loss(task, each) for each in params])
    return Descent(np.array(passes), np.array(seconds), values, np.array(params))


def _first_order(direction: optax.GradientTransformation) -> Callable:
    """A compiled descent of so many epochs, that gives the params after each."""

    def loss(params: jax.Array, inputs: jax.Array, labels: jax.Array, l2: jax.Array) -> jax.Array:
        losses = bce_with_logits(inputs @ params[:-1] + params[-1], labels)
        return losses.mean() + l2 / 2 * jnp.sum(params[:-1] ** 2)

    @jax.jit
    def descend(batch: Batch, l2: jax.Array, rate: jax.Array, orders: jax.Array) -> jax.Array:
        def step(carry: tuple, rows: jax.Array) -> tuple[tuple, None]:
            params, memory = carry
            gradient = jax.grad(loss)(params, batch.inputs[rows], batch.labels[rows], l2)
            update, memory = direction.update(gradient, memory)
            return (params - rate * update, memory), None

        def epoch(carry: tuple, order: jax.Array) -> tuple[tuple, jax.Array]:
            carry, _ = lax.scan(step, carry, order)
            return carry, carry[0]

        start = jnp.zeros(batch.inputs.shape[1] + 1)
        return lax.scan(epoch, (start, direction.init(start)), orders)[1]

    return descend


def _stochastic(task: Task, descend: Callable, rate: float, config: Config) -> Descent:
    rows = len(task.train.labels)
    rng = np.random.default_rng(config.seed)
    steps = rows // config.batch_size
    orders = np.array([rng.permutation(rows) for _ in range(config.epochs)], np.int32)
    orders = orders[:, : steps * config.batch_size].reshape(config.epochs, steps, -1)
    arguments = jax.device_put((task.train, task.l2, rate, orders))

    def run() -> jax.Array:
        return jax.block_until_ready(descend(*arguments))

    params = np.vstack([np.zeros(task.train.inputs.shape[1] + 1), run()])
    passes = np.arange(config.epochs + 1)
    seconds = _median_time(run, config.repeats) * passes / config.epochs
    values = np.array([mean_loss(task, each) for each in params])
    return Descent(passes, seconds, values, params)


def _median_time(call: Callable[[], object], repeats: int) -> float:
    return float(np.median([seconds_of(call) for _ in range(repeats)]))
