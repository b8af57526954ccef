"""Experiments at once, each in a process of its own."""

import importlib.util
import io
import os
import re
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from experiments.__main__ import main
from experiments.environment import ROOT
from experiments.folder import read_run
from experiments.jobs import Ended, Step, Task, _may_start, _telling, in_processes
from experiments.progress import watch
from experiments.registry import REGISTRY

FAKES = ("steady_gauge", "sudden_end")


@pytest.fixture
def importable(fakes, monkeypatch):
    """The fakes, to processes too."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (ROOT, Path(fakes)))))


def test_tasks_end_each_in_its_way_and_those_alone_come_last(importable, tmp_path):
    import small_tasks  # noqa: PLC0415 (a fake)

    names = ["first", "second"]
    tasks = [
        Task("alone", partial(small_tasks.see, tmp_path, names), alone=True),
        *(Task(name, partial(small_tasks.leave, tmp_path / name)) for name in names),
        Task("count", small_tasks.count),
        Task("die", small_tasks.die),
    ]
    console = Console(file=io.StringIO(), width=200)
    with watch(console, len(tasks)) as board:
        ended = list(in_processes(tasks, 2, board))
    assert ended[-1] == Ended(tasks[0], [])
    answers = {each.task.name: each for each in ended}
    assert answers["count"].answer == 3
    assert answers["die"].died == "its process ended with status 3\nlast words"
    assert "die | last words" in console.file.getvalue()


def test_a_run_in_processes_is_as_one_in_this(importable, tmp_path, capsys):
    assert main(["run", "all", "--quick", "--jobs", "2", "--out", str(tmp_path)], FAKES) == 1
    gauge, end = (read_run(tmp_path / name) for name in FAKES)
    assert gauge.holds
    assert gauge.config["readings"] == 3
    assert end.error == "its process ended with status 3"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", *FAKES]
    shown = capsys.readouterr().out
    assert "✓ steady_gauge  holds" in shown
    assert "✗ sudden_end  did not finish" in shown


@pytest.mark.parametrize(
    ("alone", "running", "starts"),
    [
        (False, [], True),
        (False, [False], True),
        (False, [False, False], False),
        (False, [True], False),
        (True, [False], False),
        (True, [], True),
    ],
)
def test_who_may_start(alone, running, starts):
    class Child:
        def __init__(self, alone):
            self.task = Task("other", print, alone)

    assert _may_start(Task("this", print, alone), map(Child, running), jobs=2) is starts


def test_steps_are_told_but_not_more_often_than_one_can_read():
    sent = []

    class Pipe:
        send = staticmethod(sent.append)

    assert list(_telling(Pipe)(range(10_000), "numbers")) == list(range(10_000))
    assert sent[0] == Step("numbers 0", 0, 10_000)
    assert len(sent) < 1000


def test_jobs_counts_from_one(capsys, fakes):
    assert main(["run", "all", "--jobs", "0"], FAKES) == 2
    assert "jobs 0 is not a number of processes from 1 on" in capsys.readouterr().err


@pytest.mark.parametrize("module", REGISTRY)
def test_what_takes_times_says_that_it_must_be_alone(module):
    spec = importlib.util.find_spec(module)
    folder = Path(spec.origin).parent if spec.submodule_search_locations else None
    files = folder.rglob("*.py") if folder else [Path(spec.origin)]
    texts = [file.read_text(encoding="utf-8") for file in files]
    if any(re.search(r"experiments\.(timing|apart) import|perf_counter", text) for text in texts):
        assert any("alone=True" in text for text in texts)
