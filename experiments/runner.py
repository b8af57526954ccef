"""Run experiments; one that fails leaves its traceback, and leaves the others alone."""

import dataclasses
import re
import time
import traceback
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax

from bcejax.commands import write_page
from bcejax.commands.compilation import keep_programs
from bcejax.commands.platforms import Platform, on_device
from bcejax.numerics import require
from experiments.environment import ROOT, describe_environment
from experiments.experiment import Opening, Track
from experiments.flags import PROGRAM, Choice, Choose
from experiments.folder import (
    Run,
    as_json,
    described,
    read_run,
    whole_folder,
    write_result,
    write_run,
)
from experiments.jobs import Task, in_processes
from experiments.outcome import Result
from experiments.progress import Board
from experiments.registry import load, name_of, opening_of
from experiments.report import page_of_one, summary

KEPT = ", kept from an earlier run"


class _Plan(NamedTuple):
    """An experiment that is to run."""

    module: str
    opening: Opening
    choose: Choose
    out: Path

    @property
    def name(self) -> str:
        return name_of(self.module)

    def run(self, device: jax.Device) -> Run:
        """As far as it is known before it starts."""
        environment = describe_environment(device, f"{PROGRAM} {self.name}")
        return Run(self.name, self.opening, "default", {}, environment, 0.0)


def run_each(
    modules: Sequence[str],
    choose: Choose,
    *,
    out: Path,
    device: Platform | None,
    board: Board,
    resume: bool = False,
    jobs: int = 1,
) -> Iterator[Run]:
    """Run experiments and leave one folder for each.

    Args:
        modules: dotted names of experiments' modules.
        choose: gives the configuration for a name and its experiment.
        out: the folder of the folders.
        device: where to compute; None leaves that to JAX.
        board: shows how far it is.
        resume: whether a folder stands for its run where it holds one that finished in the same
            configuration, on the same commit, device and versions.
        jobs: how many run at once, each in a process of its own; with 1 all run in this one, one
            after the other.

    Yields:
        Each run when it has ended; one that raised has an error and its traceback.

    Raises:
        ValueError: the device is not here or not for several processes, a module is no
            experiment's, or ``out`` cannot be a folder; nothing has run then.
        ModuleNotFoundError: an extra is not installed; nothing has run then.
    """
    # Sooner than after an hour's work.
    for extra in ("jinja2", "matplotlib", "pyarrow", "threadpoolctl"):
        require(extra, extra="experiments", purpose="running experiments")
    _make_folder(out)
    plans = [_Plan(module, opening_of(module), choose, out) for module in modules]
    with on_device(device) as here:
        kept = {plan: found for plan in plans if resume and (found := _kept(plan, here))}
        if jobs == 1:
            for plan in plans:
                board.start(plan.name)
                run = kept.get(plan) or _run_one(plan, here, board.track)
                board.finish(summary(run) + (KEPT if plan in kept else ""))
                yield run
            return
        for run in kept.values():
            board.finish(summary(run) + KEPT)
            yield run
        yield from _at_once([plan for plan in plans if plan not in kept], here, jobs, board)


def _at_once(plans: Sequence[_Plan], device: jax.Device, jobs: int, board: Board) -> Iterator[Run]:
    """The runs, each in a process; a process that died has failed as an exception would."""
    if device.platform == "tpu":
        raise ValueError("jobs takes 1 on a tpu, which one process has to itself")
    keep = getattr(jax.config, "jax_compilation_cache_dir", None) is not None
    tasks = {
        Task(plan.name, partial(_in_a_process, plan, device.platform, keep), _alone(plan)): plan
        for plan in plans
    }
    for task, answer, died in in_processes(list(tasks), jobs, board):
        plan = tasks[task]
        failed = dataclasses.replace(
            plan.run(device), error=died.partition("\n")[0], traceback=died
        )
        run = answer or _write(failed, plan.out)
        board.finish(summary(run))
        yield run


def _in_a_process(plan: _Plan, platform: Platform, keep: bool, track: Track) -> Run:
    if keep:
        keep_programs()
    with on_device(platform) as device:
        return _run_one(plan, device, track)


def _alone(plan: _Plan) -> bool:
    """Whether an experiment asks to be alone; one that cannot be imported will fail by itself."""
    try:
        return load(plan.module).alone
    except Exception:  # whatever its import raises: its run says so
        return False


def _kept(plan: _Plan, device: jax.Device) -> Run | None:
    """The run that the folder holds, if it is what would come out again."""
    try:
        found, experiment = read_run(plan.out / plan.name), load(plan.module)
    except Exception:  # no run, half a one, or a module whose import raises: its run says so
        return None
    wanted = _with_choice(plan.run(device), plan.choose(plan.name, experiment))
    same = found.verdict is not None and found.config == as_json(wanted.config)
    return found if same and _setting(found) == _setting(wanted) else None


def _setting(run: Run) -> dict[str, Any]:
    """What the numbers of a run depend on; of files that were changed nothing is known.

    Libraries of linear algebra are left out: experiments add those of the packages they import.
    """
    passing = {"date": None, "command": None, "blas": None}
    changed = run.environment["date"] if run.environment.get("modified") else None
    return run.environment | passing | {"modified": changed}


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"out {out} cannot be a folder: {error.strerror}") from None


def _run_one(plan: _Plan, device: jax.Device, track: Track) -> Run:
    """The run, whether it ended well or not, its folder written."""
    start, run = time.perf_counter(), plan.run(device)
    try:
        experiment = load(plan.module)
        choice = plan.choose(plan.name, experiment)
        run = _with_choice(run, choice)
        result = experiment.run(choice.config, track)
        return _write(_finished(run, result, time.perf_counter() - start), plan.out, result)
    except Exception as error:  # whatever it is, the other experiments still have their turn
        failed = dataclasses.replace(
            run,
            seconds=time.perf_counter() - start,
            error=_without_paths(f"{type(error).__name__}: {error}"),
            traceback=_trace(error),
        )
        return _write(failed, plan.out)


def _with_choice(run: Run, choice: Choice) -> Run:
    return dataclasses.replace(
        run,
        config_name=choice.name,
        config=dataclasses.asdict(choice.config),
        environment=run.environment | {"command": choice.command},
    )


def _finished(run: Run, result: Result, seconds: float) -> Run:
    return dataclasses.replace(
        run,
        seconds=seconds,
        verdict=result.verdict,
        tables=tuple(described(table, "formats") for table in result.tables),
        figures=tuple(described(figure, "alt") for figure in result.figures),
    )


def _write(run: Run, out: Path, result: Result | None = None) -> Run:
    with whole_folder(out / run.name) as folder:
        write_run(folder, run)
        if result is not None:
            write_result(folder, result)
        write_page(page_of_one(run, folder), folder / "report.html")
    return run


def _trace(error: Exception) -> str:
    """The traceback from the frame below this file on."""
    frames = error.__traceback__ and error.__traceback__.tb_next
    return _without_paths("".join(traceback.format_exception(type(error), error, frames)))


def _without_paths(text: str) -> str:
    """The text without what is this machine's own in the paths it names."""
    text = text.replace(f"{ROOT}/", "")
    text = re.sub(r'File "[^"]*/(?:site-packages|lib/python\d\.\d+)/', 'File "', text)
    return text.replace(str(Path.home()), "~")
