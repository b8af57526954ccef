"""Networks that know wrong labels by heart, and are then told the right ones."""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bcejax.data import Batch
from bcejax.losses import bce_with_logits
from bcejax.training import TrainState
from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.averages import Mean, mean_of
from experiments.clipping_bias.patients import (
    Patients,
    logits_of,
    restart,
    slopes_of,
    start_networks,
    take,
    take_rows,
    train,
)
from experiments.clipping_bias.settings import Config
from experiments.clipping_bias.ways import CLIPPED, EXACT_WAY, KERAS_WAY, ON_LOGITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Corrected(NamedTuple):
    """What came of the corrected rows through one loss."""

    blind: np.ndarray  # (seeds, k), whether the loss has gradient 0 there at first
    share: np.ndarray  # (seeds,), of the gradient at first that these rows have
    wrong: np.ndarray  # (seeds, k), whether they are on the wrong side at last
    course: np.ndarray  # (seeds, epochs + 1), share of them on the wrong side; nan after nan
    loss: np.ndarray  # (seeds,), exact, on unseen patients


Outcomes = dict[str, Corrected]


def learn_and_correct(patients: Patients, config: Config, track: Track) -> Outcomes:
    """Learn the wrong labels by heart, then the right ones through each loss."""
    states = start_networks(config, bce_with_logits)
    rows = take(patients.mislabelled, patients.turned)
    states, _ = train(states, patients.mislabelled, config.memorizing, config, watched=rows)
    return {
        way: correct(states, way, patients, config)
        for way in track(tuple(ON_LOGITS), "corrections")
    }


def correct(states: TrainState, way: str, patients: Patients, config: Config) -> Corrected:
    """Train on the right labels through one loss."""
    loss, turned = ON_LOGITS[way], patients.turned
    rows = take(patients.train, turned)
    slopes = np.abs(
        slopes_of(loss, logits_of(states, patients.train.inputs), patients.train.labels)
    )
    mine = take_rows(slopes, turned)
    before = _wrong(states, rows)
    states, history = train(
        restart(states, loss),
        patients.train,
        config.correcting,
        config,
        watched=rows,
        room=config.epochs,
    )
    unseen = logits_of(states, patients.unseen.inputs)
    return Corrected(
        mine == 0,
        mine.sum(axis=1) / slopes.sum(axis=1),
        _wrong(states, rows),
        np.column_stack([before.mean(axis=1), 1 - np.asarray(history.validation_accuracy)]),
        np.mean(bce_with_logits(unseen, patients.unseen.labels), axis=1),
    )


def _wrong(states: TrainState, rows: Batch) -> np.ndarray:
    return (np.asarray(logits_of(states, rows.inputs)) > 0) != (np.asarray(rows.labels) > 0.5)


def more(outcomes: Outcomes, way: str, field: str) -> Mean:
    """How much more of something a clipped loss leaves than the exact one, seed by seed."""
    clipped, exact = (getattr(outcomes[each], field) for each in (way, EXACT_WAY))
    seeds = len(clipped)
    return mean_of((clipped * 1.0 - exact).reshape(seeds, -1).mean(axis=1))


def correct_labels(patients: Patients, config: Config, track: Track) -> Result:
    """Which of the corrected rows are learnt."""
    outcomes = learn_and_correct(patients, config, track)
    exact, keras = outcomes[EXACT_WAY], outcomes[KERAS_WAY]
    seen = ~keras.blind
    stuck, other = (more(outcomes, KERAS_WAY, field) for field in ("wrong", "loss"))
    claims = (
        Claim(
            "corrected rows still wrong through Keras's clip above those through the exact loss",
            stuck.sigmas,
            ">=",
            config.sigmas,
            "standard errors",
        ),
        Claim("corrected rows without gradient through the exact loss", exact.blind.sum(), "==", 0),
        Claim(
            "of the corrected rows that Keras's clip does not see, still wrong through it, over "
            "those through the exact loss",
            keras.wrong[keras.blind].mean() - exact.wrong[keras.blind].mean(),
            ">=",
            0.2,
        ),
    )
    answer = (
        f"Of rows that were learnt with a wrong label and then corrected it does not see "
        f"{keras.blind.mean():.0%}; {keras.wrong[keras.blind].mean():.0%} of these are still "
        f"wrong {config.correcting} epochs later, and {exact.wrong[keras.blind].mean():.1%} "
        "through the exact loss."
    )
    details = (
        f"Of mislabelled rows known by heart and then corrected, Keras's clip has gradient 0 on "
        f"{keras.blind.mean():.0%}; of these {keras.wrong[keras.blind].mean():.0%} are still wrong "
        f"{config.correcting} epochs later ({keras.wrong[seen].mean():.1%} of the others), through "
        f"the exact loss {exact.wrong[keras.blind].mean():.1%}. The loss on unseen patients "
        f"differs by {other.value:+.2f} nats ({other.error:.2f}).",
    )
    figure = Figure(
        "correction",
        f"Networks that learnt {config.mislabelled:.0%} wrong labels by heart in "
        f"{config.memorizing} epochs and then saw the right ones: share of the corrected rows "
        f"still on the wrong side. Means of {config.seeds} seeds with 95 % intervals. Through "
        "1e-15 in float32 nearly every network ends in nan in the first epoch and has no curve.",
        alt=f"The exact loss falls from {exact.course[:, 0].mean():.2f} to "
        f"{exact.course[:, -1].mean():.3f}; Keras's clip stays at "
        f"{keras.course[:, -1].mean():.2f}.",
        draw=partial(draw_courses, outcomes=outcomes),
    )
    return Result(Verdict(claims, answer, details), (tabulate(outcomes, config),), (figure,))


def tabulate(outcomes: Outcomes, config: Config) -> Table:
    """Means over seeds."""
    rows = list(outcomes.values())
    surplus = [more(outcomes, way, "loss") if way in CLIPPED else None for way in outcomes]
    columns = {
        "trained on": list(outcomes),
        "corrected rows with gradient 0, at first": [each.blind.mean() for each in rows],
        "gradient share of corrected rows, at first": [each.share.mean() for each in rows],
        "corrected rows still wrong": [each.wrong.mean() for each in rows],
        "loss on unseen, exact (nats)": [each.loss.mean() for each in rows],
        "above the exact training (nats)": [each and each.value for each in surplus],
        "standard error (nats)": [each and each.error for each in surplus],
        "ended in nan": [np.isnan(each.course[:, -1]).mean() for each in rows],
    }
    return Table(
        "correction",
        f"{config.correcting} epochs on corrected labels: means of {config.seeds} seeds.",
        columns,
        formats=dict.fromkeys(list(columns)[1:], ".3f"),
    )


def draw_courses(ax: "Axes", *, outcomes: Outcomes) -> None:
    """Share of the corrected rows on the wrong side, by epoch."""
    for number, (way, each) in enumerate(outcomes.items()):
        whole = each.course[~np.isnan(each.course).any(axis=1)]
        if len(whole) < len(each.course) / 2:
            continue
        mean = whole.mean(axis=0)
        half = 1.96 * whole.std(axis=0, ddof=1) / np.sqrt(len(whole))
        epochs = np.arange(len(mean))
        ax.plot(epochs, mean, color=f"C{number}", label=way)
        ax.fill_between(epochs, mean - half, mean + half, color=f"C{number}", alpha=0.2, lw=0)
    ax.set(xlabel="epoch on corrected labels", ylabel="corrected rows still wrong", ylim=(0, None))
    ax.legend()
