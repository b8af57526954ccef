"""``bcejax calibrate`` from its words to its folder; one real run serves most tests."""

import csv
import json
import os
import re

import jax
import numpy as np
import pytest

from bcejax.calibration.calibrators import load_calibrator
from bcejax.calibration.reporting.findings import CalibrationReport, Recalibration
from bcejax.commands.calibrate import entry as command
from bcejax.commands.calibrate.predictions import Predictions
from bcejax.commands.entry import enter
from bcejax.commands.folders import folder_for

RNG = np.random.default_rng(7)
LOGITS = 2 * RNG.normal(size=256)
PROBS = 1 / (1 + np.exp(-LOGITS))
LABELS = (RNG.random(256) < 1 / (1 + np.exp(-LOGITS / 2))).astype(int)
GROUPS = np.where(np.arange(256) % 3 == 0, "north <&> east", "south")
FILES = {
    *("report.html", "report.json", "table.csv", "calibrators.csv", "groups.csv"),
    *("calibrator.npz", "recalibrated.csv"),
    *(f"{name}.{kind}" for kind in ("svg", "png")
      for name in ("reliability", "recalibration", "histogram", "groups")),
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder that one run leaves; two calibrators are enough to choose from."""
    folder = tmp_path_factory.mktemp("calibrate")
    rows = zip(LABELS.tolist(), PROBS.tolist(), GROUPS, strict=True)
    lines = [f"row {i},{y},{p!r},{g}" for i, (y, p, g) in enumerate(rows)]
    (folder / "model.csv").write_text("\n".join(["id,ill,p,region", *lines]))
    words = ["--label", "ill", "--prob", "p", "--group", "region", "--resamples", "39"]
    out = folder / "new" / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "CONTESTANTS", ("temperature", "isotonic"))
        assert enter(["calibrate", str(folder / "model.csv"), *words, "--out", str(out)]) == 0
    return out


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_folder_is_whole(run):
    assert {path.name for path in run.iterdir()} == FILES


def test_table_and_json_say_the_same(run):
    report = json.loads((run / "report.json").read_text())
    rows = table(run / "table.csv")
    assert report["examples"] == 256
    for row in rows:
        value = report[row["part"]][row["name"]]["value"]
        assert float(row["value"]) == value
    assert {row["part"] for row in rows} == {"scores", "errors", "decompositions", "regression"}
    named = {row["name"]: row for row in rows}
    assert float(named["base_rate"]["value"]) == pytest.approx(LABELS.mean(), rel=1e-12)
    assert float(named["smooth_calibration_error"]["p_value"]) == pytest.approx(1 / 40)


def test_the_calibrator_comes_back_and_made_the_rows(run):
    report = json.loads((run / "report.json").read_text())
    scores = {row["calibrator"]: float(row["log_score"]) for row in table(run / "calibrators.csv")}
    del scores["none"]
    assert report["calibrator"] == min(scores, key=scores.get)
    rows = table(run / "recalibrated.csv")
    assert len(rows) == 256
    np.testing.assert_array_equal([float(row["prob"]) for row in rows], PROBS)
    assert [row["group"] for row in rows] == GROUPS.tolist()
    calibrated = np.array([float(row["calibrated_prob"]) for row in rows])
    with jax.enable_x64(True):
        again = load_calibrator(run / "calibrator.npz").probs(probs=PROBS)
    np.testing.assert_allclose(calibrated, again, rtol=1e-12)
    unseen = np.array([float(row["cross_fitted_prob"]) for row in rows])
    assert 0 < np.abs(unseen - calibrated).max() < 0.2


def test_groups_are_judged_one_by_one(run):
    south, north = table(run / "groups.csv")
    assert (south["group"], north["group"]) == ("south", "north <&> east")
    own = GROUPS == "south"
    assert int(south["examples"]) == own.sum()
    assert float(south["mean_prob"]) == pytest.approx(PROBS[own].mean(), rel=1e-12)
    assert float(south["slope"]) < 1


def test_without_groups_nothing_is_said_of_them(run, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "CONTESTANTS", ("temperature", "isotonic"))
    words = ["--label", "ill", "--prob", "p", "--resamples", "39", "--out", str(tmp_path)]
    for name in FILES:
        (tmp_path / name).write_text("of an earlier run")
    assert enter(["calibrate", str(run.parents[1] / "model.csv"), *words]) == 0
    missing = FILES - {path.name for path in tmp_path.iterdir()}
    assert missing == {"groups.csv", "groups.svg", "groups.png"}
    pages = ((each / "report.html").read_text(encoding="utf-8") for each in (run, tmp_path))
    assert ['id="groups"' in page for page in pages] == [True, False]


def test_the_page_opens_alone_and_says_how_to_load(run):
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "No. The smooth calibration error is" in page
    assert page.count('<img src="data:image/svg+xml;base64,') == 4
    assert not re.search(r'(src|href)="https?:', page)
    assert "load_calibrator(&#34;calibrator.npz&#34;)" in page
    assert "north &lt;&amp;&gt; east" in page
    for name in re.findall(r'href="([^"#]+)"', page):
        assert (run / name).is_file(), name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no.csv", "--prob", "p"], "there is no file no.csv"),
        (["a.csv"], "give exactly one of --prob and --logit; neither came"),
        (["a.csv", "--prob", "q"], "a.csv has no column 'q'; it has label, p"),
        (["a.csv", "--prob", "p"], "a.csv, row 2, column 'p': 'half' is not a number"),
        (["a.csv", "--prob", "p", "--calibrator", "bets"], "calibrator 'bets' is not auto or one"),
        (["a.csv", "--prob", "p", "--resamples", "-1"], "resamples is -1; it must be 0 or more"),
        (["a.csv", "--prob", "p", "--seed", str(2**63)], "seed is 9223372036854775808; it must be"),
        (["a.csv", "--prob", "p", "--out", "a.csv"], "out a.csv cannot be a folder"),
        (["few.csv", "--prob", "p"], "few.csv: 4 rows are too few; 5 can be judged"),
        (["recalibrated.csv", "--prob", "p", "--out", "."], "would be written over"),
    ],
)
def test_status_2_and_one_line_for_what_cannot_be_done(
    words, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "recalibrated.csv"):
        (tmp_path / name).write_text("label,p\n1,0.5\n0,half\n")
    (tmp_path / "few.csv").write_text("label,p\n" + 2 * "0,0.25\n1,0.5\n")
    assert enter(["calibrate", *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert message in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ({"none": 0.5, "beta": 0.7, "platt": 0.6}, "platt"),
        ({"none": np.inf, "temperature": np.nan, "beta": np.inf, "isotonic": 0.6}, "isotonic"),
    ],
)
def test_the_calibrator_is_the_best_even_where_none_is_better_or_one_has_nothing_to_fit(
    scores, best
):
    rows = {name: Recalibration(score, 0.2, 0.0, 0.1) for name, score in scores.items()}
    report = CalibrationReport(9, "probs", 0.95, 0, {}, {}, {}, {}, rows, "none")
    assert command.choose(report) == best


def test_decisions_are_no_probabilities_to_scale():
    """As a classifier's 0 and 1 in the column of probabilities."""
    rows = Predictions(LABELS, (LOGITS > 0).astype(float), None, None, None)
    with (
        jax.enable_x64(True),
        pytest.raises(ValueError, match="temperature is fitted to probabilities other than 0 and"),
    ):
        command.fit_calibrator("temperature", rows, jax.random.key(0))


def test_a_folder_that_cannot_be_written_into_is_found_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    asked = folder_for(tmp_path / "out", tmp_path / "a.csv", ["table.csv"])
    with pytest.raises(ValueError, match=r"out .* cannot be written into"), asked:
        pass


def test_a_refused_file_leaves_no_empty_folder_behind_and_takes_none_away(tmp_path):
    (tmp_path / "a.csv").write_text("label,p\n1,0.5\n0,half\n")
    (tmp_path / "there").mkdir()
    for out in ("new/out", "there"):
        words = [str(tmp_path / "a.csv"), "--prob", "p", "--out", str(tmp_path / out)]
        assert enter(["calibrate", *words]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "there"]
