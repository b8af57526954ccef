"""What the page of a calibration says."""

import re

import numpy as np
import pytest

from bcejax.calibration import reliability_curve
from bcejax.calibration.reporting.findings import CalibrationReport, Recalibration
from bcejax.commands.calibrate import figures
from bcejax.commands.calibrate.pages import choice


@pytest.mark.parametrize(
    ("without", "calibrator", "said"),
    [
        (0.5, "beta", "No calibrator gains .*; beta comes nearest and is in calibrator.npz"),
        (0.5, "platt", "No calibrator gains .*; platt is there, as asked"),
        (0.9, "beta", "beta has the least cross-fitted log score"),
        (0.9, "platt", "platt is in calibrator.npz, as asked; beta scores best"),
    ],
)
def test_why_this_calibrator_was_written(without, calibrator, said):
    scores = {"none": without, "temperature": np.nan, "platt": 0.7, "beta": 0.6}
    rows = {name: Recalibration(score, 0.2, 0.0, 0.1) for name, score in scores.items()}
    best = "none" if without == 0.5 else "beta"
    report = CalibrationReport(9, "probs", 0.95, 0, {}, {}, {}, {}, rows, best)
    assert re.match(said, choice(report, calibrator))


def test_any_text_names_a_group(tmp_path):
    names = ["south", "", "_other", "$income_$_per_", "a$^$b", "a" * 20 + "b" * 80]
    curve = reliability_curve([0, 1, 1], probs=[0.2, 0.7, 0.9])
    figure = figures.group_figure(dict.fromkeys(names, curve), tmp_path / "groups")
    (panel,) = figure.panels
    assert {each.label for each in panel.series} >= {"south", "(none)", "_other"}
    svg = (tmp_path / "groups.svg").read_text(encoding="utf-8")
    for name in ("south", "(none)", "_other", "$income_$_per_", "a$^$b", "aaaaaaaaaaaa…bbb"):
        assert name in svg
