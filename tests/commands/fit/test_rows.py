"""What a file gives to learn from; each bad file is one line."""

import numpy as np
import pytest
from pyarrow import csv, parquet

from bcejax.commands.fit.rows import read_rows

GOOD = "id,age,ill,w,bmi\na,40,0,1,22.5\nb,61,true,2,31\nc,50,0,0,28\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "patients.csv"


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"drop": ["id", "w"]}, ("age", "bmi")),
        ({"drop": ["id"], "weight": "w"}, ("age", "bmi")),
        ({"features": ["bmi", "age"]}, ("bmi", "age")),
    ],
)
def test_columns_that_are_asked_for(asked, names, path):
    path.write_text(GOOD)
    rows = read_rows(path, label="ill", **asked)
    assert rows.names == names
    columns = {"age": [40, 61, 50], "bmi": [22.5, 31, 28]}
    np.testing.assert_array_equal(rows.inputs, np.transpose([columns[name] for name in names]))
    np.testing.assert_array_equal(rows.labels, [0, 1, 0])
    if "weight" in asked:
        np.testing.assert_array_equal(rows.weights, [1, 2, 0])
    else:
        assert rows.weights is None


def test_parquet_gives_what_the_same_csv_gives(path):
    path.write_text("age,ill,bmi\n40,0,22.5\n61,1,31\n")
    table = path.with_suffix(".parquet")
    parquet.write_table(csv.read_csv(path), table)
    one, other = (read_rows(each, label="ill") for each in (path, table))
    assert one.names == other.names == ("age", "bmi")
    np.testing.assert_array_equal(one.inputs, other.inputs)
    np.testing.assert_array_equal(one.labels, other.labels)


@pytest.mark.parametrize(
    ("content", "asked", "message"),
    [
        (GOOD, {}, "row 1, column 'id': 'a' is not a number; give text a number, or leave the"),
        (GOOD, {"drop": ["Id"]}, "has no column 'Id'; did you mean 'id'"),
        (GOOD, {"features": ["age", "ill"]}, "column 'ill' is asked for twice"),
        (GOOD, {"features": ["age"], "drop": ["age"]}, "column 'age' is asked for twice"),
        ("ill\n1\n0\n", {}, "has no column besides 'ill' to learn from"),
        ("ill,,a\n1,0,2\n0,1,3\n", {}, "column 2 has no name; if it numbers the rows"),
        ("ill,a,a\n1,0,2\n0,1,3\n", {}, "2 columns are named 'a'"),
        ("ill,a\n1,0\n0,\n", {}, "row 2, column 'a': the value is missing"),
        ("ill,a\n1,0\n0,-inf\n", {}, "row 2, column 'a': infinite value"),
        ("ill,a\n1,0\n0,-1e308\n", {}, "row 2, column 'a': the value 1e.308 is too large: does"),
        ("ill,a\n1,0\n1,2\n", {}, "one class only: all 2 labels that count are 1"),
        ("ill,a\n1,0\n0,2\n", {"weight": "ill"}, "column 'ill' is asked for twice"),
    ],
)
def test_a_bad_file_is_one_line(content, asked, message, path):
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_rows(path, label="ill", **asked)
    assert "\n" not in str(caught.value)
