"""Standard errors by three ways, where the true one is known: under a right and a wrong model.

A column x is standard normal.  In the right model the logit is x - 1; in the wrong one risk rises
at both ends, the logit being 1.5 x^2 - 4, and the line that is fitted is flat.  The true standard
error is the spread of the estimate over fresh draws.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.numerics import sigmoid
from bcejax.solvers import bootstrap_logistic, fit_logistic
from bcejax.solvers.inference import standard_errors
from experiments import Claim, Table, Track
from experiments.averages import Mean, mean_of
from experiments.bootstrap_thousand.settings import Config

MODELS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "right": lambda x: x - 1,
    "wrong": lambda x: 1.5 * x**2 - 4,
}
FISHER, SANDWICH, BOOTSTRAP = "Fisher", "sandwich", "bootstrap"


class Errors(NamedTuple):
    """Of the slope, under one model."""

    model: str
    true: Mean  # with the error that finitely many draws leave
    by: dict[str, Mean]  # the mean of each way's over draws

    def ratio(self, way: str) -> float:
        """To the true one."""
        return self.by[way].value / self.true.value


def errors_of(model: str, config: Config, track: Track) -> Errors:
    """Under one of MODELS."""
    truth = MODELS[model]
    keys = jax.random.split(jax.random.key(config.seed), config.draws)
    with jax.enable_x64(True):
        draws = jax.jit(jax.vmap(partial(_draw, examples=config.examples, truth=truth)))(keys)
        slopes, fisher, sandwich = _fits(*draws)
        inputs, labels = (np.asarray(each[: config.bootstrapped]) for each in draws)
    spreads = [
        _bootstrap(inputs[i], labels[i], i, config)
        for i in track(range(config.bootstrapped), f"bootstraps, {model} model")
    ]
    fisher, sandwich = np.asarray(fisher), np.asarray(sandwich)
    # the draws that are bootstrapped are few, and held against their own sandwich errors
    bootstrap = np.array(spreads) / sandwich[: len(spreads)] * sandwich.mean()
    ways = {FISHER: fisher, SANDWICH: sandwich, BOOTSTRAP: bootstrap}
    return Errors(
        model, _spread(np.asarray(slopes)), {way: mean_of(each) for way, each in ways.items()}
    )


def _draw(
    key: jax.Array, examples: int, truth: Callable[[jax.Array], jax.Array]
) -> tuple[jax.Array, jax.Array]:
    for_inputs, for_labels = jax.random.split(key)
    x = jax.random.normal(for_inputs, (examples,))
    labels = jax.random.uniform(for_labels, x.shape) < sigmoid(truth(x))
    return x[:, None], labels.astype(x.dtype)


@jax.jit
@jax.vmap
def _fits(inputs: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    fit = fit_logistic(inputs, labels)
    fisher, sandwich = (
        jnp.asarray(standard_errors(fit, inputs, labels, kind=kind))[0]
        for kind in ("fisher", "sandwich")
    )
    return jnp.asarray(fit.coefficients)[0], fisher, sandwich


def _bootstrap(inputs: np.ndarray, labels: np.ndarray, i: int, config: Config) -> float:
    key = jax.random.fold_in(jax.random.key(config.seed), i)
    refits = bootstrap_logistic(inputs, labels, key=key, n_resamples=config.resamples)
    return float(np.std(np.asarray(refits.coefficients)[:, 0], ddof=1))


def _spread(values: np.ndarray) -> Mean:
    """A standard deviation, and its standard error by the fourth moment."""
    off = values - values.mean()
    spread = values.std(ddof=1)
    return Mean(float(spread), float(np.std(off**2) / (2 * spread * np.sqrt(len(values)))))


def claims_of(right: Errors, wrong: Errors, config: Config) -> tuple[Claim, ...]:
    """All are right under the right model, Fisher's is not under the wrong one."""
    near = [
        Claim(
            f"{errors.model} model: {way} standard error over the true one, off 1",
            abs(errors.ratio(way) - 1),
            "<=",
            config.near,
        )
        for errors in (right, wrong)
        for way in errors.by
        if not (errors is wrong and way == FISHER)
    ]
    false = Claim(
        "wrong model: Fisher standard error over the true one", wrong.ratio(FISHER), "<=", 0.75
    )
    return (*near, false)


def answer_of(right: Errors, wrong: Errors) -> str:
    """What refits tell where the model is wrong, and where it is right."""
    fisher, bootstrap = (wrong.ratio(way) for way in (FISHER, BOOTSTRAP))
    return (
        "Standard errors that hold under a wrong model too: there refits give "
        f"{bootstrap:.2f} times the true one, the usual formula (Fisher's information) "
        f"{fisher:.2f} times. Under the right model the two agree."
    )


def details_of(right: Errors, wrong: Errors) -> str:
    """Ratios to the truth."""
    told = "; ".join(
        f"under the {errors.model} model "
        + ", ".join(f"{way} {errors.ratio(way):.3f}" for way in errors.by)
        for errors in (right, wrong)
    )
    return f"Standard errors over the true one: {told}."


def tabulate(right: Errors, wrong: Errors) -> Table:
    """Standard errors under both models."""
    rows = [
        (errors.model, way, mean)
        for errors in (right, wrong)
        for way, mean in {"true": errors.true, **errors.by}.items()
    ]
    truth = {errors.model: errors.true.value for errors in (right, wrong)}
    return Table(
        "standard_errors",
        "Standard errors of the slope: the true one over fresh draws, and means of the others.",
        {
            "model": [model for model, *_ in rows],
            "way": [way for _, way, _ in rows],
            "standard error": [mean.value for *_, mean in rows],
            "over the true one": [mean.value / truth[model] for model, _, mean in rows],
            "error of the mean": [mean.error for *_, mean in rows],
        },
    )
