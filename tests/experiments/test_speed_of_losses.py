import dataclasses
import shutil
import subprocess
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from experiments import untracked
from experiments.speed_of_losses import EXPERIMENT, kernel, standings, ways
from experiments.speed_of_losses.agreement import differences
from experiments.speed_of_losses.kernel import compile_kernel
from experiments.speed_of_losses.rest import fresh_bytes
from experiments.speed_of_losses.setting import (
    BOTH,
    GRADIENT,
    HESSIAN,
    QUANTITIES,
    VALUE,
    Config,
    Data,
    draw_data,
)
from experiments.speed_of_losses.ways import in_jax, our_loss
from experiments.timing import OURS, Times, race

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
FEW = Config(logits=1003, turns=2, calls=3)  # not a whole number of vectors


@pytest.fixture(scope="module")
def data():
    with jax.enable_x64(False):
        return draw_data(FEW)


def pairs(way, name="it"):
    return {(what, name): call for what, call in way.items()}


def edge_data(logits):
    logits = np.float32(logits)
    labels = np.float32([0, 1, 0.25] * logits.size)[: logits.size]
    return Data(logits, labels, (None, None))


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


@needs_compiler
def test_the_kernel_by_hand_keeps_the_digits(data):
    built, reason = compile_kernel(data)
    assert reason == ""
    found = differences(pairs(built.ways[built.name]), data)
    assert found.keys() == {(what, "it") for what in (VALUE, BOTH, GRADIENT)}
    assert max(found.values()) < 5e-7


@needs_compiler
@pytest.mark.parametrize("logit", [-87.0, -20.0, -1e-3, 0.0, 1e-3, 20.0, 87.0, 1e4])
def test_the_kernel_is_right_in_the_tails(logit):
    data = edge_data([logit])  # its label is 0
    built, _ = compile_kernel(data)
    value, gradient = built.ways[built.name][BOTH]()
    x = np.float64(np.float32(logit))
    np.testing.assert_allclose(value, np.logaddexp(0, x), rtol=5e-7)
    np.testing.assert_allclose(gradient, np.exp(-np.logaddexp(0, -x)), rtol=5e-7)
    assert built.fresh() == value


def test_without_a_compiler_the_kernel_is_left_out_by_name(monkeypatch):
    monkeypatch.setattr(kernel.shutil, "which", lambda name: None)
    monkeypatch.setattr(ways.importlib.util, "find_spec", lambda name: None)
    result = EXPERIMENT.run(EXPERIMENT.tiny, untracked)
    assert result.verdict.holds
    left_out = "Left out: Keras is not installed; torch is not installed; there is no C compiler."
    assert result.verdict.details[-1] == left_out
    ours = {OURS, f"{OURS}, highest"}
    assert set(result.tables[0].columns["way"]) == ours | {"optax", "NumPy and SciPy"}


def test_a_compiler_that_refuses_is_told(monkeypatch, data):
    refusal = SimpleNamespace(returncode=1)
    monkeypatch.setattr(kernel.shutil, "which", lambda name: "cc")
    monkeypatch.setattr(subprocess, "run", lambda *words, **options: refusal)
    assert compile_kernel(data) == (None, "the C compiler takes not all of the flags")


def test_a_wrong_loss_is_found(data):
    with jax.enable_x64(False):
        wrong = in_jax(lambda x, y: our_loss("default")(x, y) * (1 + 1e-4), data)
        found = differences(pairs(wrong), data)
    assert found.keys() == {(what, "it") for what in QUANTITIES}
    assert min(found.values()) > standings.SAME


def test_a_race_goes_by_turns_in_bursts():
    order = []
    calls = {name: lambda name=name: order.append(name) for name in "ab"}
    times = race(calls, untracked, turns=FEW.turns, burst=FEW.calls, rouse=True)
    assert "".join(order) == "ab" + 2 * ("aaaa" + "bbbb")  # one of a burst is not timed
    assert times["a"].warm.shape == (6,)
    assert times["b"].first > 0


def test_medians_and_quartiles_are_of_the_warm_calls():
    times = Times(100.0, np.array([1.0, 2.0, 3.0, 4.0, 10.0]))
    assert times.median == 3
    assert times.quartiles == (2, 4)


def test_fresh_memory_is_counted_in_pages():
    kept = np.zeros(2**22, np.int8)
    assert fresh_bytes(lambda: kept.fill(1)) < 2**20 / 4
    assert fresh_bytes(lambda: bytearray(2**27)) >= 2**20  # 128 MiB, huge pages count as one


def fake_standings(optax=3.0, torch=2.0, highest=None):
    found = {}
    for what in QUANTITIES:
        found |= {(what, OURS): 1.0, (what, "optax"): optax, (what, "torch 2 eager"): torch}
    del found[HESSIAN, "torch 2 eager"]
    if highest:
        found[BOTH, "bcejax, highest"] = highest
    return {key: Times(1.0, np.array([seconds])) for key, seconds in found.items()}


@pytest.mark.parametrize(
    ("times", "failing"),
    [
        ({}, 0),
        ({"optax": 1.4}, 2),
        ({"torch": 0.9}, 3),
        ({"highest": 4.0}, 0),
        ({"highest": 5.0}, 1),
    ],
)
def test_claims_follow_the_times(times, failing, monkeypatch):
    monkeypatch.setattr(jax, "__version_info__", (0, 12, 0))
    claims = standings.claims_of(fake_standings(**times), {(VALUE, OURS): 1e-6}, Config())
    assert sum(not claim.holds for claim in claims) == failing


def test_the_bounds_are_those_of_the_version(monkeypatch):
    bounds = []
    for version in [(0, 10, 1), (0, 12, 0), (1, 0, 0)]:
        monkeypatch.setattr(jax, "__version_info__", version)
        claims = standings.claims_of(fake_standings(), {(VALUE, OURS): 0.0}, Config())
        bounds.append([claim.bound for claim in claims if "optax's" in claim.text])
    assert bounds == [[0.9, 1.4, 1.15], [1.8, 1.6, 1.15], [1.8, 1.6, 1.15]]


def test_times_of_few_logits_are_not_judged():
    tiny = dataclasses.replace(EXPERIMENT.tiny)
    (claim,) = standings.claims_of(fake_standings(optax=0.1), {(VALUE, OURS): 1e-6}, tiny)
    assert claim.text == standings.DIFFERENCE
