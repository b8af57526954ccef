"""Digits: value, derivatives and labels of low precision, against the oracle."""

import jax.numpy as jnp
import numpy as np

from bcejax.analysis.auditing.bench import Bench
from bcejax.analysis.auditing.judging import BOUNDS, TITLES, Reading, conclude, measure, read
from bcejax.analysis.auditing.points import FAR, Points
from bcejax.analysis.auditing.records import Check, Curve, Status

FINE_LABEL = float(np.float32(0.999))  # 1 in bfloat16


def check_quantity(bench: Bench, quantity: str) -> tuple[Check, Curve]:
    """A quantity within its bound over all points, and its errors to draw."""
    reading = read(bench, quantity, bench.points)
    return conclude([reading]), _curve(bench, reading)


def check_label_precision(bench: Bench) -> Check:
    """Logits in bfloat16 with a float32 label: the label keeps its digits."""
    score = 3.0 if bench.subject.form == "logits" else 0.9375
    scores = bench.spread(score, jnp.bfloat16)
    try:
        got = bench.each(scores, bench.spread(FINE_LABEL, np.float32))
    except Exception as error:
        note = f"refuses bfloat16 with float32 labels: {type(error).__name__}"
        return Check(Status.NOT_OFFERED, note)
    points = Points((score,), (FINE_LABEL,), ("label rounded to bfloat16",))
    low = bench._replace(dtype=np.dtype(jnp.bfloat16))
    return conclude([measure(low, "value", points, np.asarray(got).reshape(-1)[:1])])


def _curve(bench: Bench, reading: Reading) -> Curve:
    near = np.array([region != FAR for region in reading.points.regions])
    points = reading.points.where(near)
    return Curve(
        TITLES.get(reading.quantity, reading.quantity),
        bench.subject.form,
        np.array(points.scores, float),
        np.array(points.labels, float),
        reading.errors[near],
        BOUNDS[reading.quantity],
    )
