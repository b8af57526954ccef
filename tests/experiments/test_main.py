"""The command line as a person meets it, with experiments that exist for tests alone."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from threadpoolctl import threadpool_info

from experiments import runner
from experiments.__main__ import main
from experiments.commands import run as run_command
from experiments.environment import ROOT
from experiments.folder import read_run
from experiments.tables import read_table

FAKES = ("steady_gauge", "tight_bound", "broken_pump", "crooked_pen", "impatient_hand")

pytestmark = pytest.mark.usefixtures("fakes")


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_run_leaves_a_whole_folder(tmp_path, capsys):
    assert main(["run", "steady_gauge", "--out", str(tmp_path)], FAKES) == 0
    assert files(tmp_path) == [
        "report.html",
        "steady_gauge/config.json",
        "steady_gauge/environment.json",
        "steady_gauge/figures/readings.json",
        "steady_gauge/figures/readings.png",
        "steady_gauge/figures/readings.svg",
        "steady_gauge/report.html",
        "steady_gauge/result.json",
        "steady_gauge/tables/readings.csv",
        "steady_gauge/tables/readings.parquet",
    ]
    folder = tmp_path / "steady_gauge"
    config = json.loads((folder / "config.json").read_text())
    assert config == {"level": 0.5, "readings": 60, "names": ["a", "<b>"]}
    assert read_table(folder / "tables" / "readings.parquet")["value"] == [0.5] * 60
    shown = capsys.readouterr().out
    assert re.search(r"✓ steady_gauge  holds  \d+\.\d s", shown)
    assert f"report: {tmp_path / 'report.html'}" in shown


def test_flags_reach_the_run_and_the_folder_says_so(tmp_path):
    words = ["--readings", "4", "--config", "tiny", "--device", "cpu", "--out", str(tmp_path)]
    assert main(["run", "steady_gauge", *words], FAKES) == 0
    run = read_run(tmp_path / "steady_gauge")
    assert run.config["readings"] == 4
    assert run.config_name == "tiny"
    assert run.environment["platform"] == "cpu"
    assert run.environment["command"] == (
        "python -m experiments run steady_gauge --config tiny --device cpu --readings 4"
    )
    assert str(tmp_path) not in json.dumps(run.environment)


def test_a_claim_that_fails_is_said_and_counts(tmp_path, capsys):
    assert main(["run", "tight_bound", "--out", str(tmp_path)], FAKES) == 1
    shown = capsys.readouterr().out
    assert "✗ tight_bound  does not hold" in shown
    assert "1 of 2 claims fail: the hard loss: found 0.5 nats, claimed ≤ 0.25 nats" in shown


def test_its_bound_can_be_given(tmp_path):
    assert main(["run", "tight_bound", "--bound", "0.5", "--out", str(tmp_path)], FAKES) == 0


def test_a_run_that_raises_leaves_the_others_alone(tmp_path, capsys):
    names = ["broken_pump", "steady_gauge"]
    assert main(["run", *names, "--config", "tiny", "--out", str(tmp_path)], FAKES) == 1
    assert read_run(tmp_path / "steady_gauge").holds
    broken = read_run(tmp_path / "broken_pump")
    assert broken.verdict is None
    assert broken.error == "RuntimeError: the pump <broke> at ~/pump"
    assert "in run\n    raise RuntimeError" in broken.traceback
    assert str(Path.home()) not in broken.traceback
    assert str(ROOT) not in broken.traceback
    assert "runner.py" not in broken.traceback
    assert "✗ broken_pump  did not finish" in capsys.readouterr().out


def test_a_module_that_cannot_be_imported_fails_alone(tmp_path, monkeypatch):
    opening = '"""Is it?\n\nRun: x\nExpect: y\n"""\n'
    (tmp_path / "no_import.py").write_text(f"{opening}import surely_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    out = tmp_path / "out"
    assert main(["run", "all", "--out", str(out)], ("no_import", "steady_gauge")) == 1
    failed = read_run(out / "no_import")
    assert "No module named 'surely_not_there'" in failed.error
    assert failed.environment["command"] == "python -m experiments run no_import"
    assert read_run(out / "steady_gauge").holds


def test_a_result_that_cannot_be_drawn_is_not_kept_in_part(tmp_path):
    assert main(["run", "crooked_pen", "--out", str(tmp_path)], FAKES) == 1
    assert files(tmp_path / "crooked_pen") == [
        "config.json",
        "environment.json",
        "report.html",
        "result.json",
    ]
    assert read_run(tmp_path / "crooked_pen").error == "ValueError: the pen is crooked"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["crooked_pen", "report.html"]


def test_an_interrupt_keeps_what_had_ended(tmp_path, capsys):
    names = ["steady_gauge", "impatient_hand", "tight_bound"]
    assert main(["run", *names, "--out", str(tmp_path)], FAKES) == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "steady_gauge"]
    assert "interrupted: what had ended is kept" in capsys.readouterr().out


def test_an_interrupt_elsewhere_is_one_line(monkeypatch, capsys):
    def interrupted(args, registry):
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.commands.list.main", interrupted)
    assert main(["list"], FAKES) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_record_is_kept_on_demand(tmp_path, monkeypatch):
    kept = []

    def keep(run, *, variant):
        kept.append((run.name, variant))
        return tmp_path

    monkeypatch.setattr(run_command, "write_record", keep)
    words = ["--config", "tiny", "--record", "--out", str(tmp_path)]
    main(["run", "steady_gauge", "broken_pump", *words], FAKES)
    main(["run", "steady_gauge", *words, "--variant", "jax_0_10_1"], FAKES)
    assert kept == [("steady_gauge", ""), ("steady_gauge", "jax_0_10_1")]


def test_a_record_is_kept_though_the_report_cannot_be_written(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(
        run_command, "write_record", lambda run, variant: kept.append(run) or tmp_path
    )
    (tmp_path / "report.html").mkdir()
    words = ["--quick", "--record", "--out", str(tmp_path)]
    assert main(["run", "steady_gauge", *words], FAKES) == 2
    assert [run.name for run in kept] == ["steady_gauge"]


def test_report_writes_the_pages_again_from_the_folders(tmp_path, capsys):
    main(["run", "steady_gauge", "tight_bound", "--out", str(tmp_path)], FAKES)
    pages = [tmp_path / "report.html", tmp_path / "steady_gauge" / "report.html"]
    before = [page.read_text() for page in pages]
    for page in pages:
        page.unlink()
    assert main(["report", "--out", str(tmp_path)], FAKES) == 0
    assert [page.read_text() for page in pages] == before


def test_a_run_of_another_version_is_left_out_of_the_report_and_named(tmp_path, capsys):
    report = ["report", "--out", str(tmp_path)]
    assert main(["run", "steady_gauge", "tight_bound", "--out", str(tmp_path)], FAKES) == 1
    for name, status in (("tight_bound", 0), ("steady_gauge", 2)):
        path = tmp_path / name / "result.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"colour": "red"}))
        assert main(report, FAKES) == status
    assert "steady_gauge holds no whole run of this version" in capsys.readouterr().err
    text = (tmp_path / "report.html").read_text()
    assert "Left out, of another version: tight_bound." in text
    assert 'href="tight_bound/report.html"' not in text


def test_list_names_each_question(capsys):
    assert main(["list"], FAKES[:2]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "steady_gauge Does a steady gauge read what it should, <b>bold</b> & all?" in shown
    assert "tight_bound Is a loss below a bound that nobody reaches?" in shown


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["rnu"], "command 'rnu' is not one of list, run, report"),
        (["list", "--all"], "list takes nothing more, got --all"),
        (["run"], "run takes names of experiments, or all; there are steady_gauge"),
        (["run", "--config", "tiny"], "run takes names of experiments, or all"),
        (["run", "steady_gage"], "no experiment is named 'steady_gage'; there is steady_gauge"),
        (["report", "--out", "nowhere"], "no run has left a folder in nowhere"),
        (
            ["run", "all", "--variant", "A b"],
            "variant 'A b' takes small letters, digits and unders",
        ),
        (["run", "all", "--out", "file"], "out file cannot be a folder: File exists"),
    ],
)
def test_a_command_that_cannot_be_understood_says_so_in_one_line(
    args, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    assert main(args, FAKES) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_device_that_is_absent_says_so_before_anything_runs(tmp_path, capsys):
    try:
        jax.devices("tpu")
    except RuntimeError:
        words = ["run", "steady_gauge", "--device", "tpu", "--out", str(tmp_path)]
        assert main(words, FAKES) == 2
        assert capsys.readouterr().err.startswith("error: device tpu is not here; JAX sees ")
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["pyarrow", "threadpoolctl"])
def test_a_missing_extra_says_so_before_anything_runs(package, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(runner, "load", pytest.fail)
    assert main(["run", "steady_gauge", "--out", str(tmp_path)], FAKES) == 2
    message = f"error: running experiments needs {package}: pip install 'bcejax[experiments]'\n"
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("args", [["--help"], ["-h"]])
def test_help_is_shown(args, capsys):
    assert main(args, FAKES) == 0
    assert "python -m experiments run NAME..." in capsys.readouterr().out


def test_nothing_said_shows_help_and_counts_as_an_error(capsys):
    assert main([], FAKES) == 2
    assert "python -m experiments list" in capsys.readouterr().out


def test_run_help_needs_no_name(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["run", "--help"], FAKES)
    assert stopped.value.code == 0
    assert "--device" in capsys.readouterr().out


def python(*words, path=()):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, *path)))}
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env=environment | {"PYTHONUTF8": "1"},
    )


def test_the_module_runs_as_a_program(tmp_path, fakes):
    program = "import sys; from experiments.__main__ import main; sys.exit(main(sys.argv[1:], "
    words = ["run", "broken_pump", "steady_gauge", "--config", "tiny", "--out", str(tmp_path)]
    done = python("-c", f"{program}{FAKES}))", *words, path=[fakes])
    assert done.returncode == 1, done.stderr
    assert "✓ steady_gauge" in done.stdout
    run = read_run(tmp_path / "steady_gauge")
    assert run.holds
    importlib.import_module("scipy.linalg")  # a library of its own, though the gauge takes none
    for each in threadpool_info():
        if each["user_api"] == "blas" and "scipy" in each["filepath"]:
            assert each["version"] in run.environment["blas"]


def test_listing_is_quick_as_it_imports_neither_jax_nor_an_experiment():
    program = (
        "import sys; from experiments.__main__ import main; main(['list'], ('steady_gauge',));"
        "print(sorted({'jax', 'flax', 'matplotlib', 'steady_gauge'} & set(sys.modules)))"
    )
    done = python("-c", program, path=[Path(__file__).parent / "fakes"])
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_the_program_itself_answers():
    done = python("-m", "experiments", "run", "surely_not")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no experiment is named 'surely_not'; there is ")
