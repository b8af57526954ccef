import jax
import numpy as np
import optax
import pytest

from bcejax.data import Batch
from bcejax.numerics import Pair
from bcejax.training import init_state
from bcejax.training.blocks import advance, blocked, filled, start_stream
from bcejax.training.program import start_run
from bcejax.training.records import Status


@pytest.fixture
def still(make_model):
    """A run that learns nothing, so that sums alone move."""
    return start_stream(start_run(init_state(make_model(), optax.sgd(0.0)), None))


def test_a_batch_is_filled_with_zeros_and_cut_into_a_block(train):
    batch = filled(train, 24)
    for given, long in zip(train, batch, strict=True):
        np.testing.assert_array_equal(long[:22], given)
        assert not long[22:].any()
    assert filled(train, 22) is train
    block = blocked(batch, 8)
    assert block.inputs.shape == (3, 8, 3)
    np.testing.assert_array_equal(block.labels[1], train.labels[8:16])
    assert filled(Batch(train.inputs, train.labels), 30).weights is None


def test_counts_only_the_first_batches_and_adds_beyond_float32(still, train):
    block = blocked(filled(train, 24), 8)
    many = np.float32(2**26)
    run = still.replace(sums=Pair(np.full(3, many), np.zeros(3, np.float32)))
    run = advance(run, block, np.int32(2))
    assert int(run.run.state.step) == 2
    weight = np.float64(run.sums.high[2]) + np.float64(run.sums.low[2])
    want = many + train.weights[:16].sum()
    np.testing.assert_allclose(weight, want, rtol=0, atol=1e-5)
    assert abs(np.float64(run.sums.high[2]) - want) > 1e-3 or run.sums.high.dtype == np.float64
    assert int(run.run.status) == Status.RUNNING


def test_a_block_that_is_not_finite_is_not_kept(still, train):
    weights = jax.tree.map(np.array, still.run.state.params)
    bad = train._replace(weights=np.full(22, np.inf))
    run = advance(still, blocked(filled(bad, 24), 8), np.int32(2))
    assert int(run.run.status) == Status.DIVERGED
    assert int(run.run.state.step) == 0
    assert not np.asarray(run.sums.high).any()
    jax.tree.map(np.testing.assert_array_equal, run.run.state.params, weights)
    again = advance(run, blocked(filled(train, 24), 8), np.int32(2))
    assert int(again.run.status) == Status.DIVERGED
    assert int(again.run.state.step) == 0
