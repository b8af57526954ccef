import numpy as np
import pytest

from experiments.memory_of_fusion import bench, standings
from experiments.memory_of_fusion.bench import First
from experiments.memory_of_fusion.setting import OPTAX, TORCH, WHOLE, Config, draw
from experiments.memory_of_fusion.turns import Run
from experiments.timing import OURS, Times

SMALL = Config(shapes=((64, 512),), columns=8, chunk=128, apart=False)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_the_matrix_and_the_places_say_the_same():
    problem = draw((50, 30), SMALL)
    labels = problem.labels()
    assert labels.dtype == np.float32
    for row, places in zip(labels, problem.places, strict=True):
        assert set(np.flatnonzero(row)) == set(places)


def test_a_call_is_timed_and_its_gradients_are_those_of_numpy():
    found = bench.first(OURS, SMALL.shapes[0], SMALL)
    assert len(bench.burst(OURS, 2)) == 2
    x, w, b, _ = problem = draw(SMALL.shapes[0], SMALL)
    share = 1 / (1 + np.exp(-(x @ w + b))) - problem.labels()
    value, in_features, in_kernel, in_bias = found.answer
    np.testing.assert_allclose(in_features, share @ w.T / share.size, atol=1e-8)
    np.testing.assert_allclose(in_kernel, x.T @ share / share.size, atol=1e-8)
    np.testing.assert_allclose(in_bias, share.sum(0) / share.size, atol=1e-8)
    assert value > 0
    assert found.labels == problem.places.nbytes
    assert found.outputs >= 4 * (1 + x.size + w.size + b.size)


LAST = (4096, 100_000)


def fake(*, seconds=1.0, extra=100, answer=1.0, temporaries=20_000_000):
    """Ours, and others that take 2.5 times as long and 25 times the memory."""

    def one(shape, way, seconds, extra, temporaries, value):
        first = First(1.0, int(extra * 1e6), 0, temporaries, 1, (np.array([value, 0.0]),))
        return Run(shape, way, first, Times(1.0, np.array([seconds])))

    runs = []
    for shape in ((4096, 1000), LAST):
        runs.append(one(shape, OURS, seconds, extra, temporaries, 1.0))
        runs += [one(shape, way, 2.5, 2500, 10**9, answer) for way in (WHOLE, OPTAX, TORCH)]
    return runs


@pytest.mark.parametrize(
    ("changed", "claimed", "failing"),
    [
        ({}, 1.0, 0),
        ({"seconds": 1.2}, 1.0, 2),
        ({"seconds": 1.2}, 0.5, 0),
        ({"seconds": 9.0}, 0.0, 0),
        ({"extra": 130}, 1.0, 2),
        ({"answer": 1.0001}, 0.0, 1),
        ({"answer": np.nan}, 1.0, 1),
        ({"temporaries": 40_000_000}, 1.0, 1),
    ],
)
def test_claims_follow_what_was_measured(changed, claimed, failing):
    config = Config(shapes=((4096, 1000), LAST), claimed=claimed, chunk=1000)
    claims = standings.claims_of(fake(**changed), config)
    assert sum(not claim.holds for claim in claims) == failing


def test_temporaries_that_grow_are_told():
    runs = fake()
    runs[4] = runs[4]._replace(first=runs[4].first._replace(temporaries=30_000_000))
    claims = standings.claims_of(runs, Config(shapes=(LAST,), claimed=0.0))
    assert [claim.holds for claim in claims] == [True, False]
