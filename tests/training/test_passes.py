import jax
import numpy as np
import pytest

from bcejax.training import epoch_order, init_state, passes, train_epochs
from bcejax.training.passes import fold


def orders(key):
    return np.stack([epoch_order(key, epoch, 22) for epoch in range(3)])


@pytest.mark.parametrize("batches", [1, 2])
def test_blocks_of_batches_equal_the_whole(
    make_model, train, key, batches, assert_close, monkeypatch
):
    start, order = init_state(make_model()), orders(key)
    whole, history = train_epochs(start, train, order, batch_size=4, epochs=1)
    monkeypatch.setattr(passes, "_BLOCK", batches * 4 * 3)
    order = order[:batches]  # another shape, to be traced anew
    blocks, same = train_epochs(start, train, order, batch_size=4, epochs=1)
    assert_close((blocks.params, blocks.step), (whole.params, whole.step))
    assert_close(same.loss[0], history.loss[0])


@pytest.mark.parametrize("size", [1, 5, 13, 99])
def test_the_pieces_of_a_fold_are_the_whole(size):
    arrays = (np.arange(13), np.arange(26).reshape(13, 2))
    seen = []

    def add(carry, piece):
        assert len(piece[0]) == min(size, 13) or len(piece[0]) == 13 % size
        jax.debug.callback(lambda *parts: seen.append(parts), *piece)
        return carry + piece[0].sum()

    total = jax.jit(lambda arrays: fold(add, 0, arrays, size))(arrays)
    jax.effects_barrier()
    assert total == 78
    rows = sorted(np.concatenate([np.c_[a, b] for a, b in seen]).tolist())
    assert rows == np.c_[arrays].tolist()
