"""What the trained networks say of unseen examples, before the inverse link and after."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.calibration import (
    bootstrap_interval,
    debiased_squared_error,
    expected_calibration_error,
)
from bcejax.data import Draw
from bcejax.numerics import sigmoid
from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.calibration_of_losses.population import Minimiser, truths
from experiments.calibration_of_losses.settings import Config
from experiments.calibration_of_losses.training import draw, logits_of, train


class Estimate(NamedTuple):
    """The root mean squared calibration error, from labels alone."""

    value: float
    lower: float
    upper: float


class Judged(NamedTuple):
    """One network on unseen examples: its sigmoid, and what the inverse link makes of its logit."""

    from_minimiser: float  # mean |s(x) - s(x*)|
    distance: dict[str, float]  # mean |p - truth| before and after
    error: dict[str, Estimate]  # before and after


def judge(name: str, logits: np.ndarray, unseen: Draw, best: Minimiser, config: Config) -> Judged:
    """Hold a network against the minimiser, the truth and the labels."""
    truth, inverse = np.asarray(unseen.probs, np.float64), config.links[name].inverse
    probs = {"before": np.asarray(sigmoid(logits))}
    if inverse is not None:
        probs["after"] = np.asarray(inverse(jnp.asarray(logits)))
    return Judged(
        float(np.abs(probs["before"] - np.interp(truth, truths(config), best.probs)).mean()),
        {when: float(np.abs(p - truth).mean()) for when, p in probs.items()},
        {when: _estimate(unseen, p, config) for when, p in probs.items()},
    )


def plug_in(labels: Any, **scores: Any) -> jax.Array:
    """The mean squared gap of 15 bins, too large by what chance adds."""
    return expected_calibration_error(labels, norm=2, **scores) ** 2


def _estimate(unseen: Draw, probs: np.ndarray, config: Config) -> Estimate:
    """Without the bias; the basic interval, 95 %, takes it off the ends as well."""
    labels = np.asarray(unseen.batch.labels, np.float64)
    interval = bootstrap_interval(
        plug_in, labels, probs=probs, key=jax.random.key(config.seed), n_resamples=config.resamples
    )
    squares = debiased_squared_error(labels, probs=probs), interval.lower, interval.upper
    return Estimate(*(float(max(each, 0)) ** 0.5 for each in squares))


def judge_trained(best: dict[str, Minimiser], config: Config, track: Track) -> Result:
    """Train by every loss, and judge."""
    with jax.enable_x64(False):
        drawn = draw(config)
        networks = train(drawn.train, config)
        logits = np.asarray(logits_of(networks, drawn.unseen.batch.inputs), np.float64)
    judged = {
        name: judge(name, each, drawn.unseen, best[name], config)
        for name, each in zip(track(config.losses, "networks"), logits, strict=True)
    }
    links = config.links.items()
    restored = [name for name, link in links if link.inverse and not link.proper]
    nearer = {
        name: judged[name].distance["after"] / judged[name].distance["before"] for name in restored
    }
    worst = max(restored, key=lambda name: judged[name].distance["after"])
    left = {
        name: each.error["after"].upper / each.error["before"].lower
        for name, each in judged.items()
        if name in restored
    }
    claims = (
        Claim(
            "mean distance of trained networks from the minimiser, largest of all losses",
            max(each.from_minimiser for each in judged.values()),
            "<=",
            config.tolerance,
        ),
        Claim(
            "mean |p - truth| after the inverse link over that before, largest of the losses that "
            "have one and need it",
            max(nearer.values()),
            "<=",
            config.left,
        ),
        Claim(
            "calibration error by labels, upper end after the inverse link over lower end before, "
            "largest of these losses",
            max(left.values()),
            "<=",
            config.left,
        ),
    )
    fine = [judged[name].error["after"].value for name in restored]
    raw = [judged[name].error["before"].value for name in restored]
    details = (
        f"Networks trained on {config.drawn} examples by the {len(restored)} losses that are not "
        f"proper but have an inverse link are off by {min(raw):.3f} to {max(raw):.3f} (root mean "
        f"square, by labels), and by {min(fine):.3f} to {max(fine):.3f} after it; farthest from "
        f"the truth is then {worst}, by {judged[worst].distance['after']:.3f} on average.",
    )
    return Result(Verdict(claims, "", details), (tabulate(judged, config),), (picture(judged),))


def tabulate(judged: dict[str, Judged], config: Config) -> Table:
    """One row for each loss."""
    columns: dict[str, list[Any]] = {
        "loss": list(judged),
        "mean |s(x) - s(x*)|": [each.from_minimiser for each in judged.values()],
    }
    for when in ("before", "after"):
        columns[f"mean |p - truth| {when}"] = [each.distance.get(when) for each in judged.values()]
        for part in ("value", "lower", "upper"):
            word = "" if part == "value" else f", {part} end"
            columns[f"calibration error {when}{word}"] = [
                getattr(each.error[when], part) if when in each.error else None
                for each in judged.values()
            ]
    return Table(
        "trained",
        f"Networks trained on {config.drawn} examples by each loss, on {config.judged} unseen "
        "ones, before and after the inverse link, with 95 % intervals of the error by labels.",
        columns,
        formats=dict.fromkeys(list(columns)[1:], ".4f"),
    )


def picture(judged: dict[str, Judged]) -> Figure:
    """Errors with their intervals."""
    high = max(judged, key=lambda name: judged[name].error["before"].value)
    return Figure(
        "before_and_after",
        "Root mean squared calibration error on unseen examples of networks trained by each "
        "loss, with 95 % intervals: of the sigmoid of the logit, and of the loss's own inverse "
        "link, if it has one.",
        alt="A row for each loss. Before, the proper losses lie near 0, the others up to "
        f"{judged[high].error['before'].value:.2f} ({high}); after, all that have an inverse "
        "link lie near 0.",
        draw=partial(draw_errors, judged=judged),
    )


def draw_errors(ax: Any, *, judged: dict[str, Judged]) -> None:
    """A row for each loss."""
    names = list(judged)[::-1]
    for when, marker in (("before", "o"), ("after", "s")):
        rows = [row for row, name in enumerate(names) if when in judged[name].error]
        found = [judged[names[row]].error[when] for row in rows]
        middle = np.array([each.value for each in found])
        ends = np.array([[each.lower, each.upper] for each in found]).T
        reach = np.abs(ends - middle)
        ax.errorbar(middle, rows, xerr=reach, fmt=marker, label=f"{when} the inverse link")
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="calibration error", xlim=(0, None))
    ax.legend()
