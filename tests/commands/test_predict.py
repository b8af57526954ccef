"""``bcejax predict``: columns by name, digits to the last, bad files in one line."""

import csv

import numpy as np
import pytest

from bcejax.calibration.calibrators import TemperatureScaling, save_calibrator
from bcejax.commands.entry import enter
from bcejax.commands.model_file import Model, save_model
from bcejax.data import Standardizer
from bcejax.solvers import SolverStatus

PLAIN = Standardizer(np.zeros(2), np.ones(2))
MODEL = Model(
    ("a", "b"), "y", PLAIN, np.array([2.0, -1.0]), np.array(0.5), np.diag([0.25, 0.0, 1.0])
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder of the test, with a model in it."""
    monkeypatch.chdir(tmp_path)
    save_model(MODEL, "model.npz")
    return tmp_path


def written(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_columns_are_found_by_name(folder):
    (folder / "new.csv").write_text('b,name,a\n3,"x,y",1\n-1,,-400\n')
    assert enter(["predict", "model.npz", "new.csv"]) == 0
    first, second = written(folder / "predictions.csv")
    assert list(first) == ["row", "logit", "prob", "lower", "upper"]
    assert float(first["logit"]) == 2 - 3 + 0.5
    assert float(second["logit"]) == -798.5
    assert float(second["prob"]) == 0  # below the smallest number
    assert [first["row"], second["row"]] == ["1", "2"]
    reach = 1.959963984540054 * np.sqrt(0.25 + 1)
    ends = [float(first[name]) for name in ("lower", "prob", "upper")]
    exact = 1 / (1 + np.exp(0.5 - np.array([-reach, 0, reach])))
    np.testing.assert_allclose(ends, exact, rtol=1e-14)


def test_a_calibrator_and_no_covariance(folder, capsys):
    temperature = TemperatureScaling.fit([0, 1, 0, 1], logits=[-4.0, -4.0, 4.0, 4.0])
    save_calibrator(temperature, "calibrator.npz")
    save_model(MODEL._replace(covariance=None, status=SolverStatus.SEPARATED), "model.npz")
    (folder / "new.csv").write_text("a,b\n1,3\n")
    words = ["predict", "model.npz", "new.csv", "--calibrator", "calibrator.npz", "--out", "p.csv"]
    assert enter(words) == 0
    (row,) = written(folder / "p.csv")
    assert list(row) == ["row", "logit", "prob", "calibrated_prob"]
    assert float(row["calibrated_prob"]) == pytest.approx(0.5, abs=1e-6)
    assert "the model is separated: a hyperplane" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no.npz", "a.csv"], "no.npz cannot be opened: No such file"),
        (["a.csv", "a.csv"], "a.csv is not a whole npz archive"),
        (["model.npz", "no.csv"], "there is no file no.csv"),
        (["model.npz", "a.csv"], "a.csv has no column 'b'; did you mean 'B'? it has a, B"),
        (["model.npz", "text.csv"], "text.csv, row 2, column 'a': 'old' is not a number"),
        (["model.npz", "empty.csv"], "row 1, column 'b': the value is missing (nan)"),
        (["model.npz", "inf.csv"], "row 2, column 'b': infinite value"),
        (["model.npz", "ok.csv", "--out", "ok.csv"], "ok.csv would be written over"),
        (["model.npz", "ok.csv", "--out", "ok.txt"], "out ok.txt must end in .csv"),
        (["model.npz", "ok.csv", "--out", "no/p.csv"], "there is no folder no"),
        (["model.npz", "ok.csv", "--confidence", "95"], "confidence is 95.0; it must lie"),
        (["model.npz", "ok.csv", "--calibrator", "model.npz"], "holds no calibrator"),
    ],
)
def test_status_2_and_one_line_for_what_cannot_be_done(words, message, capsys, folder):
    for name, text in (
        ("a.csv", "a,B\n1,2\n"),
        ("ok.csv", "a,b\n1,2\n"),
        ("text.csv", "a,b\n1,2\nold,2\n"),
        ("empty.csv", "a,b\n1,\n"),
        ("inf.csv", "a,b\n1,2\n1,inf\n"),
    ):
        (folder / name).write_text(text)
    assert enter(["predict", *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert message in told.err
    assert told.err.count("\n") == 1
    assert not (folder / "predictions.csv").exists()
