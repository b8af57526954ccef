"""Edges: logit 0, certain answers, nan, numbers out of range, examples under a mask."""

import jax
import numpy as np

from bcejax.analysis.auditing.bench import Bench, pulled
from bcejax.analysis.auditing.judging import close, conclude, read
from bcejax.analysis.auditing.points import Points
from bcejax.analysis.auditing.records import Check, Status
from bcejax.analysis.subjects import takes

CERTAIN = {"logits": (-np.inf, np.inf), "probs": (0.0, 1.0)}


def check_zero(bench: Bench) -> Check:
    """Logit 0, where training starts: relu and |x| have no derivative there."""
    if bench.subject.form == "probs":
        return Check(Status.NOT_APPLICABLE, "probabilities have nothing special at 1/2")
    points = grid(bench, (0.0, -0.0), "at logit 0")
    return conclude([read(bench, each, points) for each in _offered(bench)])


def check_certainty(bench: Bench) -> Check:
    """Infinite logits, or probabilities 0 and 1: limits, not nan."""
    points = certain_answers(bench)
    return conclude([read(bench, each, points) for each in _offered(bench)])


def check_nan(bench: Bench) -> Check:
    """Nan in, nan out, in value and gradient; or an error."""
    inside = bench.array([0.5]).item()
    points = Points((np.nan, np.nan, inside), (0.0, 1.0, np.nan), ("for nan",) * 3)
    return _loud(bench, points, "value", "gradient")


def check_range(bench: Bench) -> Check:
    """Labels (and probabilities) outside [0, 1]: nan or an error, never a plausible number."""
    scores, labels = [0.75] * 3, [-1.0, 1.5, 2.0]
    if bench.subject.form == "probs":
        scores, labels = [*scores, -0.25, 1.5], [*labels, 1.0, 1.0]
    points = Points(tuple(scores), tuple(labels), ("outside [0, 1]",) * len(scores))
    return _loud(bench, points, "value")


def check_mask(bench: Bench) -> Check:
    """Nan and inf behind ``where=False`` reach neither a value nor a gradient."""
    loss, (scores, labels) = bench.subject.loss, bench.trial()
    if not takes(loss, "where"):
        return Check(Status.NOT_APPLICABLE, "takes no where")
    keep = np.arange(bench.size) % 4 != 1
    spoiled = [
        bench.array(np.where(keep, each, bad)) for each, bad in ((scores, np.nan), (labels, np.inf))
    ]

    def masked(x: jax.Array, y: jax.Array) -> jax.Array:
        return loss(x, y, where=bench.array(keep, bool))

    results = {"value": masked(*spoiled)}
    if bench.subject.jax:
        results["gradient"] = bench.compiled(pulled(masked))(*spoiled)
    for name, result in results.items():
        if not np.isfinite(np.asarray(result)).all():
            return Check(Status.FAILED, f"nan behind the mask reaches the {name}")
    if "gradient" in results and np.asarray(results["gradient"])[~keep].any():
        return Check(Status.FAILED, "a masked example has a gradient")
    if not bench.reduces:
        got, want = np.asarray(results["value"]), np.asarray(loss(scores, labels))
        if not close(bench, got[keep], want[keep]):
            return Check(Status.FAILED, "the mask changes examples that count")
    return Check(Status.PASSED, "what is masked reaches nothing")


def certain_answers(bench: Bench) -> Points:
    """Infinite logits, or probabilities 0 and 1, with every label."""
    where = "at infinite logits" if bench.subject.form == "logits" else "at probabilities 0, 1"
    return grid(bench, CERTAIN[bench.subject.form], where)


def grid(bench: Bench, scores: tuple[float, ...], region: str) -> Points:
    """Each of the scores with each of the labels of the audit."""
    labels = [float(np.array(y).astype(bench.dtype)) for y in bench.labels]
    rows = [(x, y, region) for x in scores for y in labels]
    return Points(*zip(*rows, strict=True))


def _offered(bench: Bench, *names: str) -> list[str]:
    return [name for name in names or ("value", "gradient", "hessian") if name in bench.functions]


def _loud(bench: Bench, points: Points, *names: str) -> Check:
    """Nan, as the oracle has it at these points, or an error."""
    try:
        return conclude([read(bench, each, points) for each in _offered(bench, *names)])
    except Exception as error:
        return Check(Status.PASSED, f"raises {type(error).__name__}")
