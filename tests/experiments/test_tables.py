import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv

from experiments import Table
from experiments.tables import read_table, write_table

COLUMNS = {
    "float64": (np.array([0.1, -0.0, 1e-300]), [0.1, -0.0, 1e-300]),
    "float32": (np.float32([0.1, 1, 2]), [float(np.float32(0.1)), 1.0, 2.0]),
    "float16": (np.float16([0.5, 1, 2]), [0.5, 1.0, 2.0]),
    "bfloat16": (jnp.array([0.5, 1, 2], jnp.bfloat16), [0.5, 1.0, 2.0]),
    "jax": (jnp.arange(3), [0, 1, 2]),
    "int": ([1, 2, 3], [1, 2, 3]),
    "bool": (np.array([True, False, True]), [True, False, True]),
    "scalars": ([np.float32(0.5), jnp.float32(1), 2.0], [0.5, 1.0, 2.0]),
    "missing": ([1.5, None, 2.5], [1.5, None, 2.5]),
    "infinite": ([math.inf, -math.inf, 0.0], [math.inf, -math.inf, 0.0]),
    "text": (["a", 'b,"c"', "d\ne"], ["a", 'b,"c"', "d\ne"]),
    "array of text": (np.array(["a", "b", "c"]), ["a", "b", "c"]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_comes_back_from_parquet(name, tmp_path):
    column, expected = COLUMNS[name]
    write_table(tmp_path, Table("t", "", {name: column}))
    assert read_table(tmp_path / "t.parquet") == {name: expected}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_comes_back_from_csv(name, tmp_path):
    column, expected = COLUMNS[name]
    write_table(tmp_path, Table("t", "", {name: column}))
    options = csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    back = csv.read_csv(tmp_path / "t.csv", parse_options=options)[name]
    if name in ("float32", "infinite"):  # the shortest text that gives the float32 again
        assert np.array_equal(back.to_numpy().astype(np.float32), np.float32(expected))
    else:
        assert back.to_pylist() == expected


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_every_digit_of_a_float64_comes_back(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("table")
    write_table(folder, Table("t", "", {"x": np.array(values)}))
    assert read_table(folder / "t.parquet")["x"] == values
    lines = (folder / "t.csv").read_text().splitlines()[1:]
    assert [float(line) for line in lines] == values


def test_nan_comes_back_as_nan(tmp_path):
    write_table(tmp_path, Table("t", "", {"x": [math.nan, 1.0]}))
    back = read_table(tmp_path / "t.parquet")["x"]
    assert math.isnan(back[0])
    assert back[1] == 1
