"""Which blocks make a window, and where its rows go."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcejax.data.shards import Shard, ShardSet, open_shards
from bcejax.data.windows import plan_windows, random_of, read_window, window_rows


def shards_of(*blocks, features=("x",)):
    """A set that is nowhere: plans need no files."""
    shards = tuple(Shard(Path(f"{n}.parquet"), each, 0) for n, each in enumerate(blocks))
    return ShardSet(shards, features, "y", None, np.dtype(np.float32), False, ())


@given(
    blocks=st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), min_size=1, max_size=5),
    window=st.integers(1, 30),
    seed=st.integers(0, 99),
)
def test_every_block_with_rows_is_in_one_window_and_windows_are_full(blocks, window, seed):
    shards = shards_of(*map(tuple, blocks))
    windows = plan_windows(shards, seed=seed, window=window)
    placed = [(shard.path, block) for each in windows for shard, block in each]
    want = [(s.path, b) for s in shards.shards for b, rows in enumerate(s.blocks) if rows]
    assert sorted(placed) == sorted(want)
    sizes = [[shard.blocks[block] for shard, block in each] for each in windows]
    for here, following in zip(sizes, [*sizes, [window + 1]][1:], strict=True):
        assert sum(here) <= window or len(here) == 1
        assert sum(here) + following[0] > window


def test_without_a_seed_each_block_is_a_window_in_its_place():
    shards = shards_of((3, 0, 2), (4,))
    windows = plan_windows(shards, seed=None, window=100)
    assert windows == [[(shards.shards[0], 0)], [(shards.shards[0], 2)], [(shards.shards[1], 0)]]


def test_blocks_change_their_order_with_seed_and_epoch():
    shards = shards_of(*[(1,)] * 20)

    def order(**which):
        return tuple(shard.path for ((shard, _),) in plan_windows(shards, window=1, **which))

    orders = {order(seed=seed, epoch=epoch) for seed in (0, 1) for epoch in (0, 1)}
    assert len(orders) == 4
    assert order(seed=0) in orders


def test_a_window_is_64_mebibytes_unless_its_rows_are_given():
    shards = shards_of((1,), features=tuple("abcdefg"))  # and a label: 8 columns
    assert window_rows(shards, None) * 8 * 4 == 2**26
    assert window_rows(shards, 5) == 5
    assert window_rows(shards_of((1,), features=("x",) * 2**25), None) == 1


def test_rows_go_where_the_permutation_says(tmp_path):
    for number, rows in enumerate((4, 3)):
        x = np.arange(rows) + 10 * number
        np.savez(tmp_path / f"{number}.npz", x=x, y=x % 2)
    shards = open_shards(tmp_path, label="y")
    blocks = [(shards.shards[1], 0), (shards.shards[0], 0)]
    plain = [10, 11, 12, 0, 1, 2, 3]
    assert read_window(shards, blocks, None).batch.inputs[:, 0].tolist() == plain
    found = read_window(shards, blocks, random_of(3, 0, 1)).batch
    want = np.empty(7)
    want[random_of(3, 0, 1).permutation(7)] = plain
    np.testing.assert_array_equal(found.inputs[:, 0], want)
    np.testing.assert_array_equal(found.labels, want % 2)


@pytest.mark.parametrize("window", [0, -3])
def test_refuses_a_window_of_no_rows(window):
    with pytest.raises(ValueError, match=rf"^window is {window}; there must be 1 or more$"):
        plan_windows(shards_of((1,)), seed=0, window=window)
