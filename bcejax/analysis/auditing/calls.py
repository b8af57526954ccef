"""How a loss may be called: dtypes of labels, Python numbers, shapes, no examples, reductions."""

from typing import Any

import numpy as np

from bcejax.analysis.auditing.bench import Bench, as_numbers
from bcejax.analysis.auditing.judging import close, conclude, measure
from bcejax.analysis.auditing.points import Points
from bcejax.analysis.auditing.records import Check, Status

MANY = 4096  # losses of 20 each add up to more than float16 holds


def check_integer_labels(bench: Bench) -> Check:
    """Signed and unsigned integer labels count like the same floats."""
    return _same_labels(bench, np.int32, np.uint8)


def check_boolean_labels(bench: Bench) -> Check:
    """Boolean labels count like the same floats."""
    return _same_labels(bench, np.bool_)


def check_python_numbers(bench: Bench) -> Check:
    """A Python float as score, with a Python int, bool or float as label."""
    if not bench.subject.jax:
        return Check(Status.NOT_APPLICABLE, "the adapter makes arrays of all numbers")
    if bench.reduces:
        return Check(Status.NOT_APPLICABLE, "reduces over examples")
    score = 1.5 if bench.subject.form == "logits" else 0.75
    readings = [
        measure(
            bench,
            "value",
            Points((score,), (float(label),), (f"for a Python {type(label).__name__}",)),
            np.reshape(as_numbers(bench.subject.loss(score, label), ()), 1),
        )
        for label in (1, True, 0.25)
    ]
    return conclude(readings)


def check_shapes(bench: Bench) -> Check:
    """Scores (n, 1) with labels (n,): an error, or n losses, never (n, n) in silence."""
    scores, labels = (each[:4] for each in bench.trial())
    for left, right in ((scores[:, None], labels), (scores, labels[:, None])):
        try:
            got = np.asarray(bench.subject.loss(left, right))
        except Exception:
            continue
        want = np.asarray(bench.subject.loss(scores, labels))
        shapes = f"{np.shape(left)} with {np.shape(right)}"
        if got.size != want.size:
            return Check(Status.FAILED, f"broadcasts {shapes} to {got.shape} in silence")
        if not close(bench, got.reshape(want.shape), want):
            return Check(Status.FAILED, f"{shapes} changes the result in silence")
    return Check(Status.PASSED, "(n, 1) with (n,) raises, or pairs example with example")


def check_empty(bench: Bench) -> Check:
    """No examples give no losses; a mean or sum of none is a finite number."""
    none = bench.array(np.zeros(0))
    got = np.asarray(bench.subject.loss(none, none))
    if not np.isfinite(got).all():
        return Check(Status.FAILED, f"the reduction of no examples is {float(got)}")
    return Check(Status.PASSED, f"no examples give {'0 losses' if not got.size else got}")


def check_reduction(bench: Bench) -> Check:
    """One loss for each example; or their mean or sum, said so, and right for many."""
    scores, labels = bench.trial()
    got = np.asarray(bench.subject.loss(scores, labels))
    if got.shape == np.shape(scores):
        return Check(Status.PASSED, "one loss for each example")
    if not bench.reduces:
        return Check(Status.FAILED, f"gives shape {got.shape} for {np.shape(scores)}")
    losses = np.asarray(bench.each(scores, labels)).astype(float)
    kinds = {"mean": losses.mean(), "sum": losses.sum()}
    for kind, want in kinds.items():
        if close(bench, got, want):
            return _of_many(bench, kind)
    return Check(
        Status.FAILED,
        "returns one number, neither the mean nor the sum of its losses one by one",
        got=float(got),
        right=float(kinds["mean"]),
    )


def _of_many(bench: Bench, kind: str) -> Check:
    """Whether the mean of many equal losses is each of them."""
    note = f"returns the {kind}; audited one example at a time"
    if kind == "sum":  # which may overflow in low precision, and says so
        return Check(Status.PASSED, note)
    score = -20.0 if bench.subject.form == "logits" else 0.25
    scores, labels = bench.array(np.full(MANY, score)), bench.array(np.ones(MANY))
    got = np.asarray(bench.subject.loss(scores, labels))
    want = np.asarray(bench.subject.loss(scores[:1], labels[:1]))
    if close(bench, got, want):
        return Check(Status.PASSED, note)
    return Check(
        Status.FAILED,
        f"the mean of {MANY} equal losses is not that loss: the sum overflows or stalls",
        at=(score, 1.0),
        got=float(got),
        right=float(want),
    )


def _same_labels(bench: Bench, *dtypes: Any) -> Check:
    scores, labels = bench.trial()
    want = np.asarray(bench.subject.loss(scores, labels))
    for dtype in dtypes:
        got = np.asarray(bench.subject.loss(scores, bench.array(labels, dtype)))
        if got.shape != want.shape or not close(bench, got, want):
            return Check(Status.FAILED, f"{np.dtype(dtype)} labels count unlike floats")
    names = " and ".join(str(np.dtype(dtype)) for dtype in dtypes)
    return Check(Status.PASSED, f"{names} labels count like floats")
