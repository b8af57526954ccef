"""``python -m experiments run``: run experiments, write their folders and the report over all."""

import os
from collections.abc import Sequence
from itertools import takewhile

from rich.console import Console

from experiments.flags import HELP, Flags, names_in, read_flags
from experiments.folder import Run
from experiments.progress import watch
from experiments.record import check_variant, write_record
from experiments.registry import find, name_of
from experiments.report import write_report
from experiments.runner import run_each

INTERRUPTED = 130


def main(args: Sequence[str], registry: Sequence[str]) -> int:
    """Run what is named, keep what ends, and say how it went."""
    names = list(takewhile(lambda word: not word.startswith("-"), args))
    words = args[len(names) :]
    modules = find(["all"] if not names and HELP.intersection(words) else names, registry)
    flags, choose = read_flags(modules, words)
    check_variant(flags.variant)
    if flags.jobs < 1:
        raise ValueError(f"jobs {flags.jobs} is not a number of processes from 1 on")
    if flags.jobs > 1:  # or the first process would take most of a GPU's memory for itself
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if flags.quick and flags.config != "default":
        raise ValueError(f"--quick takes the tiny configurations, not --config {flags.config}")
    modules = _chosen(modules, flags, registry)
    console = Console(highlight=False)
    runs: list[Run] = []
    interrupted = False
    with watch(console, len(modules)) as board:
        try:
            for run in run_each(
                modules,
                choose,
                out=flags.out,
                device=flags.device,
                board=board,
                resume=flags.resume,
                jobs=flags.jobs,
            ):
                runs.append(run)
        except KeyboardInterrupt:
            interrupted = True
            console.print("interrupted: what had ended is kept")
    for run in runs:
        if flags.record and run.verdict is not None:
            console.print(f"record: {write_record(run, variant=flags.variant).name}")
    if runs:
        order = [name_of(module) for module in registry]
        console.print(f"report: {write_report(flags.out, order)}", soft_wrap=True)
    return INTERRUPTED if interrupted else int(not all(run.holds for run in runs))


def _chosen(modules: Sequence[str], flags: Flags, registry: Sequence[str]) -> tuple[str, ...]:
    """Those of the modules that --only and --skip leave."""
    only, skip = (
        find(names, registry) if (names := names_in(words)) else ()
        for words in (flags.only, flags.skip)
    )
    kept = [module for module in modules if module in only or not only]
    left = tuple(module for module in kept if module not in skip)
    if not left:
        raise ValueError("--only and --skip leave no experiment to run")
    return left
