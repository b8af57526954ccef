"""Round trips through all formats, and the one line that each fault gets."""

import csv
import gzip
import re
import sys
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bcejax.data import csv_reader, load_table

GOOD = "age,bmi,ill\n40,22.5,0\n61,31,1\n52,27.25,1\n"
FINITE = st.floats(allow_nan=False, allow_infinity=False)
IN_A_FOLDER = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TABLES = st.lists(st.tuples(FINITE, FINITE, st.floats(0, 1), st.floats(0, 1e9)), min_size=1)


@pytest.fixture
def write(tmp_path):
    def put(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return put


def refusal(path, **kwargs):
    """The message of the ValueError, which must be one line that opens with the path."""
    with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        load_table(path, **({"label": "ill"} | kwargs))
    message = str(caught.value)
    assert type(caught.value) is ValueError
    assert "\n" not in message
    return message.removeprefix(str(path))


def assert_same(got, want):
    assert got.features == want.features
    for mine, other in zip(got.batch, want.batch, strict=True):
        np.testing.assert_array_equal(mine, other)


# --- what is read


def test_a_table_is_whole(write):
    table = load_table(write(GOOD, "patients.csv"), label="ill")
    assert (table.name, table.label, table.features) == ("patients", "ill", ("age", "bmi"))
    assert table.source.endswith("patients.csv")
    assert table.batch.inputs.tolist() == [[40, 22.5], [61, 31], [52, 27.25]]
    assert table.batch.labels.tolist() == [0, 1, 1]
    assert table.batch.weights is None
    assert {array.dtype for array in table.batch[:2]} == {np.dtype(np.float64)}
    assert all(type(array) is np.ndarray for array in table.batch[:2])


@pytest.mark.parametrize("name", ["my.data.v2.csv", "my.data.v2.CSV"])
def test_the_name_is_the_file_without_its_suffix(write, name):
    assert load_table(write(GOOD, name), label="ill").name == "my.data.v2"


def test_label_and_weights_may_stand_anywhere(write):
    path = write("w,a,y,b\n1,2,0,3\n0.5,4,1,5\n")
    table = load_table(str(path), label="y", weights="w")
    assert table.features == ("a", "b")
    assert table.batch.inputs.tolist() == [[2, 3], [4, 5]]
    assert table.batch.weights.tolist() == [1, 0.5]


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40
)
@given(rows=TABLES)
def test_every_format_gives_the_same_numbers(tmp_path, rows):
    names = ("x", "z", "y", "w")
    columns = dict(zip(names, np.array([(0, 0, 0.5, 1), *rows]).T, strict=True))
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([names, *zip(*(c.tolist() for c in columns.values()), strict=True)])
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress((tmp_path / "t.csv").read_bytes()))
    pa.parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    np.savez(tmp_path / "t.npz", **columns)
    for suffix in ("csv", "csv.gz", "parquet", "npz"):
        table = load_table(tmp_path / f"t.{suffix}", label="y", weights="w")
        assert table.name == "t"
        assert table.features == ("x", "z")
        np.testing.assert_array_equal(table.batch.inputs, np.stack([columns["x"], columns["z"]], 1))
        np.testing.assert_array_equal(table.batch.labels, columns["y"])
        np.testing.assert_array_equal(table.batch.weights, columns["w"])
        assert {array.dtype for array in table.batch} == {np.dtype(np.float64)}


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip("\n"),
        GOOD.replace("\n", "\n\n"),
        "\n" + GOOD,
        '"age","bmi","ill"\n"40","22.5","0"\n"61","31","1"\n"52","27.25","1"\n',
        'age, "bmi", ill\n 40, 22.5, 0\n61 ,31 ,1 \n52,27.25,1\n',
        "age,bmi,ill\n40,22.5,false\n61,31,true\n52,27.25,true\n",
        "age,bmi,ill\n40,22.5,FALSE\n61,31,True\n52,27.25,1\n",
        "age,bmi,ill\n40,22.5,0\n61,31,TRUE\n52,27.25,1\n",
        'age,bmi,ill\n4e1,+22.5,"False"\n6.1E+1,31.,1.0\n52,27.25,"true"\n',
    ],
)
def test_ways_to_write_the_same_csv(write, content):
    want = load_table(write(GOOD), label="ill")
    assert_same(load_table(write(content, "u.csv"), label="ill"), want)
    packed = write(gzip.compress(content.encode()), "U.CSV.GZ")
    assert_same(load_table(packed, label="ill"), want)


def test_a_header_may_hold_commas_and_line_breaks(write):
    table = load_table(write('"a,b","c\nd",y\n1,2,0\n3,4,1\n'), label="y")
    assert table.features == ("a,b", "c\nd")


def test_names_with_line_breaks_do_not_break_the_message(write):
    want = r" has no column 'ill'; it has 'a\nb', y"
    assert refusal(write('"a\nb",y\n1,0\n2,1\n')) == want


def test_line_numbers_count_lines_of_the_file(write):
    path = write('"a\nb",y\n\n1,0\n\nx,1\n')
    assert refusal(path, label="y") == ", line 6, column 'a\\nb': 'x' is not a number"


CELLS = st.one_of(
    FINITE.map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(["true", "FALSE", "1e5", " 7 ", "-.5", "5.", '"8"', "+1"]),
    st.sampled_from(
        ["", "nan", "inf", "1e999", "x", "1_0", "\u0663", "0x1", "1,2", "--1", '"', "#"]
    ),
)


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150
)
@given(cells=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=4))
def test_the_fast_road_says_what_the_slow_one_says(tmp_path, cells):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{a},{b}\n" for a, b in cells), encoding="utf-8")
    names = ("a", "b")
    with path.open(encoding="utf-8") as lines:
        next(lines)
        fast = csv_reader._parse_fast(lines, 2)
    if fast is not None:
        np.testing.assert_array_equal(fast, csv_reader._parse_slow(path, names, "b"))


def test_soft_labels_are_welcome(write):
    table = load_table(write("a,y\n1,0.25\n2,0.75\n"), label="y")
    assert table.batch.labels.tolist() == [0.25, 0.75]
    assert load_table(write("a,y\n1,0.3\n2,0.3\n"), label="y").batch.labels.tolist() == [0.3, 0.3]


def test_long_files_show_progress(write, monkeypatch, capsys):
    monkeypatch.setattr(csv_reader, "PATIENCE", 0.0)
    path = write("a,y\n" + "1,0\n2,1\n" * 5000)
    load_table(path, label="y")
    said = capsys.readouterr().err.splitlines()
    assert all(re.fullmatch(r"reading .*t\.csv: +\d+%", line) for line in said[:-1])
    assert re.fullmatch(r"read .*t\.csv in \d+ s", said[-1])


def test_short_files_are_silent(write, capsys):
    load_table(write(GOOD), label="ill")
    assert capsys.readouterr() == ("", "")


# --- widths


def test_parquet_and_npz_keep_narrow_numbers_narrow(tmp_path):
    columns = {
        "half": np.array([0.5, 1.5], np.float16),
        "single": np.array([0.1, 0.2], np.float32),
        "short": np.array([-3, 4], np.int16),
        "truth": np.array([True, False]),
        "y": np.array([False, True]),
        "w": np.array([1, 2], np.uint8),
    }
    wide = columns | {"middle": np.array([2**31 - 1, 7], np.int32)}
    huge = columns | {"long": np.array([2**60 + 1, 7], np.int64)}  # rounded to the nearest
    for content, dtype in ((columns, np.float32), (wide, np.float64), (huge, np.float64)):
        pa.parquet.write_table(pa.table(content), tmp_path / "t.parquet")
        np.savez(tmp_path / "t.npz", **content)
        for suffix in ("parquet", "npz"):
            batch = load_table(tmp_path / f"t.{suffix}", label="y", weights="w").batch
            want = [c for name, c in content.items() if name not in ("y", "w")]
            np.testing.assert_array_equal(batch.inputs, np.stack(want, 1, dtype=dtype))
            assert batch.inputs.dtype == dtype
            assert batch.labels.dtype == batch.weights.dtype == np.float32
            assert batch.labels.tolist() == [0, 1]


def test_decimals_of_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    decimals = pa.array(["1.25", "-3.5"]).cast(pa.decimal128(5, 2))
    pa.parquet.write_table(pa.table({"a": decimals, "y": [0, 1]}), path)
    assert load_table(path, label="y").batch.inputs.tolist() == [[1.25], [-3.5]]


def test_blocks_of_npz(tmp_path):
    inputs = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.savez(tmp_path / "t.npz", inputs=inputs, age=[[7], [8], [9]], labels=[0, 1, 1])
    table = load_table(tmp_path / "t.npz", label="labels")
    assert table.features == ("inputs_0", "inputs_1", "age")
    np.testing.assert_array_equal(table.batch.inputs, np.c_[inputs, [7, 8, 9]])
    assert table.batch.inputs.flags.c_contiguous


def test_compressed_npz(tmp_path):
    np.savez_compressed(tmp_path / "t.npz", a=[1.0, 2.0], y=[[0], [1]])
    assert load_table(tmp_path / "t.npz", label="y").batch.labels.tolist() == [0, 1]


# --- faults of any file


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*x\.csv"):
        load_table(tmp_path / "x.csv", label="y")


@pytest.mark.parametrize("name", ["t.txt", "t.tsv", "t", "t.csv.zip", "t.gz"])
def test_unknown_suffix(write, name):
    want = ": the suffix must be one of .csv, .csv.gz, .parquet, .npz"
    assert refusal(write(GOOD, name)) == want


def test_a_folder(tmp_path):
    (tmp_path / "t.csv").mkdir()
    assert refusal(tmp_path / "t.csv") == " is a folder, not a file"


@pytest.mark.parametrize("kwargs", [{"label": 2}, {"label": None}, {"label": "ill", "weights": 0}])
def test_names_must_be_strings(write, kwargs):
    with pytest.raises(TypeError, match=r"(label|weights) must be the name of a column, got"):
        load_table(write(GOOD), **kwargs)


# --- faults of a CSV file

ALL = "age, bmi, ill"
MISSING = "the value is missing (nan)"
CSV_FAULTS = {
    "empty": ("", " is empty"),
    "blank": ("\n\n", " is empty"),
    "header only": ("age,bmi,ill\n", " holds column names but no rows"),
    "header and blanks": ("age,bmi,ill\n\n\n", " holds column names but no rows"),
    "no header": ("40,22.5,0\n61,31,1\n", ": the header must name the columns, but holds numbers"),
    "semicolons": (
        GOOD.replace(",", ";"),
        ": commas must part the cells, but the header has ';'",
    ),
    "tabs": (GOOD.replace(",", "\t"), r": commas must part the cells, but the header has '\t'"),
    "no label": (GOOD.replace("ill", "sick"), " has no column 'ill'; it has age, bmi, sick"),
    "near miss": (
        GOOD.replace("ill", "Ill"),
        " has no column 'ill'; did you mean 'Ill'? it has age, bmi, Ill",
    ),
    "only labels": ("ill\n0\n1\n", " has no column besides 'ill' to learn from"),
    "twice": (GOOD.replace("bmi", "age"), ": 2 columns are named 'age'; names must differ"),
    "nameless": (
        GOOD.replace("age", ""),
        ": column 1 has no name; if it numbers the rows leave it out, else name it",
    ),
    "index of pandas": (
        GOOD.replace("age", "Unnamed: 0"),
        ": column 1 has the name 'Unnamed: 0'; if it numbers the rows leave it out, else name it",
    ),
    "open quote in header": ('age,"bmi,ill\n1,2,0\n', ", line 2: unexpected end of data"),
    "huge cell": (
        GOOD + "1" * 200_000 + ",1,1\n",
        ", line 5: field larger than field limit (131072)",
    ),
    "huge header": (
        "a" * 200_000 + ",ill\n1,1\n",
        ", line 1: field larger than field limit (131072)",
    ),
    "trailing comma": (
        GOOD.replace("ill\n", "ill,\n"),
        ": column 4 has no name; if it numbers the rows leave it out, else name it",
    ),
    "text": (GOOD.replace("31", "n/a"), ", line 3, column 'bmi': 'n/a' is not a number"),
    "text in gzip": (GOOD.replace("31", "n/a"), ", line 3, column 'bmi': 'n/a' is not a number"),
    "long text": (
        GOOD.replace("31", "x" * 1000),
        f", line 3, column 'bmi': '{'x' * 40}' is not a number",
    ),
    "underscore": (GOOD.replace("31", "3_1"), ", line 3, column 'bmi': '3_1' is not a number"),
    "comment": (
        GOOD.replace("31", "31 # high"),
        ", line 3, column 'bmi': '31 # high' is not a number",
    ),
    "text label": (
        GOOD.replace(",0\n", ",no\n"),
        ", line 2, column 'ill': 'no' is not a number; give one class label 1, the other 0",
    ),
    "missing": (GOOD.replace("31", ""), f", line 3, column 'bmi': {MISSING}"),
    "nan": (GOOD.replace("31", "NaN"), f", line 3, column 'bmi': {MISSING}"),
    "missing label": (GOOD.replace(",0\n", ",\n"), f", line 2, column 'ill': {MISSING}"),
    "inf": (GOOD.replace("31", "-inf"), ", line 3, column 'bmi': infinite value"),
    "overflow": (GOOD.replace("31", "1e400"), ", line 3, column 'bmi': infinite value"),
    "short line": (
        GOOD.replace("61,31,1", "61,1"),
        ", line 3: 2 cells, but the header names 3 columns",
    ),
    "long line": (
        GOOD.replace("61,31,1", "61,31,1,5"),
        ", line 3: 4 cells, but the header names 3 columns",
    ),
    "long lines": (
        "age,bmi,ill\n1,40,22.5,0\n2,61,31,1\n",
        ", line 2: 4 cells, but the header names 3 columns",
    ),
    "spaces": (GOOD + "   \n", ", line 5: 1 cell, but the header names 3 columns"),
    "open quote": (GOOD + '1,2,"1\n', ", line 5: unexpected end of data"),
    "one class": (
        "age,ill\n1,1\n2,1\n",
        ", column 'ill': one class only: all 2 labels are 1, and there is nothing to tell apart",
    ),
    "no positives": (
        "age,ill\n1,0\n2,false\n3,0\n",
        ", column 'ill': one class only: all 3 labels are 0, and there is nothing to tell apart",
    ),
}


@pytest.mark.parametrize("name", CSV_FAULTS)
def test_csv_faults(write, name):
    content, want = CSV_FAULTS[name]
    if "gzip" in name:
        assert refusal(write(gzip.compress(content.encode()), "t.csv.gz")) == want
    else:
        assert refusal(write(content)) == want


def test_many_names_are_cut(write):
    header = ",".join(f"x{i}" for i in range(57))
    message = refusal(write(header + "\n"), label="spam")
    assert message.startswith(" has no column 'spam'; it has x0, x1, ")
    assert message.endswith("x19 and 37 more")


@pytest.mark.parametrize(
    "content", [GOOD.encode("utf-16"), GOOD.replace("age", "\xe2ge").encode("latin-1")]
)
def test_csv_of_another_encoding(write, content):
    message = refusal(write(content), label="ill")
    assert re.fullmatch(r" is not UTF-8 text \(byte 0x\w\w: .*\); save it as UTF-8", message)


def test_another_encoding_far_down(write):
    content = GOOD.encode() + b"1,2,1\n" * 20000 + b"1,\xe9,1\n"
    assert " is not UTF-8 text (byte 0xe9: " in refusal(write(content))


@pytest.mark.parametrize("cut", [slice(0, -9), slice(0, 15), slice(5, None)])
def test_broken_gzip(write, cut):
    packed = gzip.compress((GOOD + "1,2,0\n" * 100).encode())
    assert refusal(write(packed[cut], "t.csv.gz")).startswith(" is not a whole gzip file: ")


# --- labels and weights


@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet"])
@pytest.mark.parametrize(
    ("labels", "row", "words"),
    [
        ([0, 1, 2, 1], 2, r"optax\.softmax_cross_entropy"),
        ([0, 100, 85, 1], 1, r"divide percentages by 100"),
        ([2, 1, 1, 2], 0, r"map them with labels - 1"),
        ([0.5, 1, 0, -0.25], 3, r"labels lie in \[0, 1\], found -0.25 to 1.0"),
        ([1 + 4e-16, 0, 1.5, 0], 2, r"labels lie in \[0, 1\], found 0.0 to 1.5"),
        ([1, -1, -1, 1], 1, r"map them with \(labels \+ 1\) / 2"),
    ],
)
def test_labels_outside_their_range(tmp_path, suffix, labels, row, words):
    path = tmp_path / f"t.{suffix}"
    save(path, {"a": np.arange(4.0), "ill": np.array(labels, float)})
    place = f"line {row + 2}" if suffix == "csv" else f"row {row} (the first is 0)"
    message = refusal(path)
    assert message.startswith(f", {place}, column 'ill': ")
    assert re.search(words, message)


@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet"])
@pytest.mark.parametrize(
    ("weights", "want"),
    [
        ([1, 0, -2.5, 1], "{2}, column 'w': weight -2.5 is negative"),
        ([0, 0, 0, 0], ", column 'w': every weight is 0"),
        ([1, np.nan, 0, 1], "{1}, column 'w': " + MISSING),
        ([1, 1, np.inf, 0], "{2}, column 'w': infinite value"),
        ([0, 3, 4, 0], ", column 'ill': one class only: all 2 labels are 1, and there is"),
    ],
)
def test_faults_of_weights(tmp_path, suffix, weights, want):
    path = tmp_path / f"t.{suffix}"
    save(path, {"a": np.arange(4.0), "ill": np.array([0, 1, 1, 0]), "w": np.array(weights)})
    places = [
        f", line {i + 2}" if suffix == "csv" else f", row {i} (the first is 0)" for i in range(4)
    ]
    assert refusal(path, weights="w").startswith(want.format(*places))


def test_weights_column_missing_or_the_label(write):
    path = write(GOOD)
    assert refusal(path, weights="w") == f" has no column 'w'; it has {ALL}"
    assert refusal(path, weights="ill") == ": label and weights are both column 'ill'"


def save(path, columns):
    """Columns to a file, nan as nan."""
    if path.suffix == ".npz":
        np.savez(path, **columns)
    elif path.suffix == ".parquet":
        pa.parquet.write_table(pa.table(columns), path)
    else:
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        lines = [",".join(columns), *(",".join(map(repr, row)) for row in rows)]
        path.write_text("\n".join(lines))


# --- faults of a Parquet file


@pytest.mark.parametrize(
    ("column", "want"),
    [
        (pa.array(["x", "y"]), ", column 'a' holds string, not numbers"),
        (pa.array(["1", "2"]), ", column 'a' holds string, not numbers"),
        (pa.array([[1], [2]]), ", column 'a' holds list<element: int64>, not numbers"),
        (pa.array([1, 2], pa.timestamp("s")), ", column 'a' holds timestamp[ms], not numbers"),
        (pa.array([1, None]), f", row 1 (the first is 0), column 'a': {MISSING}"),
        (pa.array([None, True]), f", row 0 (the first is 0), column 'a': {MISSING}"),
        (pa.array([None, None]), f", row 0 (the first is 0), column 'a': {MISSING}"),
        (pa.array([1, np.nan]), f", row 1 (the first is 0), column 'a': {MISSING}"),
        (pa.array([1, np.inf]), ", row 1 (the first is 0), column 'a': infinite value"),
    ],
)
def test_parquet_columns_without_numbers(tmp_path, column, want):
    path = tmp_path / "t.parquet"
    pa.parquet.write_table(pa.table({"a": column, "ill": [0, 1]}), path)
    assert refusal(path) == want


def test_parquet_names(tmp_path):
    path = tmp_path / "t.parquet"
    columns = [pa.array([1, 2]), pa.array([3, 4]), pa.array([0, 1])]
    pa.parquet.write_table(pa.Table.from_arrays(columns, ["a", "b", "ill"]), path)
    assert refusal(path, label="Il") == " has no column 'Il'; did you mean 'ill'? it has a, b, ill"
    pa.parquet.write_table(pa.Table.from_arrays(columns, ["a", "a", "ill"]), path)
    assert refusal(path) == ": 2 columns are named 'a'; names must differ"


def test_parquet_with_the_index_of_pandas(tmp_path):
    path = tmp_path / "t.parquet"
    pa.parquet.write_table(pa.table({"ill": [0, 1], "__index_level_0__": [4, 7]}), path)
    assert refusal(path).startswith(": column 2 has the name '__index_level_0__'; if it numbers")


def test_parquet_without_columns(tmp_path):
    pa.parquet.write_table(pa.table({}), tmp_path / "t.parquet")
    assert refusal(tmp_path / "t.parquet") == " is empty"


def test_parquet_without_rows(tmp_path):
    path = tmp_path / "t.parquet"
    pa.parquet.write_table(
        pa.table({"a": pa.array([], "float32"), "ill": pa.array([], "int8")}), path
    )
    assert refusal(path) == " holds column names but no rows"


def test_broken_parquet(tmp_path, write):
    for content in (b"", b"hello", GOOD.encode() * 9):
        message = refusal(write(content, "t.parquet"))
        assert message.startswith(" is not a whole Parquet file: ")
    path = tmp_path / "t.parquet"
    pa.parquet.write_table(pa.table({"a": np.arange(1000.0), "ill": np.arange(1000) % 2}), path)
    content = bytearray(path.read_bytes())
    content[100:500] = bytes(400)
    message = refusal(write(bytes(content), "t.parquet"))
    assert message.startswith(" is not a whole Parquet file: ")


def test_parquet_without_pyarrow(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"reading Parquet needs pyarrow: pip install 'bcejax\[cli\]'"
    ):
        load_table(write(b"", "t.parquet"), label="y")
    assert load_table(write(GOOD), label="ill").features == ("age", "bmi")


# --- faults of an npz file


@pytest.mark.parametrize(
    ("arrays", "want"),
    [
        ({}, " is empty"),
        ({"inputs": np.eye(2), "y": [0, 1]}, " has no column 'ill'; it has inputs_0, inputs_1, y"),
        ({"ill": [0, 1]}, " has no column besides 'ill' to learn from"),
        (
            {"a": np.array(["x", "y"]), "ill": [0, 1]},
            ": array 'a' holds <U1, not numbers",
        ),
        ({"a": [1j, 2], "ill": [0, 1]}, ": array 'a' holds complex128, not numbers"),
        (
            {"a": np.array([1, "x"], object), "ill": [0, 1]},
            ": array 'a' cannot be read: Object arrays cannot be loaded when allow_pickle=False",
        ),
        ({"a": 3.0, "ill": [0, 1]}, ": array 'a' must be (n,) or (n, k), got ()"),
        (
            {"a": np.ones((2, 2, 2)), "ill": [0, 1]},
            ": array 'a' must be (n,) or (n, k), got (2, 2, 2)",
        ),
        ({"a": [1, 2, 3], "ill": [0, 1]}, ": array 'ill' has 2 rows, 'a' 3"),
        ({"a": [1, 2], "ill": np.eye(2)}, ": array 'ill' must be (n,), got (2, 2)"),
        (
            {"a": np.eye(2), "a_1": [1, 2], "ill": [0, 1]},
            ": 2 columns are named 'a_1'; names must differ",
        ),
        ({"a": [1, np.nan], "ill": [0, 1]}, f", row 1 (the first is 0), column 'a': {MISSING}"),
        (
            {"a": np.array([[1, 2], [3, -np.inf]]), "ill": [0, 1]},
            ", row 1 (the first is 0), column 'a_1': infinite value",
        ),
        ({"a": np.ones((0, 3)), "ill": []}, " holds column names but no rows"),
        ({"a": [], "ill": []}, " holds column names but no rows"),
        ({"a": np.ones((2, 0)), "ill": [0, 1]}, " has no column besides 'ill' to learn from"),
    ],
)
def test_npz_faults(tmp_path, arrays, want):
    path = tmp_path / "t.npz"
    np.savez(path, **arrays)
    assert refusal(path) == want


def test_broken_npz(tmp_path, write):
    np.savez(tmp_path / "good.npz", a=np.arange(500.0), ill=np.arange(500) % 2)
    content = (tmp_path / "good.npz").read_bytes()
    torn = content[:2000] + bytes(20) + content[2020:]
    np.save(tmp_path / "lone.npy", np.eye(2))
    for broken in (b"", b"hello", content[:-30], torn, (tmp_path / "lone.npy").read_bytes()):
        assert refusal(write(broken, "t.npz")).startswith(" is not a whole npz archive: ")


def test_npz_with_a_member_that_is_no_array(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert refusal(tmp_path / "t.npz") == ": array 'readme.txt' holds no array, not numbers"
