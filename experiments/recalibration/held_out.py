"""Spambase: real labels, cross-fitted maps, intervals."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.calibration import (
    ReliabilityCurve,
    bootstrap_interval,
    brier_score,
    corp_decomposition,
    debiased_squared_error,
    expected_calibration_error,
    log_score,
    reliability_curve,
    smooth_calibration_error,
)
from bcejax.losses import bce_with_logits
from bcejax.plots import draw_reliability
from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.averages import Mean, mean_of
from experiments.recalibration.candidates import (
    CANDIDATES,
    ISOTONIC,
    PARAMETRIC,
    PLAIN,
    RAW,
    Unseen,
)
from experiments.recalibration.networks import judge_spambase
from experiments.recalibration.settings import Config

LOSS, BRIER, SMOOTH, ROOT = "log loss", "Brier score", "smooth error", "root mean squared error"


class Estimate(NamedTuple):
    """A value and its 95 % interval; ends that are not finite are nan."""

    value: float
    lower: float
    upper: float


class Measured(NamedTuple):
    """Logits of unseen examples, in numbers."""

    estimates: dict[str, Estimate]
    miscalibration: float  # of the Brier score, above that of a calibrated model
    gain: Mean  # of log loss, over no recalibration
    curve: ReliabilityCurve


def resampled(labels: Any, **scores: Any) -> dict[str, jax.Array]:
    """What shares the resamples."""
    return {
        LOSS: log_score(labels, **scores),
        BRIER: brier_score(labels, **scores),
        SMOOTH: smooth_calibration_error(labels, cells=1024, **scores),
        ROOT: expected_calibration_error(labels, norm=2, **scores) ** 2,
    }


def measure(unseen: Unseen, logits: np.ndarray, config: Config) -> Measured:
    """One candidate's logits against the labels."""
    labels, key = unseen.labels, jax.random.key(config.seed)
    interval = bootstrap_interval(
        resampled, labels, logits=logits, key=key, n_resamples=config.resamples
    )
    ends = {
        name: np.array([interval.lower[name], interval.upper[name]]) for name in interval.estimate
    }
    found = {
        name: Estimate(
            float(value), *map(float, np.where(np.isfinite(ends[name]), ends[name], np.nan))
        )
        for name, value in interval.estimate.items()
    }
    # The basic interval takes the bias of the square off its ends; the value sheds it by pairs.
    square = found[ROOT]._replace(value=float(debiased_squared_error(labels, logits=logits)))
    corp = corp_decomposition(
        labels, logits=logits, score="brier", key=key, n_simulations=config.resamples
    )
    before, after = (np.asarray(bce_with_logits(x, labels)) for x in (unseen.logits, logits))
    gain = mean_of(before - after) if np.isfinite(after).all() else Mean(-np.inf, np.inf)
    curve = reliability_curve(labels, logits=logits, bins=10)
    return Measured(
        found | {ROOT: Estimate(*(max(each, 0.0) ** 0.5 for each in square))},
        float(np.asarray(corp.corrected_miscalibration)),
        gain,
        jax.tree.map(np.asarray, curve),
    )


def recalibrate_spambase(config: Config, track: Track) -> Result:
    """Every calibrator, cross-fitted on the half that the network has not seen."""
    unseen = judge_spambase(config)
    logits = {RAW: unseen.logits}
    for name in track(config.calibrators, "calibrators"):
        logits[name] = CANDIDATES[name].cross_fit(unseen, config.folds, config.seed)
    measured = {
        name: measure(unseen, logits[name], config) for name in track(tuple(logits), "judgements")
    }
    smooth = [name for name in config.calibrators if name != PLAIN]
    parametric = [name for name in smooth if name in PARAMETRIC]
    loss = {name: each.estimates[LOSS].value for name, each in measured.items()}
    certain = np.isinf(bce_with_logits(jnp.asarray(logits[PLAIN]), unseen.labels))
    raw, least = measured[RAW].estimates, min(smooth, key=loss.__getitem__)
    claims = (
        Claim(
            "Spambase: gain of held-out log loss over no recalibration, least of "
            f"{', '.join(parametric)}",
            min(measured[name].gain.sigmas for name in parametric),
            ">=",
            config.sigmas,
            "standard errors",
        ),
        Claim(
            "Spambase: the same of smoothed isotonic regression",
            measured[ISOTONIC].gain.sigmas,
            ">=",
            config.sigmas,
            "standard errors",
        ),
        Claim(
            "Spambase: largest held-out log loss of all others, over that without recalibration",
            max(loss[name] for name in smooth) / loss[RAW],
            "<=",
            0.9,
        ),
    )
    answer = (
        f"On Spambase the held-out log loss of {loss[RAW]:.3f} is "
        f"{min(loss[name] for name in smooth):.3f} to {max(loss[name] for name in smooth):.3f} "
        "after recalibration, but infinite by isotonic regression without smoothing."
    )
    details = (
        f"On Spambase a network trained for {config.epochs} epochs has a held-out log loss of "
        f"{loss[RAW]:.3f} [{raw[LOSS].lower:.3f}, {raw[LOSS].upper:.3f}]; {least} makes the least "
        f"of it. Unsmoothed isotonic regression, {loss[PLAIN]:.3f}, was certain and wrong "
        f"{int(certain.sum())} times.",
    )
    return Result(
        Verdict(claims, answer, details),
        tabulate(measured, len(unseen.labels), config),
        (reliability(measured), losses(measured)),
    )


def tabulate(measured: dict[str, Measured], n: int, config: Config) -> tuple[Table, Table]:
    """One row for each calibrator: its scores, and its errors of calibration."""
    scores, errors = (_estimates(measured, names) for names in ((LOSS, BRIER), (SMOOTH, ROOT)))
    scores["gain of log loss"] = [each.gain.value for each in measured.values()]
    scores["its standard error"] = [each.gain.error for each in measured.values()]
    errors["isotonic miscalibration"] = [each.miscalibration for each in measured.values()]
    return (
        Table(
            "spambase",
            f"{n} held-out e-mails, each recalibrated by a map fitted to the other "
            f"{config.folds - 1} of {config.folds} parts; log loss in nats, 95 % intervals.",
            scores,
            formats=dict.fromkeys(list(scores)[1:], ".4f"),
        ),
        Table(
            "spambase_errors",
            "Their errors of calibration, 95 % intervals. Isotonic miscalibration is that of the "
            "Brier score, less what a calibrated model shows.",
            errors,
            formats=dict.fromkeys(list(errors)[1:], ".4f"),
        ),
    )


def _estimates(measured: dict[str, Measured], names: Sequence[str]) -> dict[str, list[Any]]:
    """Columns of the estimates with the ends of their intervals."""
    columns: dict[str, list[Any]] = {"calibrator": list(measured)}
    for name in names:
        for part in Estimate._fields:
            header = name if part == "value" else f"{name}, {part} end"
            columns[header] = [getattr(each.estimates[name], part) for each in measured.values()]
    return columns


def reliability(measured: dict[str, Measured]) -> Figure:
    """Before beside after."""
    shown = [name for name in (PARAMETRIC[0], ISOTONIC) if name in measured]
    return Figure(
        "reliability",
        "Reliability on held-out e-mails of Spambase, ten bins with 95 % intervals: the network "
        "as it is, and recalibrated. The strip along the foot shows where the probabilities lie.",
        alt="Left, most probabilities lie near 0 and 1; of label 1 the first bin holds a share of "
        f"{measured[RAW].curve.mean_label[0]:.2f}, the last of "
        f"{measured[RAW].curve.mean_label[-1]:.2f}. On the right the ends lie on "
        "the diagonal; in the middle there is little to judge by.",
        draw=partial(
            draw_both,
            raw=measured[RAW].curve,
            after={name: measured[name].curve for name in shown},
        ),
        panels=(1, 2),
    )


def draw_both(
    left: Any, right: Any, *, raw: ReliabilityCurve, after: dict[str, ReliabilityCurve]
) -> None:
    """No recalibration, then some."""
    draw_reliability(left, raw, label="no recalibration")
    for name, curve in after.items():
        draw_reliability(right, curve, label=name)


def losses(measured: dict[str, Measured]) -> Figure:
    """Log loss and smooth calibration error with their intervals."""
    finite = {name: each for name, each in measured.items() if np.isfinite(each.gain.value)}
    return Figure(
        "gains",
        "Held-out log loss and smooth calibration error on Spambase with 95 % intervals, by "
        "calibrator. The log loss of unsmoothed isotonic regression is infinite.",
        alt="Left, the log loss without recalibration is about twice that of any calibrator, "
        "which lie together. Right, the smooth calibration error falls too.",
        draw=partial(draw_gains, measured=measured, finite=finite),
        panels=(1, 2),
    )


def draw_gains(
    left: Any, right: Any, *, measured: dict[str, Measured], finite: dict[str, Measured]
) -> None:
    """A row for each calibrator."""
    names = list(measured)[::-1]
    for ax, quantity, rows in ((left, LOSS, finite), (right, SMOOTH, measured)):
        for name, each in rows.items():
            value, lower, upper = each.estimates[quantity]
            color = "C1" if name == RAW else "C0"
            ax.plot([lower, upper], [names.index(name)] * 2, color=color)
            ax.plot(value, names.index(name), "o", color=color)
        ax.set_yticks(range(len(names)), names)
        ax.set(xlabel=f"held-out {quantity}", xlim=(0, None), ylim=(-0.5, len(names) - 0.5))
