import numpy as np
import pytest

from experiments.speed_of_solvers import cold, scaling, standings, worker
from experiments.speed_of_solvers.peers import ways_of
from experiments.speed_of_solvers.problems import Data, draw, gradient_norms, placed, values
from experiments.speed_of_solvers.setting import (
    ALIGNED,
    ALL,
    BY_COLUMNS,
    BY_EXAMPLES,
    COLD,
    L1,
    L2,
    PATH,
    SMALL,
    TASKS,
    TINY,
    TINY_BY_COLUMNS,
    TINY_BY_EXAMPLES,
    TOLERANCE,
    Config,
    Task,
    check,
)
from experiments.speed_of_solvers.turns import Lap, Worker
from experiments.timing import OURS, Times

TINY_L2, TINY_L1, TINY_BOOTSTRAP, TINY_PATH = (TASKS[name] for name in TINY)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_tasks_have_names_of_their_own():
    axes = (*BY_EXAMPLES, *BY_COLUMNS, *TINY_BY_EXAMPLES, *TINY_BY_COLUMNS)
    assert len(TASKS) == len(ALL) + len(TINY) + len(axes) == 32
    assert set(SMALL) < set(ALL)
    assert "L1 2k x 5k, l1 0.1 of the largest" in ALL
    assert "1000 resamples of 1k x 10" in SMALL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": ("L2 7 x 7",)}, "there is no task 'L2 7 x 7'"),
        ({"by_examples": ()}, "by_examples takes tasks of two numbers of examples"),
        ({"by_columns": BY_EXAMPLES}, "by_columns takes tasks of two numbers of columns"),
    ],
)
def test_what_would_end_a_run_late_is_refused(change, message):
    check(Config())
    with pytest.raises(ValueError, match=message):
        check(Config(**change))


@pytest.mark.parametrize("past", [0, 16])
def test_a_copy_is_placed_where_it_is_asked_for(past):
    array = np.arange(12.0).reshape(3, 4)
    copy = placed(array, past)
    assert copy.ctypes.data % 64 == past
    np.testing.assert_array_equal(copy, array)


def test_data_are_the_same_in_every_process_and_not_aligned():
    one, other = draw(TINY_L1, 3), draw(TINY_L1, 3)
    np.testing.assert_array_equal(one.inputs, other.inputs)
    np.testing.assert_array_equal(one.labels, other.labels)
    assert one.inputs.ctypes.data % 64 == 16
    # at the largest l1 times 1 the optimum is 0, and at this one it is not
    at_zero = Data(*one[:5], l1=one.l1 / TINY_L1.of_largest, intercept=False)
    nothing = np.zeros((1, 6))
    assert gradient_norms(at_zero, nothing) <= 1e-15
    assert gradient_norms(one, nothing) > 0


def test_neighbouring_columns_correlate_as_asked():
    inputs = draw(Task(L2, 20_000, 4, aim=1, correlation=0.9), 0).inputs
    found = np.corrcoef(inputs.T)
    np.testing.assert_allclose(found[0], [1, 0.9, 0.81, 0.729], atol=0.02)
    np.testing.assert_allclose(inputs.std(axis=0), 1, atol=0.02)


def test_folds_hold_out_every_example_once():
    data = draw(TINY_PATH, 0)
    held_out = (data.counts == 0).reshape(5, 4, -1)
    assert (held_out == held_out[:, :1]).all()
    np.testing.assert_array_equal(held_out[:, 0].sum(axis=0), 1)
    np.testing.assert_allclose(1 / (data.l2[:4] * 80), [1e-4, 10 ** (-4 / 3), 10 ** (4 / 3), 1e4])


@pytest.mark.parametrize("task", [TINY_L2, TINY_BOOTSTRAP, TINY_PATH])
def test_the_gradient_is_that_of_the_value(task):
    data = draw(task, 0)
    params = np.random.default_rng(1).standard_normal((len(data.l2), task.columns + 1))
    if not task.intercept:
        params[:, -1] = 0
    free = task.columns + task.intercept
    slopes = []
    for j in range(free):
        step = 1e-6 * np.eye(task.columns + 1)[j]
        slopes.append((values(data, params + step) - values(data, params - step)) / 2e-6)
    np.testing.assert_allclose(
        gradient_norms(data, params), np.max(np.abs(slopes), axis=0), rtol=1e-6
    )


def test_with_l1_it_is_the_nearest_subgradient():
    data = draw(TINY_L1, 0)._replace(l1=10.0)
    off = np.array([[0.5, 0.0, 0.0, 0.0, 0.0, 0.0]])
    smooth = data._replace(l1=0.0)
    step = np.zeros_like(off)
    step[0, 0] = 1e-6
    slope = (values(smooth, off + step) - values(smooth, off - step)) / 2e-6
    np.testing.assert_allclose(gradient_norms(data, off), slope + 10, rtol=1e-6)


@pytest.mark.parametrize("task", [TINY_L2, TINY_L1, TINY_PATH])
def test_scikit_learn_solves_the_same_problem(task):
    data = draw(task, 0)
    ways = {k: call for k, call in ways_of("scikit-learn", task, data, 1).items() if "2" not in k}
    assert len(ways) == 2
    answers = [call() for call in ways.values()]
    for params in answers:
        assert params.shape == (len(data.l2), task.columns + 1)
        assert gradient_norms(data, params).max() <= standings.NEAR
    np.testing.assert_allclose(values(data, answers[0]), values(data, answers[1]), rtol=1e-10)


def test_a_burst_is_one_call_where_that_takes_all_the_time(monkeypatch):
    bench = worker.Bench("scikit-learn", 1)
    bench._ways["way"] = lambda: np.zeros(1)
    clock = iter(np.repeat(np.cumsum([0, 3, 1, 1, 1, 1, 1, 1, 1]), 2)[1:])
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))
    assert bench.burst("way", 3.0) == [3]
    assert bench.burst("way", 3.0) == [1, 1]  # the one that wakes the threads took the third
    assert bench.burst("way", 0.5) == [1]


def test_a_worker_answers_from_its_process_and_tells_what_it_raised():
    one = Worker("scikit-learn", 1, "scikit-learn", anew=False)
    try:
        assert one.ask("prepare", TINY_L2, 0) == ["newton-cholesky", "lbfgs"]
        seconds, params = one.ask("first", "newton-cholesky")
        assert seconds > 0
        assert gradient_norms(draw(TINY_L2, 0), params) <= TOLERANCE
        with pytest.raises(RuntimeError, match=r"scikit-learn at first:\n(.|\n)*KeyError: 'none'"):
            one.ask("first", "none")
        one._process.kill()
        with pytest.raises(RuntimeError, match="scikit-learn ended at prepare"):
            one.ask("prepare", TINY_L2, 0)
    finally:
        one.dismiss()


def test_a_fresh_interpreter_fits(tmp_path):
    data = draw(Task(COLD, 200, 3, aim=1), 0)
    np.savez(tmp_path / "data.npz", inputs=data.inputs, labels=data.labels, l2=data.l2[0])
    for script in (OURS, "newton-cholesky"):
        fit, whole, params = cold.start_and_fit(script, tmp_path / "data.npz")
        assert 0 < fit < whole
        assert gradient_norms(data, np.array([params])) <= TOLERANCE


def fake(ours=1.0, aligned=0.5, quick=4.0, wrong=0.1, off=0.0):
    """A task whose best is not the fastest: that one does not solve it."""
    data = draw(TINY_L2, 0)
    best = ways_of("scikit-learn", TINY_L2, data, 1)["newton-cholesky"]()
    seconds = {OURS: ours, f"{OURS}, {ALIGNED}": aligned, "quick 1": quick, "slow 1": 9.0}
    answers = dict.fromkeys(seconds, best) | {OURS: best + off * (best != 0), "wrong 1": best + 0.1}
    times = {way: Times(1.0, np.array([s])) for way, s in {**seconds, "wrong 1": wrong}.items()}
    task = TINY_L2._replace(aim=2, aim_aligned=6)
    found = standings.standings_of(task.name, data, Lap(times, answers))
    return found, standings.ratios_of(task.name, task, found)


def test_ours_is_held_against_the_best_that_solves_the_task():
    found, ratios = fake()
    assert [each.near for each in found] == [True, True, True, True, False]
    assert [(each.peer, each.times, each.aim) for each in ratios] == [
        ("quick 1", 4.0, 2),
        ("quick 1", 8.0, 6),
    ]
    assert standings.tabulate(found).columns["over bcejax"] == [1, 0.5, 4, 9, 0.1]


@pytest.mark.parametrize(
    ("changed", "claimed", "failing"),
    [
        ({}, 1.0, 0),
        ({"ours": 3.0}, 1.0, 1),
        ({"ours": 3.0}, 0.5, 0),
        ({"aligned": 1.0}, 1.0, 1),
        ({"quick": 0.2}, 0.0, 0),
        ({"off": 1e-4}, 0.0, 1),  # the gradient; it is not near, and its value not judged
        ({"off": np.nan}, 0.0, 1),
    ],
)
def test_claims_follow_times_and_answers(changed, claimed, failing):
    claims = standings.claims_of(*fake(**changed), Config(claimed=claimed))
    assert sum(not claim.holds for claim in claims) == failing


def test_every_kind_of_task_is_there():
    assert {TASKS[name].kind for name in SMALL} >= {L2, L1, PATH, COLD}


def test_claims_of_what_is_reached_of_an_aim():
    found, ratios = fake()
    task = ratios[0].task._replace(reached=0.75)
    ratios = [each._replace(task=task) for each in ratios]
    bounds = [c.bound for c in standings.claims_of(found, ratios, Config(claimed=0.5))[-2:]]
    assert bounds == [0.75, 2.25]


def points(axis, sizes, power):
    """Times like the power of the size, half of the best other's, and twice the limit."""
    shapes = [(n, 20) if axis == scaling.EXAMPLES else (5000, n) for n in sizes]
    made = [
        (Task(L2, *shape, aim=1), 1e-3 * n**power) for shape, n in zip(shapes, sizes, strict=True)
    ]
    return [
        scaling.Point(axis, task, Times(1.0, np.array([t])), Times(1.0, np.array([2 * t])), "q", t)
        for task, t in made
    ]


@pytest.mark.parametrize(("powers", "failing"), [((0.9, 1.8), 0), ((1.2, 1.8), 1), ((1.2, 2.1), 2)])
def test_exponents_are_found_and_judged(powers, failing):
    axes = (scaling.EXAMPLES, [1000, 3000, 9000]), (scaling.COLUMNS, [10, 30, 100])
    found = [
        p for (axis, sizes), e in zip(axes, powers, strict=True) for p in points(axis, sizes, e)
    ]
    shapes, fitted = scaling.tabulate_scaling(found)
    np.testing.assert_allclose(fitted.columns["exponent"], np.repeat(powers, 3), rtol=1e-9)
    np.testing.assert_allclose(shapes.columns["over bcejax"], 2)
    np.testing.assert_allclose(shapes.columns["bcejax over the limit"], 1)
    claims = scaling.scaling_claims(found, Config())
    assert sum(not claim.holds for claim in claims) == failing
    assert scaling.scaling_claims(found, Config(claimed=0.0)) == ()


def test_limits_are_of_the_task_at_hand():
    bench = worker.Bench("scikit-learn", 1)
    bench.prepare(TINY_L2, 0)
    assert bench._inputs.shape == (300, 5)
    assert all(0 < seconds < 0.1 for seconds in bench.limits())
