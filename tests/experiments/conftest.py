"""What the tests of all experiments share: each tiny configuration runs once, for its own file."""

import dataclasses
import json
from pathlib import Path

import jax
import pytest

from bcejax.commands.drawings import save_with_marks
from bcejax.plots import style
from experiments import untracked
from experiments.registry import load
from experiments.tables import write_table

FAKES = Path(__file__).parent / "fakes"
X64 = jax.config.jax_enable_x64  # as the tests were started; some files set their own


@pytest.fixture
def fakes(monkeypatch):
    """The folder of experiments that exist for tests alone, importable by their names."""
    monkeypatch.syspath_prepend(FAKES)
    return FAKES


@pytest.fixture(scope="module")
def experiment(request):
    """The experiment that a file of tests is named after."""
    return load(f"experiments.{request.path.stem.removeprefix('test_')}")


@pytest.fixture(scope="module")
def tiny(experiment):
    """What it finds in its tiny configuration."""
    with jax.enable_x64(X64):
        return experiment.run(experiment.tiny, untracked)


@pytest.fixture
def hold_up(experiment, tiny, tmp_path, monkeypatch):
    """The test that test_registry.py asks of every experiment; a test file calls it.

    Figures are laid out, and not written twice: tests/plots/test_style.py does that.
    """
    monkeypatch.setattr(style, "_save", _lay_out)

    def check():
        json.dumps(dataclasses.asdict(experiment.default), allow_nan=False)
        assert [claim for claim in tiny.verdict.claims if not claim.holds] == []
        assert 0 < len(tiny.verdict.answer) <= 320  # some four lines of the first page
        for table in tiny.tables:
            write_table(tmp_path, table)
        for figure in tiny.figures:
            save_with_marks(figure.draw, tmp_path / figure.name, panels=figure.panels)

    return check


def _lay_out(figure, stem):
    figure.draw_without_rendering()
    return stem, stem
