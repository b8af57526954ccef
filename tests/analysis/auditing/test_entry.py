"""The audit: ours passes in every dtype; what it makes of losses of other kinds; its report."""

import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bcejax import bce_gradient, bce_hessian, bce_with_logits, bce_with_probs, reduce_losses
from bcejax.analysis import Status, Subject, audit
from bcejax.analysis.auditing import CHECKS

DTYPES = ["float32", "float64", "float16", "bfloat16"]


def failures(report):
    return {name: report.check(name).note for name in report.failures}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("loss", "form"), [(bce_with_logits, "logits"), (bce_with_probs, "probs")])
def test_ours_passes_in_four_dtypes(loss, form, dtype):
    report = audit(loss, form=form, dtype=dtype)
    assert failures(report) == {}
    assert [check.name for check in report.checks] == list(CHECKS)
    applies = {"logit 0"} if form == "probs" else set()
    for check in report.checks:
        other = Status.NOT_APPLICABLE if check.name in applies else Status.PASSED
        assert check.status is other, check
    assert (report.dtype, report.form, report.passed) == (dtype, form, True)


@jax.custom_jvp
def simple_sigmoid(x):
    return jax.nn.sigmoid(x)


simple_sigmoid.defjvps(lambda t, s, x: t * s * simple_sigmoid(-x))


@jax.custom_jvp
def simple_loss(x, y):
    return jnp.where(x > 0, 1 - y, y) * jnp.abs(x) + jnp.log1p(jnp.exp(-jnp.abs(x)))


@simple_loss.defjvp
def _(primals, tangents):
    x, y = primals
    gradient = (1 - y) * simple_sigmoid(x) - y * simple_sigmoid(-x)
    return simple_loss(x, y), gradient * tangents[0] - x * tangents[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_simple_loss_with_sound_formulas_keeps_the_bounds(dtype):
    """Its digits are good; what it lacks is the door: infinities, shapes, ranges."""
    report = audit(simple_loss, dtype=dtype)
    assert set(report.failures) == {"certain answers", "out of range", "forward mode", "shapes"}
    assert "zero tangent" in report.check("forward mode").note


def test_a_mean_is_audited_one_example_at_a_time():
    report = audit(lambda x, y: reduce_losses(bce_with_logits(x, y)), name="mean", labels=(0, 1))
    assert failures(report) == {}
    assert report.name == "mean"
    assert report.check("reduction").note == "returns the mean; audited one example at a time"


def test_a_mean_over_all_pairs_is_found():
    def mean(x, y):
        return jnp.mean(simple_loss(x, y))

    report = audit(mean, labels=(0, 1))
    assert report.check("shapes").note == "(4, 1) with (4,) changes the result in silence"
    assert report.check("no examples").note == "the reduction of no examples is nan"
    assert report.check("reduction").status is Status.PASSED


def test_a_mean_that_overflows_is_found():
    def mean(x, y):
        losses = bce_with_logits(x, y).astype(x.dtype)
        return jnp.cumsum(losses)[-1] / max(x.size, 1) if x.size else jnp.zeros((), x.dtype)

    report = audit(mean, dtype="float16", labels=(0, 1))
    assert failures(report) == {
        "reduction": "the mean of 4096 equal losses is not that loss: the sum overflows or stalls"
    }


def numpy_loss(labels, logits):
    logits, labels = np.asarray(logits), np.asarray(labels)
    wrong = np.where(logits > 0, 1 - labels, labels)
    size = np.abs(logits)
    if size.shape != labels.shape:
        raise ValueError("shapes differ")
    return np.where(wrong == 0, 0, wrong * size) + np.log1p(np.exp(-size))


def turned(function):
    return lambda labels, logits: np.asarray(function(logits, labels))


def test_a_numpy_loss_offers_the_derivatives_that_come_with_it():
    alone = audit(numpy_loss, order="labels,logits", labels=(0, 1))
    assert alone.name == "numpy_loss"
    assert alone.check("value").status is Status.PASSED
    for name in ("gradient", "hessian", "third derivative", "jit", "vmap", "forward mode"):
        assert alone.check(name).status is Status.NOT_OFFERED
    both = audit(
        numpy_loss,
        order="labels,logits",
        labels=(0, 1),
        gradient=turned(bce_gradient),
        hessian=turned(bce_hessian),
    )
    for name in ("gradient", "hessian", "logit 0"):
        assert both.check(name).status is Status.PASSED
    assert both.check("third derivative").status is Status.NOT_OFFERED


def test_a_masked_sum_in_numpy_is_audited_one_example_at_a_time():
    def numpy_sum(x, y, where=True):
        counts = np.broadcast_to(where, np.shape(x))
        return np.sum(numpy_loss(np.where(counts, y, 0), np.where(counts, x, 0)), where=counts)

    report = audit(numpy_sum, labels=(0, 1))
    assert report.check("reduction").note == "returns the sum; audited one example at a time"
    for name in ("value", "mask"):
        assert report.check(name).status is Status.PASSED, report.check(name)


def test_a_loss_of_another_shape_is_found():
    report = audit(lambda x, y: bce_with_logits(x, y)[:, None], labels=(0, 1))
    assert re.match(r"gives shape \((\d+), 1\) for \(\1,\)$", report.check("reduction").note)
    assert "gives shape" in report.check("value").note


def test_a_gradient_that_comes_with_a_jax_loss_is_the_one_that_is_judged():
    wrong = audit(bce_with_logits, gradient=lambda x, y: jax.nn.sigmoid(x) - y, labels=(0, 1))
    assert wrong.failures == ("gradient",)  # it dies in the right tail of y = 1
    assert wrong.check("gradient").got == 0


def test_a_loss_that_raises_always_is_reported_to_the_end():
    def broken(x, y):
        raise RuntimeError("no luck\nat all")

    report = audit(broken)
    assert report.check("value").note == "raises RuntimeError: no luck"
    assert len(report.checks) == len(CHECKS)
    assert not report.passed


def test_the_report_as_text_and_as_json():
    report = audit(optax.sigmoid_binary_cross_entropy, labels=(0, 1))
    lines = str(report).splitlines()
    assert lines[0] == "sigmoid_binary_cross_entropy, logits in float32"
    assert len(lines) == 1 + len(CHECKS)
    found = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert found["passed"] is False
    inside = {check["name"]: check for check in found["checks"]}
    assert inside["certain answers"]["got"] == "nan"
    assert inside["hessian"]["status"] == "failed"
    with pytest.raises(ValueError, match="check 'slope' is not one of value, gradient"):
        report.check("slope")


def test_the_curves_are_the_errors_that_were_judged():
    report = audit(bce_with_logits, labels=(0, 1))
    assert [curve.quantity for curve in report.curves] == list(CHECKS[:5])
    for curve in report.curves:
        assert curve.scores.shape == curve.labels.shape == curve.errors.shape
        assert np.abs(curve.scores).max() < 87
        assert curve.errors.max() <= report.check(curve.quantity).error <= curve.bound


def test_progress_sees_every_check():
    seen = []
    audit(
        numpy_loss, labels=(1,), track=lambda names: (seen.append(name) or name for name in names)
    )
    assert seen == list(CHECKS)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dtype": "int32"}, TypeError, "dtype 'int32' is not one of float32, float64"),
        ({"dtype": "float12"}, TypeError, "dtype 'float12' is not one of"),
        ({"labels": (0, 2)}, ValueError, r"labels lie in \[0, 1\], got \(0.0, 2.0\)"),
        ({"labels": ()}, ValueError, r"labels lie in \[0, 1\]"),
        ({"form": "odds"}, ValueError, "form 'odds' is not one of logits, probs"),
        ({"order": "x,y"}, ValueError, "order 'x,y' is not"),
        ({"loss": 3}, TypeError, "loss must be a function or a Subject, got int"),
        (
            {"loss": Subject("mine", bce_with_logits), "form": "probs"},
            ValueError,
            "mine is a Subject and has its own form",
        ),
    ],
)
def test_bad_arguments_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        audit(**{"loss": bce_with_logits} | options)
