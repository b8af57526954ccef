"""``bcejax doctor``: well here, and each fault found where it is planted."""

import json
from importlib import resources

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from bcejax.analysis.oracle import exact
from bcejax.commands.doctor import checks
from bcejax.commands.doctor.checks import CHECKS, Health
from bcejax.commands.doctor.sample import (
    DIGITS,
    FUNCTIONS,
    LABELS,
    POINTS,
    QUANTITIES,
    exact_of,
)
from bcejax.commands.entry import enter

SHIPPED = json.loads(resources.files("bcejax.commands.doctor").joinpath("exact.json").read_text())


@pytest.fixture(scope="module")
def findings():
    return {check.__name__: check() for check in CHECKS}


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_shipped_values_of_the_loss_are_the_oracles(quantity):
    right = [[mpmath.nstr(exact(quantity, x, y), DIGITS) for x in POINTS] for y in LABELS]
    assert SHIPPED[quantity] == right


@pytest.mark.parametrize("name", FUNCTIONS)
def test_shipped_values_of_functions_are_mpmaths(name):
    _, points = FUNCTIONS[name]
    with mpmath.workprec(400):
        right = [mpmath.nstr(getattr(mpmath, name)(mpmath.mpf(float(x))), DIGITS) for x in points]
    assert SHIPPED[name] == right


def test_shipped_digits_become_numbers():
    right = np.tanh(np.float64(POINTS))
    np.testing.assert_allclose(exact_of("tanh").float64(), right, rtol=1e-15)


def test_this_machine_is_well(findings):
    assert [name for name, each in findings.items() if each.health is Health.FAULT] == []
    assert "jax 0." in findings["versions"].text
    assert "hessian float64" in findings["losses"].text


def test_a_dead_hessian_is_a_fault(monkeypatch):
    def dead(logits, labels, accuracy=None):
        p = 1 / (1 + jnp.exp(-logits))
        return p * (1 - p)

    monkeypatch.setitem(checks.LOSSES, "hessian", dead)
    found = checks.losses()
    assert found.health is Health.FAULT
    assert "hessian float32" in found.text
    assert "value" not in found.text


def test_a_loss_that_cancels_is_a_fault(monkeypatch):
    def loss(logits, labels, accuracy=None):
        return jnp.logaddexp(0, logits) - logits * labels

    monkeypatch.setitem(checks.LOSSES, "value", loss)
    assert checks.highest_losses().health is Health.FAULT


def test_an_inexact_function_is_a_fault(monkeypatch):
    monkeypatch.setitem(
        checks.FUNCTIONS, "log1p", (lambda x: jnp.log(1 + x), FUNCTIONS["log1p"][1])
    )
    found = checks.functions()
    assert found.health is Health.FAULT
    assert "log1p float32" in found.text
    assert "tanh" not in found.text


def test_a_compiler_that_is_wrong_somewhere_is_a_fault(monkeypatch):
    def wrong(matrix, rows):
        right = jnp.square(rows @ matrix.T).sum(1)
        return right.at[len(rows) // 2].multiply(1.1)

    monkeypatch.setattr(checks, "_squares", wrong)
    assert checks.miscompiled().health is Health.FAULT


def test_a_loss_without_curvature_in_a_scan_is_a_fault(monkeypatch):
    monkeypatch.setattr(checks, "bce_with_logits", lambda x, y: x - y)
    found = checks.scans()
    assert found.health is Health.FAULT
    assert "is 0 in a scan, not 1/4" in found.text


def test_jax_that_drops_rules_in_scans_is_a_note(findings):
    drops = jax.__version_info__ < (0, 12)
    assert findings["scans"].health is (Health.NOTE if drops else Health.WELL)


def test_a_known_bad_version_is_a_fault(monkeypatch):
    monkeypatch.setattr(checks.importlib.metadata, "version", lambda name: "0.10.2")
    found = checks.versions()
    assert found.health is Health.FAULT
    assert "39103" in found.text


def test_sums_that_wander_and_rounded_products_are_notes(monkeypatch):
    results = iter(range(100))
    monkeypatch.setattr(checks.jax, "jit", lambda function: lambda numbers: next(results))
    assert "10 results" in checks.sums().text
    monkeypatch.setattr(
        checks.jax, "jit", lambda function: lambda a, b: np.round(a, 2) @ np.round(b, 2)
    )
    found = checks.products()
    assert found.health is Health.NOTE
    assert "highest" in found.text


@pytest.fixture
def few(monkeypatch):
    well = checks.Finding("sums", Health.WELL, "[the same] each time")
    asked = [well]
    monkeypatch.setattr("bcejax.commands.doctor.CHECKS", (lambda: asked[0],))
    return asked


def test_lines_and_status_0_where_nothing_is_at_fault(few, capsys):
    assert enter(["doctor"]) == 0
    assert capsys.readouterr().out == "well   sums        [the same] each time\n"


def test_json_and_status_1_where_something_is(few, capsys):
    few[0] = few[0]._replace(health=Health.FAULT)
    assert enter(["doctor", "--json", "--device", "cpu"]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {"name": "sums", "health": "fault", "text": "[the same] each time"}
    ]


def test_an_absent_device_is_one_line(capsys):
    assert enter(["doctor", "--device", "tpu"]) == 2
    assert capsys.readouterr().err == "error: device tpu is not here; JAX sees 1 cpu\n"
