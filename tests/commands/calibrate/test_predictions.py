"""Good files are read whole; each bad one is one line that names the place and the fault."""

import gzip

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from bcejax.commands.calibrate.predictions import MOST_GROUPS, read_predictions

GOOD = 'id, y ,p,w,g\na,1,0.75,2,north\n\n"b\nc",0,0.5,1,\nd,1, 1 ,0.5,"x,y"\n'


def written(tmp_path, content, name="model.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_csv_whatever_its_other_columns_hold(tmp_path):
    path = written(tmp_path, GOOD)
    got = read_predictions(path, label="y", prob="p", weight="w", group="g")
    np.testing.assert_array_equal(got.labels, [1, 0, 1])
    np.testing.assert_array_equal(got.probs, [0.75, 0.5, 1])
    np.testing.assert_array_equal(got.weights, [2, 1, 0.5])
    assert got.groups.tolist() == ["north", "", "x,y"]
    assert got.logits is None
    assert {each.dtype for each in got[:2]} == {np.dtype("float64")}
    assert list(got.scores) == ["probs"]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\xef\xbb\xbfy,z\r\nTRUE,-inf\r\nfalse,1e-3\r\n", "a.csv"),
        (gzip.compress(b"y,z\n1,-inf\n0,1e-3\n", mtime=0), "a.CSV.gz"),
    ],
)
def test_marks_truth_values_compression_and_infinite_logits(tmp_path, content, name):
    got = read_predictions(written(tmp_path, content, name), label="y", logit="z")
    np.testing.assert_array_equal(got.labels, [1, 0])
    np.testing.assert_array_equal(got.logits, [-np.inf, 1e-3])


def test_parquet_of_narrow_types(tmp_path):
    path = tmp_path / "a.parquet"
    columns = {
        "g": pyarrow.array(["a", None, "b"]).dictionary_encode(),
        "p": pyarrow.array([0.1, 0.2, 0.3], pyarrow.float32()),
        "y": [True, False, True],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    got = read_predictions(path, label="y", prob="p", group="g")
    np.testing.assert_array_equal(got.labels, [1, 0, 1])
    np.testing.assert_array_equal(got.probs, np.array([0.1, 0.2, 0.3], np.float32))
    assert got.groups.tolist() == ["a", "", "b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n\n", "cannot be read: .*Empty CSV"),
        ("y,p\n", "holds column names but no rows"),
        ("y,q\n1,0.5\n", r"has no column 'p'; it has y, q"),
        ("y,P\n1,0.5\n", r"has no column 'p'; did you mean 'P'\? it has y, P"),
        ("y;p\n1;0.5\n", r"has no column 'y'; its columns are parted by ';', commas are"),
        ("y,p,p\n1,0.5,0.5\n", "2 columns are named 'p'"),
        ("y;p\n1;0,5\n0;0,25\n", r"cannot be read: .*; are its columns parted by commas\?$"),
        ("y|p\n1|0.5\n", r"has no column 'y'; its columns are parted by '\|', commas are"),
        (b"y\x1f\x8b,p\n\x96\x02\r\x1b,1,1\n", "cannot be read: "),
        ("y,p\n1,0.5\n0,abc\n", "row 2, column 'p': 'abc' is not a number"),
        ("y,p\n1,0.5\n0,85%\n", r"'85%' is not a number; probabilities lie in \[0, 1\]"),
        ("y,p\n1,1_0\n0,1\n", "'1_0' is not a number"),
        ("y,p\nyes,0.5\n", "row 1, column 'y': 'yes' is not a number; give one class label 1"),
        ("y,p\n1,0.5\n0,\n", r"row 2, column 'p': the value is missing \(nan\)$"),
        ("y,p\n1,nan\n0,NaN\n", "row 1, column 'p': .* missing .*, and 1 more"),
        ("y,p\n1,85\n0,15\n", "row 1, column 'p': probs .* divide percentages by 100"),
        ("y,p\n1,1.0000000000000002\n0,0.2\n0,85\n", "row 3, column 'p': probs"),
        ("y,p\n1,0.5\n0,-2\n", "row 2, column 'p': .* is it --logit"),
        ("y,p\n1,inf\n0,0.5\n", "row 1, column 'p': probs lie"),
        ("y,p\n1,0.5\n2,0.5\n0,0.5\n", "row 2, column 'y': .* classes 0, 1, 2"),
        ("y,p\n1,0.5\n0.5,0.5\n", "row 2, column 'y': labels are 0 or 1 here, found 0.5"),
        ("y,p\n0.5,0.5\n1,0.5\n7,0.5\n", "row 3, column 'y': .* 7"),
        ("y,p\n1,0.5\n1,0.4\n", "column 'y': one class only: all 2 labels that count are 1"),
        ("y,p\n1,0.5\n1\n", "cannot be read: .*Expected 2 columns, got 1"),
        (b"y,p\n1,0.5\n0,\xff\n", "cannot be read: .*UTF8"),
        ("y,p\n1,0.5\n0,0.2\n".encode("utf-16"), "is not UTF-8 text; save it as CSV in UTF-8$"),
        ("y,p\n1,0.5\n0,0.2\n".encode("utf-16-le"), "is not UTF-8 text; save it as CSV in UTF-8$"),
        ("\xe4,y,p\n1,1,0.5\n".encode("latin-1"), "is not UTF-8 text; save it as CSV in UTF-8$"),
    ],
)
def test_a_bad_csv_is_one_line(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(ValueError, match=message) as caught:
        read_predictions(path, label="y", prob="p")
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("y,p,w\n1,0.5,1\n0,0.5,-1\n", "row 2, column 'w': weights are finite and >= 0, found -1"),
        ("y,p,w\n1,0.5,inf\n0,0.5,1\n", "row 1, column 'w': .* found inf"),
        ("y,p,w\n1,0.5,0\n0,0.5,0\n", "column 'w': every weight is 0"),
        ("y,p,w\n1,0.5,1\n0,0.5,0\n", "one class only: all 1 labels that count are 1"),
    ],
)
def test_bad_weights(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read_predictions(written(tmp_path, content), label="y", prob="p", weight="w")


@pytest.mark.parametrize("cells", [[[1], [2]], [{"a": 1}, {"a": 2}], [b"a", b"\xff"]])
def test_groups_that_are_no_text(tmp_path, cells):
    path = tmp_path / "groups.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"y": [0, 1], "p": [0.5, 0.5], "g": cells}), path)
    with pytest.raises(ValueError, match=r"groups.parquet, column 'g': .* is not text$"):
        read_predictions(path, label="y", prob="p", group="g")


def test_files_that_are_none_or_of_another_kind(tmp_path):
    whole = tmp_path / "whole.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"y": [0, 1], "p": ["a", "b"]}), whole)
    torn = written(tmp_path, whole.read_bytes()[:-20], "torn.parquet")
    squeezed = written(tmp_path, gzip.compress(b"y,p\n1,0.5\n" * 99)[:-20], "torn.csv.gz")
    lists = tmp_path / "lists.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"y": [0, 1], "p": [[0.5], [0.5]]}), lists)
    (tmp_path / "folder.csv").mkdir()
    for path, message in [
        (tmp_path / "no.csv", "there is no file"),
        (tmp_path / "folder.csv", "is a folder"),
        (written(tmp_path, "y,p", "a.xlsx"), "the suffix must be one of .csv, .csv.gz, .parquet"),
        (torn, "cannot be read: "),
        (squeezed, "cannot be read: "),
        (whole, "row 1, column 'p': 'a' is not a number"),
        (lists, "column 'p' holds list<.*>, not numbers"),
    ]:
        with pytest.raises(ValueError, match=message) as caught:
            read_predictions(path, label="y", prob="p")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({}, "give exactly one of --prob and --logit; neither came"),
        ({"prob": "p", "logit": "p"}, "give exactly one of --prob and --logit; both came"),
        ({"prob": "y"}, "column 'y' is asked for twice"),
    ],
)
def test_names_that_cannot_be(tmp_path, names, message):
    with pytest.raises(ValueError, match=message):
        read_predictions(written(tmp_path, GOOD), label="y", **names)


def test_too_many_groups(tmp_path):
    rows = "".join(f"{number % 2},0.5,{number}\n" for number in range(MOST_GROUPS + 1))
    path = written(tmp_path, "y,p,g\n" + rows)
    with pytest.raises(ValueError, match=f"column 'g': {MOST_GROUPS + 1} groups; --group takes up"):
        read_predictions(path, label="y", prob="p", group="g")
