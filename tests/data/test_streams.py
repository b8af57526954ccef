"""The order of rows by what must hold of it, whatever the batches, threads and places cut at."""

import threading
import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcejax.data.layouts import CorruptShardError
from bcejax.data.shards import open_shards
from bcejax.data.streams import Position, read_batches
from bcejax.data.windows import plan_windows

ROWS = (7, 4, 12, 1, 9)  # of each shard: 33 rows, whose column x numbers them
TOTAL = sum(ROWS)


def write_shards(folder, suffix, **changes):
    """Shards whose rows are numbered through; ``changes`` are functions of the columns."""
    start = 0
    for number, rows in enumerate(ROWS):
        x = np.arange(start, start := start + rows, dtype=np.float32)
        columns = {"x": x, "z": -x, "y": x % 2, "w": 1 + x}
        for name, change in changes.items():
            columns[name] = change(columns[name])
        path = folder / f"{number}.{suffix}"
        if suffix == "npz":
            np.savez(path, **columns)
        else:
            pq.write_table(pa.table(columns), path, row_group_size=5, write_page_checksum=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    write_shards(folder, "parquet")
    return folder


@pytest.fixture(scope="module")
def shards(folder):
    return open_shards(folder, label="y", weights="w")


def numbers(pieces):
    """Which rows came, in their order; every column is checked on the way."""
    found = []
    for piece in pieces:
        x, z = piece.batch.inputs.T
        assert np.array_equal(z, -x)
        assert np.array_equal(piece.batch.labels, x % 2)
        assert np.array_equal(piece.batch.weights, 1 + x)
        found += x.tolist()
    return found


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**64),
    epoch=st.integers(0, 5),
    window=st.integers(1, 40),
    batch_size=st.integers(1, 40),
    prefetch=st.integers(0, 3),
    cut=st.integers(0, 40),
)
def test_each_row_once_in_one_order_however_it_is_read(
    shards, seed, epoch, window, batch_size, prefetch, cut
):
    order = {"seed": seed, "epoch": epoch, "window": window}
    plain = numbers(read_batches(shards, TOTAL, prefetch=0, **order))
    assert sorted(plain) == list(range(TOTAL))
    pieces = list(read_batches(shards, batch_size, prefetch=prefetch, **order))
    assert numbers(pieces) == plain
    sizes = [len(piece.batch.labels) for piece in pieces]
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    cut = min(cut, len(pieces) - 1)
    rest = read_batches(shards, batch_size, start=pieces[cut].position, **order)
    assert numbers(rest) == numbers(pieces[cut + 1 :])


def test_orders_differ_between_seeds_and_epochs_and_mix_in_windows(shards):
    def read(window=10, **which):
        return numbers(read_batches(shards, 8, window=window, **which))

    seen = [read(seed=0), read(seed=1), read(seed=0, epoch=1), read(seed=[0, 1]), read(40, seed=0)]
    assert len({tuple(each) for each in seen}) == len(seen)
    assert read(seed=0) == seen[0]
    origins, row = {}, 0
    for shard in shards.shards:
        for block, rows in enumerate(shard.blocks):
            origins |= dict.fromkeys(range(row, row + rows), (shard.path, block))
            row += rows
    # the blocks of a window stay together, and no window is larger than asked for
    at = 0
    for window in plan_windows(shards, seed=0, window=10):
        size = sum(shard.blocks[block] for shard, block in window)
        assert size <= 10
        here = seen[0][at : at + size]
        assert here != sorted(here) or size < 4
        blocks = {(shard.path, block) for shard, block in window}
        assert sorted(here) == sorted(n for n, place in origins.items() if place in blocks)
        at += size
    assert read(seed=None) == list(range(TOTAL))


def test_a_place_in_the_middle_of_the_permutation_is_uniform(shards):
    """Row 0 comes to every fifth of the epoch equally often, over 100 epochs."""
    places = [
        numbers(read_batches(shards, TOTAL, seed=3, epoch=epoch, window=15, prefetch=0)).index(0)
        for epoch in range(100)
    ]
    counts = np.bincount(np.array(places) * 5 // TOTAL, minlength=5)
    assert ((counts - 20) ** 2 / 20).sum() < 18.5  # chi-square of 4 degrees at 0.1 %


def test_without_weights_there_are_none(folder):
    shards = open_shards(folder, label="y", features=["x"])
    piece = next(read_batches(shards, 4, seed=0))
    assert piece.batch.weights is None
    assert piece.batch.inputs.shape == (4, 1)
    assert piece.batch.inputs.dtype == np.float32


@pytest.mark.parametrize("suffix", ["parquet", "npz"])
def test_a_broken_block_stops_the_stream_or_is_counted(tmp_path, suffix):
    write_shards(tmp_path, suffix)
    shards = {
        skip: open_shards(tmp_path, label="y", weights="w", skip_corrupt=skip)
        for skip in (False, True)
    }
    path = tmp_path / f"2.{suffix}"
    data = bytearray(path.read_bytes())
    offset = (
        60 if suffix == "parquet" else data.index(np.arange(11, 23, dtype=np.float32).tobytes())
    )
    data[offset : offset + 20] = bytes(20)
    path.write_bytes(data)
    lost = set(range(11, 16)) if suffix == "parquet" else set(range(11, 23))
    name = f"{path}, row group 0" if suffix == "parquet" else str(path)

    order = {"seed": 0, "window": 20}
    with pytest.raises(CorruptShardError, match=rf"2\.{suffix} is not a whole"):
        numbers(read_batches(shards[False], 4, **order))
    faults = []
    pieces = list(read_batches(shards[True], 4, report=faults.append, **order))
    assert sorted(numbers(pieces)) == sorted(set(range(TOTAL)) - lost)
    assert [(fault.name, fault.rows) for fault in faults] == [(name, len(lost))]
    for cut in range(len(pieces)):
        rest = read_batches(
            shards[True], 4, report=faults.append, start=pieces[cut].position, **order
        )
        assert numbers(rest) == numbers(pieces[cut + 1 :])
    with pytest.warns(RuntimeWarning, match=rf"^skipped .*2\.{suffix}.*: .*is not a whole"):
        list(read_batches(shards[True], 4, **order))


@pytest.mark.parametrize(
    ("column", "value", "line"),
    [
        ("x", np.nan, r"column 'x': the value is missing \(nan\)$"),
        ("z", np.inf, r"column 'z': infinite value$"),
        ("y", 2, r"column 'y': labels lie in \[0, 1\], "),
        ("w", -1, r"column 'w': weight -1 is negative$"),
    ],
)
@pytest.mark.parametrize("suffix", ["parquet", "npz"])
def test_a_senseless_value_is_refused_though_damage_is_skipped(
    tmp_path, suffix, column, value, line
):
    write_shards(tmp_path, suffix, **{column: lambda c: np.where(c == c[-1], value, c)})
    shards = open_shards(tmp_path / f"1.{suffix}", label="y", weights="w", skip_corrupt=True)
    row = {"y": 1}.get(column, 3)
    with pytest.raises(ValueError, match=rf"1\.{suffix}.*, row {row} \(the first is 0\), {line}"):
        list(read_batches(shards, 4, seed=0))


def test_what_overflows_is_infinite(tmp_path):
    for path in (tmp_path / "a.npz", tmp_path / "a.parquet"):
        columns = {"x": np.array([0, 1e39]), "y": np.ones(2)}
        if path.suffix == ".npz":
            np.savez(path, **columns)
        else:
            pq.write_table(pa.table(columns), path)
        with pytest.raises(ValueError, match=r"row 1 .*, column 'x': infinite value$"):
            list(read_batches(open_shards(path, label="y"), 2, seed=0))
        wide = open_shards(path, label="y", dtype=np.float64)
        assert len(list(read_batches(wide, 2, seed=0))) == 1


def test_a_null_is_a_missing_value(tmp_path):
    pq.write_table(pa.table({"x": [1.0, None], "y": [0, 1]}), tmp_path / "a.parquet")
    with pytest.raises(
        ValueError, match=r"row group 0, row 1 .*, column 'x': the value is missing"
    ):
        list(read_batches(open_shards(tmp_path, label="y"), 2, seed=0))


@pytest.mark.parametrize("prefetch", [0, 1, 2])
def test_memory_is_bounded_by_the_formula(tmp_path, prefetch):
    """Of NumPy's arrays: tracemalloc does not see those of Arrow, so the shards are archives."""
    rows, columns = 2000, 12
    rng = np.random.default_rng(0)
    for number in range(20):
        x = rng.normal(size=(rows, columns - 1)).astype(np.float32)
        np.savez(tmp_path / f"{number:02}.npz", x=x, y=np.ones(rows, np.float32))
    del x
    shards = open_shards(tmp_path, label="y")
    window, batch = 2 * rows, 512
    tracemalloc.start()
    for piece in read_batches(shards, batch, seed=0, window=window, prefetch=prefetch):
        assert piece.batch.inputs.shape[1] == columns - 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = columns * 4
    bound = (prefetch + 2) * window * size + 8 * window + 4 * rows * size + batch * size
    assert peak <= bound + 2**17  # of Python's own
    assert peak >= 2 * window * size
    assert bound < 20 * rows * size  # or holding all would pass


def test_the_thread_ends_with_the_stream(shards):
    def readers():
        return [each for each in threading.enumerate() if each.name.startswith("shards")]

    pieces = read_batches(shards, 2, seed=0, window=5)
    next(pieces)
    assert readers()
    pieces.close()
    assert not readers()
    list(read_batches(shards, 2, seed=0, window=5))
    assert not readers()


@pytest.mark.parametrize(
    ("options", "error", "line"),
    [
        ({"batch_size": 0}, ValueError, r"^batch_size is 0; there must be 1 or more$"),
        ({"prefetch": -1}, ValueError, r"^prefetch is -1; there must be 0 or more$"),
        ({"window": 0}, ValueError, r"^window is 0; there must be 1 or more$"),
        ({"window": 2.5}, TypeError, r"^window is 2\.5; it must be an integer$"),
        ({"epoch": -1}, ValueError, r"^epoch is -1; there must be 0 or more$"),
        ({"seed": -1}, ValueError, r"^seed is -1; there must be 0 or more$"),
        ({"seed": [1, 0.5]}, TypeError, r"^seed is 0\.5; it must be an integer$"),
        ({"start": Position(99, 0)}, ValueError, r"^start is window 99, but there are \d+$"),
        ({"start": Position(0, -1)}, ValueError, r"^start is row -1; there must be 0 or more$"),
    ],
)
def test_refuses_options_at_once(shards, options, error, line):
    with pytest.raises(error, match=line):
        read_batches(shards, **({"batch_size": 2, "seed": 0} | options))
