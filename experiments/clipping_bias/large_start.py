"""Training on mislabelled rows from an ordinary start and from ever larger logits."""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.calibration import expected_calibration_error
from bcejax.losses import bce_with_logits
from bcejax.training import Status
from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.averages import Mean, mean_of
from experiments.clipping_bias.patients import (
    Patients,
    logits_of,
    slopes_of,
    start_networks,
    take,
    take_rows,
    train,
)
from experiments.clipping_bias.settings import Config
from experiments.clipping_bias.ways import (
    CLIPPED,
    EXACT_WAY,
    KERAS_WAY,
    ON_LOGITS,
    SKLEARN_WAY,
    Loss,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Trained(NamedTuple):
    """Each seed's training through one loss from one start, each (seeds,)."""

    blind: np.ndarray  # share of the training rows on the wrong side with gradient 0, at first
    share: np.ndarray  # of the gradient, at first, that the mislabelled rows have
    loss: np.ndarray  # exact, on unseen patients
    reported: np.ndarray  # the same as the training's own loss has it
    ece: np.ndarray
    accuracy: np.ndarray
    diverged: np.ndarray


Outcomes = dict[tuple[str, float], Trained]


def judge_start(loss: Loss, scale: float, patients: Patients, config: Config) -> Trained:
    """Train from one start and judge on the unseen."""
    states = start_networks(config, loss, scale)
    learnt = patients.mislabelled
    logits = np.asarray(logits_of(states, learnt.inputs))
    slopes = np.abs(slopes_of(loss, logits, learnt.labels))
    wrong = (logits > 0) != (np.asarray(learnt.labels) > 0.5)
    rows = take(learnt, patients.turned)
    states, history = train(
        states, learnt, config.epochs, config, watched=rows, room=config.correcting
    )
    labels = np.asarray(patients.unseen.labels)
    logits = np.asarray(logits_of(states, patients.unseen.inputs))
    return Trained(
        np.mean(wrong & (slopes == 0), axis=1),
        take_rows(slopes, patients.turned).sum(axis=1) / slopes.sum(axis=1),
        np.mean(bce_with_logits(logits, labels), axis=1),
        np.mean(loss(jnp.asarray(logits), jnp.asarray(labels)), axis=1),
        np.asarray(_eces(logits, labels, config.bins)),
        np.mean((logits > 0) == (labels > 0.5), axis=1),
        np.asarray(history.status) == Status.DIVERGED,
    )


@partial(jax.jit, static_argnums=2)
def _eces(logits: jax.Array, labels: jax.Array, bins: int) -> jax.Array:
    """Of each seed."""
    return jax.vmap(lambda x, y: expected_calibration_error(y, logits=x, bins=bins))(logits, labels)


def more(outcomes: Outcomes, way: str, scale: float, field: str) -> Mean:
    """How much more of something a clipped loss gives than the exact one, seed by seed."""
    clipped, exact = outcomes[way, scale], outcomes[EXACT_WAY, scale]
    return mean_of(getattr(clipped, field) - getattr(exact, field))


def start_large(patients: Patients, config: Config, track: Track) -> Result:
    """Every loss from every start."""
    kinds = [(way, scale) for way in ON_LOGITS for scale in config.scales]
    outcomes = {
        (way, scale): judge_start(ON_LOGITS[way], scale, patients, config)
        for way, scale in track(kinds, "starts")
    }
    first, last = min(config.scales), max(config.scales)
    ordinary = more(outcomes, KERAS_WAY, first, "loss")
    far = more(outcomes, KERAS_WAY, last, "loss")
    nan = outcomes[SKLEARN_WAY, last].diverged.mean()
    before = "loss on unseen patients through Keras's clip above that through the exact loss"
    claims = (
        Claim(
            "rows with gradient 0 through Keras's clip at the ordinary start",
            outcomes[KERAS_WAY, first].blind.sum(),
            "==",
            0,
        ),
        Claim(f"{before}, ordinary start, either way", abs(ordinary.value), "<=", 0.01, "nats"),
        Claim(f"{before}, largest start", far.sigmas, ">=", config.sigmas, "standard errors"),
        Claim("trainings with 1e-15 in float32 that end in nan, largest start", nan, ">=", 0.5),
    )
    exact, keras = (outcomes[way, last] for way in (EXACT_WAY, KERAS_WAY))
    details = (
        f"From the ordinary start no logit reaches the clip, and the loss on unseen patients "
        f"differs by {ordinary.value:.1e} nats (standard error {ordinary.error:.0e}).",
        f"From weights {last:g} times as large, {keras.blind.mean():.0%} of the rows are wrong and "
        f"unseen by Keras's clip: {keras.loss.mean():.1f} nats on unseen patients, of which it "
        f"reports {keras.reported.mean():.1f}, against {exact.loss.mean():.1f} after the exact "
        f"training; but accuracy is {keras.accuracy.mean():.2f} against "
        f"{exact.accuracy.mean():.2f}. Through 1e-15 {nan:.0%} of these trainings end in nan.",
    )
    figure = Figure(
        "start",
        f"Training on {config.mislabelled:.0%} mislabelled rows for {config.epochs} epochs, from "
        "first weights of the last layer as usual (1) to many times as large: unseen patients "
        f"judged by the exact loss and by accuracy. Means of {config.seeds} seeds with 95 % "
        "intervals. A training that ended in nan is judged by the last epoch before.",
        alt=f"Left, at factor 1 all losses give {exact_at(outcomes, first):.2f} nats. At {last:g} "
        f"the exact loss gives {exact.loss.mean():.1f}, Keras's clip {keras.loss.mean():.1f}. "
        f"Right, accuracy at {last:g} is {exact.accuracy.mean():.2f} for the exact loss and "
        f"{keras.accuracy.mean():.2f} for Keras's clip.",
        draw=partial(draw_starts, outcomes=outcomes, scales=config.scales),
        panels=(1, 2),
    )
    return Result(Verdict(claims, "", details), (tabulate(outcomes, config),), (figure,))


def exact_at(outcomes: Outcomes, scale: float) -> float:
    """Mean exact loss through the exact loss."""
    return float(outcomes[EXACT_WAY, scale].loss.mean())


def tabulate(outcomes: Outcomes, config: Config) -> Table:
    """Means over seeds; differences from the exact loss with standard errors."""
    surplus = [
        more(outcomes, way, scale, "loss") if way in CLIPPED else None for way, scale in outcomes
    ]
    rows = list(outcomes.values())
    columns = {
        "trained on": [way for way, _ in outcomes],
        "factor on first weights": [scale for _, scale in outcomes],
        "wrong with gradient 0, at first": [each.blind.mean() for each in rows],
        "gradient share of mislabelled rows, at first": [each.share.mean() for each in rows],
        "loss, exact (nats)": [each.loss.mean() for each in rows],
        "above the exact training (nats)": [each and each.value for each in surplus],
        "standard error (nats)": [each and each.error for each in surplus],
        "loss, as trained on (nats)": [each.reported.mean() for each in rows],
        "ECE": [each.ece.mean() for each in rows],
        "accuracy": [each.accuracy.mean() for each in rows],
        "ended in nan": [each.diverged.mean() for each in rows],
    }
    return Table(
        "start",
        f"Unseen patients after {config.epochs} epochs on mislabelled rows: means of "
        f"{config.seeds} seeds.",
        columns,
        formats=dict.fromkeys(list(columns)[2:], ".3f"),
    )


def draw_starts(
    left: "Axes", right: "Axes", *, outcomes: Outcomes, scales: tuple[float, ...]
) -> None:
    """Loss and accuracy by the size of the start."""
    for place, way in enumerate(ON_LOGITS):
        for ax, field in ((left, "loss"), (right, "accuracy")):
            means = [mean_of(getattr(outcomes[way, scale], field)) for scale in scales]
            ax.errorbar(
                np.array(scales) * 1.06 ** (place - 1.5),  # beside each other
                [mean.value for mean in means],
                [1.96 * mean.error for mean in means],
                marker="o",
                capsize=2,
                label=way,
            )
    for ax in (left, right):
        ax.set(xscale="log", xlabel="factor on the last layer's first weights")
        ax.set_xticks(scales, [f"{scale:g}" for scale in scales])
        ax.set_xticks([], minor=True)
    left.set(ylabel="loss on unseen patients (nats)", yscale="log")
    left.yaxis.set_major_formatter("{x:g}")
    right.set(ylabel="accuracy on unseen patients")
    left.legend()
