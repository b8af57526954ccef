"""What is opened, and what is refused: each fault is made in a file, and its line is read."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bcejax.data import shards
from bcejax.data.layouts import CorruptShardError
from bcejax.data.shards import open_shards

SUFFIXES = ("parquet", "npz")
both = pytest.mark.parametrize("suffix", SUFFIXES)


def content(seed=0, rows=8):
    """Two columns, labels and weights."""
    rng = np.random.default_rng(seed)
    names = ("a", "b", "y", "w")
    drawn = (
        *rng.normal(size=(2, rows)).astype(np.float32),
        rng.integers(0, 2, rows),
        np.ones(rows),
    )
    return dict(zip(names, drawn, strict=True))


def write(path, columns, **options):
    if path.suffix == ".npz":
        np.savez(path, **columns)
    else:
        pq.write_table(pa.table(columns), path, row_group_size=3, **options)
    return path


@pytest.fixture
def folder(tmp_path, request):
    """Three shards of one suffix."""
    suffix = request.getfixturevalue("suffix")
    for seed in range(3):
        write(tmp_path / f"{seed}.{suffix}", content(seed))
    return tmp_path


@both
def test_finds_files_in_a_folder_by_a_pattern_or_one_by_one(folder, suffix):
    (folder / "_SUCCESS").touch()
    whole = open_shards(folder, label="y", weights="w")
    assert whole.features == ("a", "b")
    assert whole.columns == ("a", "b", "y", "w")
    assert whole.rows == 24
    assert [shard.path.name[0] for shard in whole.shards] == ["0", "1", "2"]
    assert whole.shards[0].blocks == ((3, 3, 2) if suffix == "parquet" else (8,))
    pattern = open_shards(f"{folder}/[02].*", label="y", features=["b"])
    assert [shard.path.name[0] for shard in pattern.shards] == ["0", "2"]
    assert pattern.features == ("b",)
    paths = [folder / f"2.{suffix}", folder / f"0.{suffix}"]
    listed = open_shards([paths[0], str(paths[1])], label="y")
    assert [shard.path for shard in listed.shards] == paths
    assert open_shards(paths[0], label="y").rows == 8


@both
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_reads_columns_in_their_order_and_dtype(folder, suffix, dtype):
    opened = open_shards(folder, label="y", features=["b", "a"], weights="w", dtype=dtype)
    shard = opened.shards[1]
    read = np.concatenate([opened.read(shard, b) for b in range(len(shard.blocks))], axis=1)
    want = content(1)
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, [want[name].astype(dtype) for name in "bayw"])


def test_all_kinds_of_numbers(tmp_path):
    plain = np.array([0, 1, 1, 0])
    kinds = [bool, np.int8, np.uint16, np.int64, np.float16, np.float64]
    columns = {np.dtype(kind).name: plain.astype(kind) for kind in kinds} | {"y": plain}
    for path in (tmp_path / "a.npz", tmp_path / "a.parquet"):
        opened = open_shards(write(path, columns), label="y")
        np.testing.assert_array_equal(
            opened.read(opened.shards[0], 0), np.tile(plain[: opened.shards[0].blocks[0]], (7, 1))
        )


def test_a_block_of_an_archive_is_columns(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 3))
    path = write(tmp_path / "a.npz", {"x": x, "z": x[:, :1], "y": np.ones(5)})
    opened = open_shards(path, label="y", features=["x_2", "z", "x_0"])
    np.testing.assert_array_equal(
        opened.read(opened.shards[0], 0)[:3], x[:, [2, 0, 0]].T.astype(np.float32)
    )
    assert open_shards(path, label="y").features == ("x_0", "x_1", "x_2", "z")


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-30])


def emptied(path):
    write(path, {name: column[:0] for name, column in content().items()})


@both
@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (cut_off, r"1\.{} is not a whole (Parquet file|npz archive): "),
        (lambda path: path.write_bytes(b""), r"1\.{} is not a whole (Parquet file|npz archive): "),
        (emptied, r"1\.{} holds no rows$"),
    ],
    ids=["cut off", "no bytes", "empty"],
)
def test_names_a_broken_shard_or_counts_it(folder, suffix, damage, line):
    damage(folder / f"1.{suffix}")
    with pytest.raises(CorruptShardError, match=line.format(suffix)) as caught:
        open_shards(folder, label="y")
    assert "\n" not in str(caught.value)
    opened = open_shards(folder, label="y", skip_corrupt=True)
    assert opened.rows == 16
    (fault,) = opened.faults
    assert fault.name == str(folder / f"1.{suffix}")
    assert fault.rows is None
    assert fault.reason == str(caught.value)


def test_checksums_find_a_flipped_bit(tmp_path):
    columns = content(rows=5000)
    archive = write(tmp_path / "a.npz", columns)
    table = tmp_path / "a.parquet"
    pq.write_table(
        pa.table(columns), table, compression="none", use_dictionary=False, write_page_checksum=True
    )
    for path in (archive, table):
        data = bytearray(path.read_bytes())
        data[data.index(columns["b"].tobytes()) + 5] ^= 1
        path.write_bytes(data)
        opened = open_shards(path, label="y")
        with pytest.raises(CorruptShardError, match=r"a\.\w+ is not a whole"):
            opened.read(opened.shards[0], 0)


@both
def test_a_file_that_changes_is_found_out(folder, suffix):
    opened = open_shards(folder, label="y")
    path = write(folder / f"1.{suffix}", content(1, rows=7))
    with pytest.raises(CorruptShardError, match=r"has changed: \d rows, not \d"):
        [opened.read(opened.shards[1], block) for block in range(3)]
    write(path, {"a": np.ones(8), "y": np.ones(8)})
    with pytest.raises(CorruptShardError, match=r"has changed: .*b.* is gone"):
        opened.read(opened.shards[1], 0)
    path.unlink()
    with pytest.raises(CorruptShardError, match=r"1\.\w+ is not a whole"):
        opened.read(opened.shards[1], 0)


@both
@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"b": None}, r"1\.\w+ has no column 'b', as .*0\.\w+ has$"),
        ({"c": np.ones(8)}, r"1\.\w+ has a column 'c', .*0\.\w+ has not: name features$"),
        ({"a": np.ones(8)}, r"1\.\w+, column 'a' holds (double|float64), but float(32)? in .*0"),
    ],
    ids=["missing", "extra", "type"],
)
def test_shards_must_be_alike(folder, suffix, change, line):
    columns = {n: c for n, c in (content(1) | change).items() if c is not None}
    write(folder / f"1.{suffix}", columns)
    with pytest.raises(ValueError, match=line):
        open_shards(folder, label="y", skip_corrupt=True)
    if "c" in change:  # named features may have others beside them
        assert open_shards(folder, label="y", features=["a"]).rows == 24


@both
@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"label": "ill"}, r"0\.\w+ has no column 'ill'"),
        ({"label": "y", "features": ["a", "B"]}, r"has no column 'B'; did you mean 'b'\?"),
        ({"label": "y", "features": ["a", "y"]}, r"^features: column 'y' would be used twice$"),
        ({"label": "y", "features": ["a", "a"]}, r"^features: column 'a' would be used twice$"),
        ({"label": "y", "features": []}, r"^features names no column$"),
        ({"label": "y", "weights": "y"}, r"label and weights are both column 'y'$"),
        ({"label": "a", "features": ["t"]}, r"column 't' holds (string|<U1), not numbers$"),
    ],
)
def test_refuses_names_in_one_line(tmp_path, suffix, options, line):
    path = write(tmp_path / f"0.{suffix}", content() | {"t": np.array(list("abcdefgh"))})
    with pytest.raises(ValueError, match=line) as caught:
        open_shards(path, **options)
    assert "\n" not in str(caught.value)


def test_refuses_two_columns_of_one_name(tmp_path):
    pq.write_table(pa.table([[1.0], [2.0], [1]], names=["a", "a", "y"]), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a\.parquet: two columns have one name; names must diff"):
        open_shards(tmp_path, label="y")
    path = tmp_path / "a.npz"
    np.savez(path, x=np.ones((2, 2)), x_0=np.zeros(2), y=np.ones(2))
    with pytest.raises(ValueError, match=r"a\.npz: two columns have one name, 'x_0'; names must"):
        open_shards(path, label="y")


def test_refuses_paths_in_one_line(tmp_path):
    for suffix in SUFFIXES:
        write(tmp_path / f"a.{suffix}", content())
    with pytest.raises(ValueError, match=r"^paths: files must be of one suffix"):
        open_shards(tmp_path, label="y")
    path = tmp_path / "a.npz"
    with pytest.raises(ValueError, match=r"a\.npz more than once$"):
        open_shards([path, path], label="y")
    with pytest.raises(
        FileNotFoundError, match=re.escape(f"there is no file {tmp_path / 'b.npz'}")
    ):
        open_shards(tmp_path / "b.npz", label="y")
    with pytest.raises(FileNotFoundError, match=r"names no \.parquet or \.npz file$"):
        open_shards(tmp_path / "*.nothing", label="y")
    with pytest.raises(ValueError, match=r"a\.csv: the suffix must be one of \.parquet, \.npz$"):
        open_shards(tmp_path / "a.csv", label="y")
    with pytest.raises(TypeError, match=r"^dtype is float16; it must be float32 or float64$"):
        open_shards(path, label="y", dtype=np.float16)
    with pytest.raises(TypeError, match=r"^label must be the name of a column, got 3$"):
        open_shards(path, label=3)
    np.savez(tmp_path / "b.npz", x=np.ones((2, 2, 2)), y=np.ones(2))
    with pytest.raises(ValueError, match=r"array 'x' must be \(n,\) or \(n, k\), got \(2, 2, 2\)$"):
        open_shards(tmp_path / "b.npz", label="y")
    np.savez(tmp_path / "b.npz", x=np.ones(3), y=np.ones(2))
    with pytest.raises(ValueError, match=r"the arrays must have one length, got {'x': 3, 'y': 2}$"):
        open_shards(tmp_path / "b.npz", label="y")
    (tmp_path / "b.npz").write_bytes(b"")
    with pytest.raises(CorruptShardError, match=r"^no shard can be read; the first: .*b\.npz is"):
        open_shards(tmp_path / "b.npz", label="y", skip_corrupt=True)


def test_a_saved_row_number_is_refused_where_all_columns_are_taken(tmp_path):
    path = write(tmp_path / "a.parquet", content() | {"__index_level_0__": np.arange(8)})
    with pytest.raises(ValueError, match=r"column 5 has the name '__index_level_0__'; if it"):
        open_shards(path, label="y")
    assert open_shards(path, label="y", features=["a"]).features == ("a",)


def test_says_how_far_it_is_where_opening_takes_long(tmp_path, monkeypatch, capfd):
    for number in range(3):
        write(tmp_path / f"{number}.npz", content())
    open_shards(tmp_path, label="y")
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr(shards, "PATIENCE", -1.0)
    open_shards(tmp_path, label="y")
    assert capfd.readouterr().err.splitlines()[-1] == "opening shards: 2 of 3"
