"""Where the expected loss is least, for each true probability: no model, no chance."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.numerics import sigmoid
from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.calibration_of_losses.links import Link, of_slopes
from experiments.calibration_of_losses.settings import Config

FAR = 40.0  # the largest logit that is looked at
_HALVINGS = 60


class Minimiser(NamedTuple):
    """Of one loss, at each truth."""

    logits: np.ndarray  # x*, held in [-FAR, FAR]
    probs: np.ndarray  # s(x*)
    above_least: float  # by how much the expected loss exceeds that at any logit of a grid
    strays: float  # largest difference of the inverse link on paper and that by derivatives
    restored: np.ndarray | None  # inverse link at x*
    reach: tuple[float, float]  # between which truths are given back


def truths(config: Config) -> np.ndarray:
    """Evenly spaced true probabilities, symmetric about 1/2."""
    return (np.arange(config.points) + 0.5) / config.points


def minimise(link: Link, truth: np.ndarray) -> Minimiser:
    """Follow the sign of the expected slope, then look at a grid for anything lower."""
    low, high = np.full_like(truth, -FAR), np.full_like(truth, FAR)
    for _ in range(_HALVINGS):
        x = (low + high) / 2
        slope = _expected(truth, _both_labels(link, x)[1])
        low, high = np.where(slope < 0, x, low), np.where(slope < 0, high, x)
    losses, slopes = _both_labels(link, x)
    grid, _ = _both_labels(link, np.linspace(-FAR, FAR, len(truth)))  # of one size: compiled once
    above = float(np.max(_expected(truth, losses) - _expected(truth[:, None], grid).min(axis=1)))
    p = np.asarray(sigmoid(x))
    if link.inverse is None:
        return Minimiser(x, p, above, 0.0, None, (0.0, 1.0))
    restored = np.asarray(link.inverse(jnp.asarray(x)))
    strays = np.abs(of_slopes(-slopes[1], slopes[0]) - restored)[np.abs(x) < FAR / 2].max()
    reach = np.asarray(link.inverse(jnp.array([-700.0, 700.0])))
    return Minimiser(x, p, above, float(strays), restored, (float(reach[0]), float(reach[1])))


def _expected(truth: np.ndarray, of_labels: np.ndarray) -> np.ndarray:
    """The mean, where label 1 has the probability ``truth``, of numbers of labels 0 and 1."""
    mean: np.ndarray = truth * of_labels[1] + (1 - truth) * of_labels[0]
    return mean


def _both_labels(link: Link, x: np.ndarray) -> np.ndarray:
    """Losses and slopes (2, 2, n) of labels 0 and 1."""
    return np.asarray(_looked_at(link, x))


@partial(jax.jit, static_argnums=0)
def _looked_at(link: Link, x: jax.Array) -> jax.Array:
    labels = jnp.repeat(jnp.array([0.0, 1.0]), len(x))
    found = jax.vmap(jax.value_and_grad(link.loss))(jnp.tile(x, 2), labels)
    return jnp.stack(found).reshape(2, 2, len(x))


def wrong_side(truth: np.ndarray, found: Minimiser) -> float:
    """Share of truths of which the minimiser lies on the other side of 1/2."""
    return float(np.mean((found.logits > 0) != (truth > 0.5)))


def told_apart(truth: np.ndarray, found: Minimiser) -> bool:
    """Whether the minimiser rises with the truth, as far as it reaches."""
    within = (found.reach[0] < truth) & (truth < found.reach[1])
    return bool(np.all(np.diff(found.logits[within]) > 0))


def check_population(config: Config, track: Track) -> tuple[dict[str, Minimiser], Result]:
    """The minimiser of each loss, and what was expected of it."""
    truth, links = truths(config), config.links
    found = {name: minimise(links[name], truth) for name in track(config.losses, "losses")}
    off = {name: np.max(np.abs(each.probs - truth)) for name, each in found.items()}
    proper = [name for name, link in links.items() if link.proper]
    improper = [name for name in links if name not in proper]
    lost = {
        name: np.max(np.abs(each.restored - np.clip(truth, *each.reach)))
        for name, each in found.items()
        if each.restored is not None
    }
    sides = {name: wrong_side(truth, each) for name, each in found.items()}
    nearest = min(improper, key=off.__getitem__)
    claims = (
        Claim(
            "expected loss at the minimisers found, above the least on a grid of logits",
            max(each.above_least for each in found.values()),
            "<=",
            1e-12,
        ),
        Claim(
            "inverse links on paper, largest difference from those by derivatives of the losses",
            max(each.strays for each in found.values()),
            "<=",
            1e-12,
        ),
        Claim(
            f"largest |s(x*) - truth| of the proper losses, {_listed(proper)}",
            max(off[name] for name in proper),
            "<=",
            1e-12,
        ),
        Claim(
            f"largest |s(x*) - truth| of the nearest of the others, {nearest}",
            off[nearest],
            ">=",
            0.05,
        ),
        Claim(
            "truths on the other side of 1/2 than the minimiser, largest share for a loss that "
            "should keep the side",
            max(sides[name] for name, link in links.items() if link.sided),
            "==",
            0,
        ),
        Claim(
            "the same, smallest share for one that should not",
            min(sides[name] for name, link in links.items() if not link.sided),
            ">=",
            0.25,
        ),
        Claim(
            "losses that tell truths apart otherwise than expected",
            sum(
                told_apart(truth, found[name]) != (link.inverse is not None)
                for name, link in links.items()
            ),
            "==",
            0,
        ),
        Claim(
            "inverse link at the minimiser, largest distance from the truth within its reach",
            max(lost.values()),
            "<=",
            1e-12,
        ),
    )
    upper = min(each.reach[1] for each in found.values())
    moved = [name for name, link in links.items() if not link.sided]
    mute = [name for name, link in links.items() if link.inverse is None]
    answer = (
        f"Of {len(links)} losses only {_listed(proper)} are least at the truth, to "
        f"{max(off[name] for name in proper):.0e}; of the others the sigmoid of the best logit is "
        f"off by at least {off[nearest]:.2f} somewhere ({nearest}). The border is moved off 1/2 by "
        f"{_listed(moved)}; nothing but the side is kept by {_listed(mute)}. The inverse link of "
        f"each other loss gives the truth back to {max(lost.values()):.0e}, if it lies below "
        f"{upper:.3f}."
    )
    table = Table(
        "population",
        f"What the least expected loss says of {config.points} true probabilities.",
        {
            "loss": list(links),
            "largest |s(x*) - truth|": list(off.values()),
            "share on the wrong side of 1/2": list(sides.values()),
            "tells truths apart": [
                "yes" if told_apart(truth, each) else "no" for each in found.values()
            ],
            "largest error after the inverse link": [lost.get(name) for name in links],
        },
        formats={
            "largest |s(x*) - truth|": ".2g",
            "share on the wrong side of 1/2": ".2f",
            "largest error after the inverse link": ".0e",
        },
    )
    figure = Figure(
        "minimisers",
        "The sigmoid of each loss's best logit against the true probability. Left, losses that "
        "make too sure; in the middle, losses that make too modest; right, those that move the "
        "border off 1/2. On the diagonal: the proper ones.",
        alt="Left, curves steeper than the diagonal, symmetric about the middle, up to the step "
        "of the absolute error. In the middle flatter ones, down to the two levels of the hinge. "
        "Right, curves above the diagonal on both sides of the middle.",
        draw=partial(draw_minimisers, truth=truth, found={name: found[name] for name in improper}),
        panels=(1, 3),
    )
    return found, Result(Verdict(claims, answer), (table,), (figure,))


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def leaning(truth: np.ndarray, found: Minimiser) -> int:
    """0 for too sure, 1 for too modest, 2 for neither about 1/2: a panel each."""
    if wrong_side(truth, found):
        return 2
    upper = truth > 0.5
    return int(np.mean(found.probs[upper] - truth[upper]) < 0)


def draw_minimisers(*axes: Any, truth: np.ndarray, found: dict[str, Minimiser]) -> None:
    """One curve for each loss that is not proper."""
    styles = ["-", "--", "-.", ":"]
    titles = ("too sure", "too modest", "another border")
    for ax, title in zip(axes, titles, strict=True):
        ax.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        ax.set(title=title, xlabel="true probability", ylabel="sigmoid of the best logit")
        ax.set_aspect("equal")
    for name, each in found.items():
        ax = axes[leaning(truth, each)]
        style = styles[(len(ax.lines) - 1) % len(styles)]
        ax.plot(truth, each.probs, style, label=name)
    for ax in axes:
        ax.legend(fontsize="small")
