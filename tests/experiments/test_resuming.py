"""Flags that choose among experiments: what to leave out, what to keep, how quick to be."""

import json

import pytest

from experiments.__main__ import main
from experiments.folder import read_run

FAKES = ("steady_gauge", "tight_bound", "broken_pump")

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture
def unmodified(monkeypatch):
    """A checkout without changes, so that a commit says all."""
    monkeypatch.setattr("experiments.environment._commit", lambda: {"commit": "c0ffee"})


def run(*words, out):
    return main(["run", *words, "--quick", "--out", str(out)], FAKES)


def dates(out):
    return {path.parent.name: json.loads(path.read_text())["date"]
            for path in out.glob("*/environment.json")}  # fmt: skip


@pytest.fixture
def earlier(tmp_path, monkeypatch):
    """Runs of the first two experiments and of one that failed, of another day."""
    run("all", out=tmp_path)
    for path in tmp_path.glob("*/environment.json"):
        content = json.loads(path.read_text()) | {"date": "2001-01-01"}
        path.write_text(json.dumps(content))
    return tmp_path


def test_what_had_finished_is_kept_and_the_rest_runs(unmodified, earlier, monkeypatch, capsys):
    monkeypatch.setattr("experiments.environment._blas", lambda: "a peer's too")
    assert run("all", "--resume", out=earlier) == 1
    found = dates(earlier)
    assert found.pop("broken_pump") != "2001-01-01"
    assert found == dict.fromkeys(["steady_gauge", "tight_bound"], "2001-01-01")
    assert capsys.readouterr().out.count("kept from an earlier run") == 2


@pytest.mark.parametrize(
    ("words", "commit"),
    [
        (("--readings", "4"), {"commit": "c0ffee"}),
        ((), {"commit": "decade"}),
        ((), {"commit": "c0ffee", "modified": True}),
    ],
)
def test_another_configuration_or_commit_runs_again(
    unmodified, earlier, monkeypatch, words, commit
):
    monkeypatch.setattr("experiments.environment._commit", lambda: commit)
    assert run("steady_gauge", "--resume", *words, out=earlier) == 0
    assert dates(earlier)["steady_gauge"] != "2001-01-01"


def test_half_a_folder_runs_again(unmodified, earlier):
    (earlier / "steady_gauge" / "result.json").write_text("{")
    assert run("steady_gauge", "--resume", out=earlier) == 0
    assert read_run(earlier / "steady_gauge").holds


def test_a_module_whose_import_raises_fails_alone(unmodified, earlier, monkeypatch):
    (earlier / "modules").mkdir()
    opening = '"""Is it?\n\nRun: x\nExpect: y\n"""\n'
    (earlier / "modules" / "no_import.py").write_text(f"{opening}1 / 0\n")
    monkeypatch.syspath_prepend(earlier / "modules")
    (earlier / "tight_bound").rename(earlier / "no_import")
    words = ["run", "all", "--resume", "--quick", "--out", str(earlier)]
    assert main(words, ("no_import", "steady_gauge")) == 1
    assert "ZeroDivisionError" in read_run(earlier / "no_import").error
    assert dates(earlier)["steady_gauge"] == "2001-01-01"


def test_only_and_skip_choose(tmp_path, capsys):
    assert run("all", "--skip", "broken_pump,tight_bound", out=tmp_path / "a") == 0
    assert set(dates(tmp_path / "a")) == {"steady_gauge"}
    words = ["--only", "steady_gauge", "--only", "tight_bound,broken_pump", "--skip", "broken_pump"]
    assert run("all", *words, out=tmp_path / "b") == 1
    assert set(dates(tmp_path / "b")) == {"steady_gauge", "tight_bound"}
    for flag in ("--skip", "--only"):
        assert run("all", flag, "brken_pump", out=tmp_path) == 2
        assert "broken_pump" in capsys.readouterr().err
    assert run("steady_gauge", "--skip", "steady_gauge", out=tmp_path) == 2
    assert "--only and --skip leave no experiment to run" in capsys.readouterr().err


def test_quick_is_tiny_and_nothing_else(tmp_path, capsys):
    assert run("steady_gauge", out=tmp_path) == 0
    kept = read_run(tmp_path / "steady_gauge")
    assert (kept.config_name, kept.config["readings"]) == ("tiny", 3)
    assert run("steady_gauge", "--config", "full", out=tmp_path) == 2
    assert "--quick takes the tiny configurations, not --config full" in capsys.readouterr().err
