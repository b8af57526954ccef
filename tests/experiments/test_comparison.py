"""Runs side by side: what differs is shown, to the unit in the last place."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.comparison import compare, distance, sides_of

FAKES = ("steady_gauge", "tight_bound", "broken_pump")
FOLDER = Path(__file__).parent / "fakes"

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two runs of one gauge that reads an ulp more the second time, and a longer one; another."""
    folder = tmp_path_factory.mktemp("runs")
    a, b, long, other = (str(folder / name) for name in ("a", "b", "long", "other"))
    above = repr(float(np.nextafter(np.float32(0.5), np.float32(1))))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        main(["run", "steady_gauge", "tight_bound", "--quick", "--out", a], FAKES)
        main(["run", "steady_gauge", "--config", "tiny", "--level", above, "--out", b], FAKES)
        main(["run", "steady_gauge", "--readings", "5", "--out", long], FAKES)
        main(["run", "broken_pump", "--out", other], FAKES)
    return folder


def table(sides, name):
    return next(each.columns for each in compare(sides) if each.name == name)


def test_what_two_folders_share_is_compared(folders):
    found = sides_of([folders / "a", folders / "b"])
    assert list(found) == ["steady_gauge"]
    sides = found["steady_gauge"]
    assert [side.name for side in sides] == ["A", "B"]
    facts = table(sides, "circumstances")
    row = facts["fact"].index("config: level")
    assert facts["A"][row] == "0.5"
    assert float(facts["B"][row]) > 0.5
    assert "python" not in facts["fact"]


def test_claims_stand_side_by_side(folders):
    claims = table(sides_of([folders / "a", folders / "b"])["steady_gauge"], "claims")
    row = claims["claim"].index("largest reading")
    assert claims["A"][row] == 0.5
    assert claims["B over A"][row] == pytest.approx(1, abs=1e-6)
    assert claims["B holds"] == ["yes", "yes"]
    assert claims["B over A"][claims["claim"].index("readings that differ")] is None


def test_columns_are_an_ulp_apart(folders):
    columns = table(sides_of([folders / "a", folders / "b"])["steady_gauge"], "columns")
    row = columns["column"].index("value")
    assert columns["runs"][row] == "B from A"
    assert (columns["rows"][row], columns["that differ"][row]) == ("3", 3)
    assert columns["largest difference"][row] == 2.0**-24
    assert columns["float32 ulp"][row] == pytest.approx(1, abs=1e-6)
    assert columns["float64 ulp"][row] == pytest.approx(2.0**29, rel=1e-6)
    assert columns["that differ"][columns["column"].index("reading")] == 0
    assert "remark" not in columns["column"]


def test_columns_of_other_lengths_say_so(folders):
    sides = sides_of([folders / "a" / "steady_gauge", folders / "long" / "steady_gauge"])
    columns = table(sides["steady_gauge"], "columns")
    assert columns["rows"] == ["3 and 5", "3 and 5"]
    assert columns["relative"] == [None, None]


def test_a_run_that_did_not_finish_has_no_claims(folders):
    sides = sides_of([folders / "other", folders / "other"])["broken_pump"]
    assert [each.name for each in compare(sides)] == []


def test_the_command_prints_and_writes_a_page(folders, tmp_path, capsys):
    page = tmp_path / "page.html"
    words = ["compare", str(folders / "a"), str(folders / "b"), "--out", str(page)]
    assert main(words, FAKES) == 0
    shown = capsys.readouterr().out
    assert "largest reading" in shown
    assert f"page: {page}" in shown
    text = page.read_text()
    assert "float32 ulp" in text
    assert "Does a steady gauge read what it should" in text


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a"], "compare takes 2 to 26 folders, got 1"),
        (["a", "nowhere"], "no run has left a folder in"),
        (["a", "other"], "the folders have no experiment in common"),
    ],
)
def test_folders_that_cannot_be_compared_are_one_line(folders, capsys, names, said):
    assert main(["compare", *(str(folders / name) for name in names)], FAKES) == 2
    assert said in capsys.readouterr().err


def test_two_runs_of_one_experiment_in_one_folder_are_one_line(folders, tmp_path, capsys):
    for copy in ("steady_gauge", "steady_gauge_of_old"):
        shutil.copytree(folders / "a" / "steady_gauge", tmp_path / copy)
    assert main(["compare", str(tmp_path), str(folders / "b")], FAKES) == 2
    assert f"{tmp_path} holds two runs of steady_gauge" in capsys.readouterr().err


def test_distance_knows_infinities_and_nan():
    inf, nan = math.inf, math.nan
    assert distance([inf, nan, None, 0.0], [inf, nan, nan, -0.0]).differing == 0
    assert distance([1.0, inf], [nan, -inf])[1:] == (2, inf, inf)
    assert distance([], []) == (0, 0, 0.0, 0.0)
