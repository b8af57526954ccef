"""Run experiments one after the other; one that fails leaves its traceback and not the others."""

import dataclasses
import re
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bcejax.commands import write_page
from bcejax.numerics import require
from experiments.device import Platform, on_device
from experiments.environment import ROOT, describe_environment
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
from experiments.outcome import Result
from experiments.progress import Board
from experiments.registry import load, name_of, opening_of
from experiments.report import page_of_one, summary


def run_each(
    modules: Sequence[str],
    choose: Choose,
    *,
    out: Path,
    device: Platform | None,
    board: Board,
    resume: bool = False,
) -> Iterator[Run]:
    """Run experiments one after the other and leave one folder for each.

    Args:
        modules: dotted names of experiments' modules.
        choose: gives the configuration for a name and its experiment.
        out: the folder of the folders.
        device: where to compute; None leaves that to JAX.
        board: shows how far it is.
        resume: whether a folder stands for its run where it holds one that finished in the same
            configuration, on the same commit, device and versions.

    Yields:
        Each run when it has ended; one that raised has an error and its traceback.

    Raises:
        ValueError: the device is not here, a module is no experiment's, or ``out`` cannot be a
            folder; nothing has run then.
        ModuleNotFoundError: an extra is not installed; nothing has run then.
    """
    for extra in ("jinja2", "matplotlib", "pyarrow"):  # sooner than after an hour's work
        require(extra, extra="experiments", purpose="running experiments")
    _make_folder(out)
    openings = [opening_of(module) for module in modules]
    with on_device(device) as here:
        for module, opening in zip(modules, openings, strict=True):
            name = name_of(module)
            board.start(name)
            environment = describe_environment(here, f"{PROGRAM} {name}")
            planned = Run(name, opening, "default", {}, environment, 0.0)
            kept = _kept(planned, module, choose, out / name) if resume else None
            run = kept or _run_one(planned, module, choose, out, board)
            board.finish(summary(run) + (", kept from an earlier run" if kept else ""))
            yield run


def _kept(planned: Run, module: str, choose: Choose, folder: Path) -> Run | None:
    """The run that the folder holds, if it is what would come out again."""
    try:
        found, experiment = read_run(folder), load(module)
    except (OSError, ValueError, KeyError, ImportError):  # none, half a one, or none of today's
        return None
    wanted = _with_choice(planned, choose(planned.name, experiment))
    same = found.verdict is not None and found.config == as_json(wanted.config)
    return found if same and _setting(found) == _setting(wanted) else None


def _setting(run: Run) -> dict[str, Any]:
    """What the numbers of a run depend on; of files that were changed nothing is known."""
    passing = {"date": None, "command": None}
    changed = run.environment["date"] if run.environment.get("modified") else None
    return run.environment | passing | {"modified": changed}


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"out {out} cannot be a folder: {error.strerror}") from None


def _run_one(
    planned: Run,
    module: str,
    choose: Choose,
    out: Path,
    board: Board,
) -> Run:
    """The run, whether it ended well or not, its folder written."""
    start = time.perf_counter()
    try:
        experiment = load(module)
        choice = choose(planned.name, experiment)
        planned = _with_choice(planned, choice)
        result = experiment.run(choice.config, board.track)
        return _write(_finished(planned, result, time.perf_counter() - start), out, result)
    except Exception as error:  # whatever it is, the other experiments still have their turn
        failed = dataclasses.replace(
            planned,
            seconds=time.perf_counter() - start,
            error=_without_paths(f"{type(error).__name__}: {error}"),
            traceback=_trace(error),
        )
        return _write(failed, out)


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
