import jax
import numpy as np
import pytest

from experiments import untracked
from experiments.speed_of_calibration import scaling, standings
from experiments.speed_of_calibration.setting import REPORT, SECONDS, Config, draw_data
from experiments.speed_of_calibration.turns import race
from experiments.speed_of_calibration.ways import ECE, KERNEL, Task, tasks_of
from experiments.timing import OURS, Times

SMALL = Config(predictions=200, pairs=100, venn_abers=100, reported=100, turns=3)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_every_task_is_ours_first_and_scikit_learns_are_always_here():
    with jax.enable_x64(False):
        tasks = tasks_of(draw_data(SMALL), SMALL)
    assert len(tasks) == 8
    assert all(next(iter(task.ways)) == OURS for task in tasks.values())
    by_sklearn = [
        task for task in tasks.values() if any(way.startswith("scikit-learn") for way in task.ways)
    ]
    assert len(by_sklearn) == 3
    assert all(task.peer == "scikit-learn" for task in by_sklearn)


def test_kernel_error_is_netcals_sum_over_pairs():
    with jax.enable_x64(False):
        data = draw_data(SMALL)
        found = tasks_of(data, SMALL)[KERNEL].ways[OURS]()
    probs, labels = data.probs[:100].astype(float), data.labels[:100]
    confidence = np.maximum(probs, 1 - probs)
    off = ((probs > 0.5) == labels) - confidence
    kernel = np.exp(-np.abs(confidence[:, None] - confidence) / 0.4)
    np.testing.assert_allclose(found, np.sqrt(off @ kernel @ off) / 100, rtol=1e-5)


def test_a_slow_way_has_fewer_turns_but_one(monkeypatch):
    clock = iter(np.cumsum([0, *[1, 0], *[5, 0], *[1, 0], *[5, 0], *[1, 0], *[1, 0]]))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))
    calls = {"quick": lambda: 1, "slow": lambda: 2}
    times, answers = race(calls, Config(turns=3, patience=4.0), untracked)
    assert answers == {"quick": 1, "slow": 2}
    assert times["quick"].first == 1
    np.testing.assert_array_equal(times["quick"].warm, [1, 1, 1])
    np.testing.assert_array_equal(times["slow"].warm, [5])


def fake(torchmetrics=20.0, relplot=0.5, report=1.0, off=1e-6):
    seconds = {OURS: 1.0, "torchmetrics 1": torchmetrics, "relplot 1": relplot}
    times = {(ECE, way): Times(1.0, np.array([each])) for way, each in seconds.items()}
    times[REPORT, OURS] = Times(1.0, np.array([report]))
    tasks = {ECE: Task(dict.fromkeys(seconds, lambda: 0.0), "torchmetrics", 10, 1e-4)}
    answers = {(ECE, way): 0.5 + off * (way != OURS) for way in seconds}
    return times, standings.differences(tasks, answers), tasks


@pytest.mark.parametrize(
    ("changed", "failing"),
    [
        ({}, 0),
        ({"torchmetrics": 9.0}, 1),
        ({"relplot": 0.1}, 0),  # another's ECE is only shown
        ({"report": 2 * SECONDS}, 1),
        ({"off": 1e-3}, 2),
        ({"off": np.nan}, 2),
    ],
)
def test_claims_follow_the_times(changed, failing):
    claims = standings.claims_of(*fake(**changed), Config(claimed=1.0))
    assert sum(not claim.holds for claim in claims) == failing


def test_a_share_of_the_ratios_is_claimed():
    claims = standings.claims_of(*fake(torchmetrics=9.0), Config(claimed=0.8))
    assert all(claim.holds for claim in claims)
    claims = standings.claims_of(*fake(torchmetrics=7.9), Config(claimed=0.8))
    assert sum(not claim.holds for claim in claims) == 1


def test_times_of_few_predictions_are_not_judged():
    claims = standings.claims_of(*fake(torchmetrics=0.1, report=99.0), Config(claimed=0.0))
    assert len(claims) == 2
    assert all(claim.holds for claim in claims)


def test_exponents_and_the_copy_are_read_off_the_times():
    seconds = {
        scaling.ECE: lambda n: 3e-9 * n,
        "pairs": lambda n: n**2.0,
        scaling.COPY: lambda n: 1e-9 * n,
    }
    growth = {
        (what, n): Times(1.0, np.array([of(n)])) for what, of in seconds.items() for n in (10, 100)
    }
    assert {k: round(v, 6) for k, v in scaling.exponents(growth).items()} == {
        scaling.ECE: 1,
        "pairs": 2,
        scaling.COPY: 1,
    }
    assert [claim.holds for claim in scaling.claims_of_growth(growth)] == [True, False]
    np.testing.assert_allclose(scaling.over_copy(growth, 100), 3)


def test_each_size_has_every_measure_and_a_copy_of_8_bytes_each():
    config = Config(predictions=9, pairs=9, venn_abers=9, reported=9, sizes=(8, 16))
    with jax.enable_x64(False):
        calls = scaling.calls_of(draw_data(config), config)
    assert [n for what, n in calls if what == scaling.COPY] == [8, 16]
    assert len(calls) == 2 * (1 + len(scaling.MEASURES))
    assert calls[scaling.COPY, 16].args[0].nbytes == 128
