"""Synthetic examples: maps fitted to one part, held against the truth of another."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.calibration import (
    ReliabilityCurve,
    corp_decomposition,
    expected_calibration_error,
    reliability_curve,
    roc_auc,
)
from bcejax.losses import bernoulli_kl
from bcejax.numerics import sigmoid
from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.recalibration.candidates import CANDIDATES, PARAMETRIC, PLAIN, RAW
from experiments.recalibration.networks import Known, judge_known
from experiments.recalibration.settings import Config


class Held(NamedTuple):
    """Recalibrated logits against the truth."""

    error: float  # mean |share of label 1 by truth - mean probability| of bins of equal mass
    excess: float  # mean log loss above that of the truth
    auc: float
    discrimination: float  # of the log loss, by isotonic regression


def hold(known: Known, logits: np.ndarray, config: Config) -> Held:
    """One candidate, on examples that neither network nor map has seen."""
    labels = known.judged.labels
    error = expected_calibration_error(
        known.truth, logits=logits, bins=config.bins, strategy="mass"
    )
    return Held(
        float(error),
        float(jnp.mean(bernoulli_kl(jnp.asarray(logits), known.truth))),
        float(roc_auc(labels, logits=logits)),
        float(corp_decomposition(labels, logits=logits).discrimination),
    )


def recalibrate_known(config: Config, track: Track) -> Result:
    """Every calibrator, fitted to a part of its own."""
    known = judge_known(config)
    logits = {RAW: known.judged.logits}
    for name in track(config.calibrators, "calibrators"):
        fitted = CANDIDATES[name].fit(known.calibrating)
        logits[name] = np.asarray(fitted(known.judged.logits))
    held = {name: hold(known, each, config) for name, each in logits.items()}
    raw, names = held[RAW], list(config.calibrators)
    parametric = [name for name in names if name in PARAMETRIC]
    worst = max(names, key=lambda name: held[name].error)
    best = min(names, key=lambda name: held[name].excess)
    claims = (
        Claim("known truth: calibration error without recalibration", raw.error, ">=", 0.05),
        Claim(
            f"known truth: calibration error of the worst calibrator ({worst}) over that without",
            held[worst].error / raw.error,
            "<=",
            0.5,
        ),
        Claim(
            "known truth: log loss of unsmoothed isotonic regression",
            held[PLAIN].excess,
            "==",
            np.inf,
        ),
        Claim(
            "known truth: excess log loss of all others over that without, largest",
            max(held[name].excess for name in names if name != PLAIN) / raw.excess,
            "<=",
            0.8,
        ),
        Claim(
            "known truth: change of AUC by strictly increasing maps, largest",
            max(abs(held[name].auc - raw.auc) for name in parametric),
            "<=",
            1e-12,
        ),
        Claim(
            "known truth: change of the discrimination by strictly increasing maps, largest",
            max(abs(held[name].discrimination - raw.discrimination) for name in parametric),
            "<=",
            1e-12,
        ),
    )
    answer = (
        f"Where the truth is known, {raw.error:.3f} of mean calibration error becomes "
        f"{min(held[name].error for name in names):.3f} to {held[worst].error:.3f}."
    )
    details = (
        f"The log loss of a network that learnt {config.drawn} examples by heart exceeds the "
        f"truth's by {raw.excess:.3f}, then by {held[best].excess:.3f} at least ({best}): "
        "what recalibration cannot mend is what the network did not learn.",
    )
    table = tabulate(held, config)
    return Result(Verdict(claims, answer, details), (table,), (maps(known, logits, config),))


def tabulate(held: dict[str, Held], config: Config) -> Table:
    """A row for each calibrator."""
    headers = {
        "calibration error": "error",
        "log loss above the truth's": "excess",
        "AUC": "auc",
        "isotonic discrimination": "discrimination",
    }
    return Table(
        "known_truth",
        f"{config.judged} synthetic examples of known truth, recalibrated by maps fitted to "
        f"{config.calibrating} others.",
        {"calibrator": list(held)}
        | {
            header: [getattr(each, field) for each in held.values()]
            for header, field in headers.items()
        },
        formats=dict.fromkeys(headers, ".5f"),
    )


def maps(known: Known, logits: dict[str, np.ndarray], config: Config) -> Figure:
    """Each map over the network's own probability."""
    own = known.judged.logits
    order = np.argsort(own)[:: max(1, len(own) // 400)]
    curves = {
        name: np.asarray(sigmoid(each[order])) for name, each in logits.items() if name != RAW
    }
    truth = reliability_curve(known.truth, logits=own, bins=config.bins, strategy="mass")
    low, high = float(np.asarray(truth.mean_label)[0]), float(np.asarray(truth.mean_label)[-1])
    return Figure(
        "maps",
        "What each calibrator makes of the network's logit, and the share of label 1 by truth in "
        f"{config.bins} bins (dots). The network's own answer is the dashed sigmoid.",
        alt=f"The dots rise slowly from {low:.2f} to {high:.2f}, much flatter than the dashed "
        "sigmoid. On the left temperature, Platt, affine, beta and spline run smoothly through "
        "them; on the right the others follow them in steps.",
        panels=(1, 2),
        draw=partial(
            draw_maps, own=own[order], curves=curves, truth=jax.tree.map(np.asarray, truth)
        ),
    )


def draw_maps(
    left: Any,
    right: Any,
    *,
    own: np.ndarray,
    curves: dict[str, np.ndarray],
    truth: ReliabilityCurve,
) -> None:
    """Probabilities over the logit: maps that run smoothly, and those that go in steps."""
    p = truth.mean_prob
    for ax in (left, right):
        ax.plot(
            np.log(p / (1 - p)), truth.mean_label, "o", color="0.3", markersize=4, label="truth"
        )
        ax.plot(own, 1 / (1 + np.exp(-own)), "--", color="0.6", label=RAW)
        ax.set(xlabel="logit of the network", ylabel="probability of label 1", ylim=(0, 1))
    for name, curve in curves.items():
        ax = left if name in (*PARAMETRIC, "spline") else right
        ax.plot(own, curve, linewidth=1.2, label=name)
    for ax in (left, right):
        ax.legend(fontsize="small", loc="upper left")
