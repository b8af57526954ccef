"""The faults of other libraries, which the audit must find by itself.

A test that fails because a peer was repaired is good news, and its line goes.
"""

import importlib.util

import numpy as np
import pytest

from bcejax.analysis import Status, audit, find_subject


def test_the_faults_of_optax():
    report = audit(find_subject("optax:sigmoid_binary_cross_entropy"))
    hessian = report.check("hessian")
    assert "hessian is 0 where" in hessian.note
    assert "right tail, left tail" in hessian.note
    assert (hessian.got, hessian.bound) == (0, 6)
    assert hessian.right == pytest.approx(np.exp(-abs(hessian.at[0])), rel=1e-5)
    assert report.check("certain answers").note.startswith("value is nan where 0 is right")
    assert "zero tangent becomes nan" in report.check("forward mode").note
    assert report.check("label precision").got == pytest.approx(0.0486, abs=1e-4)
    assert report.check("label precision").right == pytest.approx(0.0516, abs=1e-4)
    assert "(4, 4) in silence" in report.check("shapes").note
    assert report.check("Python numbers").note.startswith("raises AttributeError")
    assert report.check("out of range").status is Status.FAILED
    assert {"value", "label gradient", "logit 0", "nan", "jit", "vmap"}.isdisjoint(report.failures)


def report_of(name, **options):
    library = name.partition(":")[0]
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    return audit(find_subject(name), **options)


def test_the_faults_of_torch():
    report = report_of("torch:binary_cross_entropy_with_logits")
    value, gradient = report.check("value"), report.check("gradient")
    assert "value is 0 where" in value.note
    assert (value.at[0] < -8, value.at[1], value.got) == (True, 0, 0)
    assert "gradient is 0 where" in gradient.note
    assert (gradient.at[0] > 16, gradient.at[1], gradient.got) == (True, 1, 0)
    assert report.check("jit").status is Status.NOT_OFFERED
    assert {"nan", "shapes", "logit 0", "label precision"}.isdisjoint(report.failures)


def test_the_faults_of_keras():
    report = report_of("keras:binary_crossentropy")
    gradient = report.check("gradient")
    assert gradient.note == "gradient is 0 where 1 is right; near 0, near 1"
    assert report.check("certain answers").got == pytest.approx(16.118095)
    assert "jit" not in report.failures


def test_the_faults_of_numpyro():
    report = report_of("numpyro:Bernoulli")
    assert report.check("logit 0").note == "gradient is 0 where 0.5 is right; at logit 0"
    assert report.check("nan").got == 0


def test_scikit_learn_is_not_asked_for_what_it_lacks():
    report = report_of("sklearn:HalfBinomialLoss", dtype="float64")
    status = {check.name: check.status for check in report.checks}
    assert status["value"] is Status.FAILED  # 0 from x = 36 on, y = 1
    assert status["gradient"] is status["hessian"] is Status.PASSED
    missing = {"third derivative", "label gradient", "forward mode", "jit", "vmap"}
    assert {name for name in status if status[name] is Status.NOT_OFFERED} == missing | {
        "label precision"
    }
