"""Keras's other figure for the five observations: 1e-7 inside both logs.

With q the probability of the label that came, a small e inside both logs changes the mean loss by

    mean ln q - mean ln(q + e) = -e mean(1/q) + e^2 mean(1/q^2) / 2 - ...

Today Keras moves p into [e, 1 - e] instead, which changes no p of these.
"""

import importlib.util
import os
from functools import partial
from typing import Any

import numpy as np

from bcejax.analysis import settle, spacing
from bcejax.losses import bce_with_probs
from bcejax.numerics import require
from experiments import Claim, Result, Table, Verdict
from experiments.worked_examples.printed import FIVE, formula, mean_loss, ulp

KERAS = 0.2027364925606956  # what it gave then
EPSILON = 1e-7


def other_figure() -> Result:
    """The 1e-7 inside both logs, the clip of today, and what rounding could have done."""
    old, added, truth = formula(FIVE, EPSILON), exact_mean(EPSILON), exact_mean(0.0)
    clip, clip32 = clipped(np.float64), clipped(np.float32)
    gap, unit = FIVE.mean - KERAS, spacing(FIVE.mean, np.float32)
    means = {
        "the article's formula": formula(FIVE),
        "1e-7 inside both logs": old,
        "1e-7 inside both logs, 120 bits": float(added.item()),
        "clip to [1e-7, 1 - 1e-7]": float(clip),
        "clip to [1e-7, 1 - 1e-7], float32": float(clip32),
    }
    claims = [
        Claim("1e-7 inside both logs, in float64", old, "==", KERAS),
        # each argument of its logs is rounded twice, together worth up to 8 ulp of the mean
        Claim(
            "Keras's figure off 1e-7 inside both logs in 120 bits",
            ulp(KERAS, added),
            "<=",
            8,
            "ulp",
        ),
        Claim("the gap off 1e-7 mean(1/q), relative", abs(gap / first_order() - 1), "<=", EPSILON),
        Claim("the gap, in units of float32", gap / float(unit), ">=", 4, "ulp"),
        Claim("error of the clip of today, float64", ulp(clip, truth), "<=", 2, "ulp"),
        Claim("error of the clip of today, float32", ulp(clip32, truth), "<=", 2, "ulp"),
    ]
    itself = "Keras is not installed here"
    if importlib.util.find_spec("keras"):
        means["Keras itself, float32"] = today = keras_today()
        claims.append(Claim("error of Keras itself", ulp(np.float32(today), truth), "<=", 2, "ulp"))
        itself = f"and Keras itself {today:.9f}"
    table = Table(
        "keras",
        f"Ways to the mean of the five observations, for which Keras once gave {KERAS}.",
        {"way": list(means), "mean": list(means.values())},
        {"mean": ".17g"},
    )
    details = (
        f"Keras's other figure, {old}, comes of 1e-7 inside both logs; today's clip gives "
        f"{clip32:.9f}, {itself}.",
    )
    return Result(Verdict(tuple(claims), "", details), (table,))


def exact_mean(epsilon: float) -> np.ndarray:
    """The mean in 120 bits, with ``epsilon`` inside both logs."""

    def terms(mp: Any) -> list[Any]:
        pairs = zip(map(mp.mpf, FIVE.probs), FIVE.labels, strict=True)
        return [-mp.log((p if label else 1 - p) + epsilon) / 5 for p, label in pairs]

    return np.array(settle(terms))


def first_order() -> float:
    """What the first term of the series says of the gap."""
    pairs = zip(FIVE.probs, FIVE.labels, strict=True)
    return EPSILON * float(np.mean([1 / (p if label else 1 - p) for p, label in pairs]))


def clipped(dtype: Any) -> Any:
    """The mean with the clip of today's Keras, in a precision."""
    probs = np.array(FIVE.probs, dtype)
    return mean_loss(partial(bce_with_probs, clip=EPSILON), probs, np.array(FIVE.labels))


def keras_today() -> float:
    """The mean by Keras itself, which computes in float32."""
    os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras reads it once, when it is imported
    keras = require("keras", extra="peers", purpose="Keras's own figure")
    probs, labels = np.array(FIVE.probs, np.float32), np.array(FIVE.labels, np.float32)
    return float(keras.losses.binary_crossentropy(labels, probs))
