import importlib.util

import numpy as np
import pytest

from experiments import untracked
from experiments.speed_of_training import EXPERIMENT, cold, run, standings
from experiments.speed_of_training.peers import KERAS, SKLEARN, TORCH, by_sklearn, by_torch
from experiments.speed_of_training.setting import BIG, TASKS, TINY, TUTORIAL, Config, draw
from experiments.speed_of_training.turns import EXAMPLES, Found, Raced
from experiments.speed_of_training.ways import BARE, FLAX, PRODUCTS
from experiments.timing import OURS, Times


@pytest.fixture(scope="module")
def tiny():
    return run(EXPERIMENT.tiny, untracked)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_every_way_takes_the_same_steps(tiny):
    claims = tiny.verdict.claims
    assert [BARE in claim.text or FLAX in claim.text for claim in claims] == [True, True]
    assert all(claim.value <= 1e-6 for claim in claims)
    assert tiny.tables[0].columns["way"] == [OURS, BARE, FLAX, PRODUCTS]
    assert tiny.tables[0].columns["last mean loss"][-1] is None


def test_scikit_learn_takes_them_too(tiny):
    task = TASKS[TINY]
    course = by_sklearn(task, draw(task, 0)).course()
    assert course.shape == (task.epochs,)
    ours = tiny.tables[0].columns["last mean loss"][0]
    np.testing.assert_allclose(course[-1], ours, atol=1e-6)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
@pytest.mark.parametrize("fused", [False, True])
def test_torch_takes_them_too(tiny, fused):
    task = TASKS[TINY]
    course = by_torch(task, draw(task, 0), fused=fused).course()
    np.testing.assert_allclose(course[-1], tiny.tables[0].columns["last mean loss"][0], atol=1e-6)


def test_the_tutorial_has_its_patients():
    data = draw(TASKS[TUTORIAL], 0)
    assert data.inputs.shape == (768, 8)
    assert data.labels.sum() == 268
    assert data.orders.shape == (10, 768)
    np.testing.assert_allclose(data.inputs.mean(axis=0), 0, atol=1e-6)
    assert [kernel.shape for kernel, _ in data.layers] == [(8, 16), (16, 1)]


def found(seconds, loss=0.5):
    return Found(Times(1.0, np.array([seconds])), np.array([0.6, loss]))


@pytest.mark.parametrize(
    ("changed", "failing"),
    [
        ({}, 0),
        ({KERAS: found(2.0)}, 1),
        ({SKLEARN: found(2.0)}, 1),
        ({TORCH: found(100.0, loss=0.51)}, 1),
        ({BARE: found(100.0, loss=np.nan)}, 1),
    ],
)
def test_claims_follow_times_and_losses(changed, failing):
    ways = {OURS: found(1.0), PRODUCTS: found(0.1, np.nan)}
    others = dict.fromkeys((BARE, KERAS, TORCH, SKLEARN), found(100.0))
    result = standings.judge_race(Raced({TUTORIAL: ways | others | changed}, {}), Config())
    assert sum(not claim.holds for claim in result.verdict.claims) == failing
    unclaimed = standings.judge_race(Raced({TUTORIAL: ways | others}, {}), Config(claimed=0.0))
    assert len(unclaimed.verdict.claims) == 4


@pytest.mark.parametrize(("best", "failing"), [(3.0, 0), (0.5, 1)])
def test_the_best_peer_counts(best, failing):
    ways = {OURS: found(1.0), PRODUCTS: found(0.5, np.nan), BARE: found(3.0)}
    peers = {KERAS: found(best), TORCH: found(9.0)}
    result = standings.judge_race(Raced({BIG: ways | peers}, {}), Config())
    assert sum(not claim.holds for claim in result.verdict.claims) == failing


def test_exponents_are_slopes():
    points = {n: {OURS: found(n**0.5), PRODUCTS: found(n**2.0)} for n in (10, 100, 1000)}
    assert standings.exponents(points) == pytest.approx({OURS: 0.5, PRODUCTS: 2.0})
    raced = Raced({TUTORIAL: points[10]}, {EXAMPLES: points})
    assert standings._tabulate_curves(raced).columns["size"] == [10, 10, 100, 100, 1000, 1000]


def test_a_fresh_interpreter_trains(tmp_path):
    data = draw(TASKS[TUTORIAL], 0)
    np.savez(tmp_path / "data.npz", inputs=data.inputs, labels=data.labels)
    seconds, loss = cold.start_and_train(SKLEARN, tmp_path / "data.npz")
    assert seconds > 0
    assert 0.4 < loss < 0.7


@pytest.mark.parametrize(("ours", "kept", "failing"), [(1, 1, 0), (3, 1, 1), (3, 2, 2), (9, 2, 3)])
def test_cold_claims_follow_the_times(ours, kept, failing):
    seconds = {OURS: ours, cold.KEPT: kept, cold.KERAS: 4, cold.TORCH: 2, SKLEARN: 1}
    times = {way: Times(each, np.array([each])) for way, each in seconds.items()}
    claims = cold.claims_of(times, dict.fromkeys(times, 0.6), Config())
    assert sum(not claim.holds for claim in claims) == failing
