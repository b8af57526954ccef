"""``python -m experiments run``: run experiments, write their folders and the report over all."""

from collections.abc import Sequence
from itertools import takewhile

from rich.console import Console

from experiments.flags import HELP, read_flags
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
    if flags.quick and flags.config != "default":
        raise ValueError(f"--quick takes the tiny configurations, not --config {flags.config}")
    modules = _without(modules, flags.skip, registry)
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
            ):
                runs.append(run)
        except KeyboardInterrupt:
            interrupted = True
            console.print("interrupted: what had ended is kept")
    if runs:
        order = [name_of(module) for module in registry]
        console.print(f"report: {write_report(flags.out, order)}", soft_wrap=True)
    for run in runs:
        if flags.record and run.verdict is not None:
            console.print(f"record: {write_record(run, variant=flags.variant).name}")
    return INTERRUPTED if interrupted else int(not all(run.holds for run in runs))


def _without(
    modules: Sequence[str], names: Sequence[str], registry: Sequence[str]
) -> tuple[str, ...]:
    skipped = find(names, registry) if names else ()
    rest = tuple(module for module in modules if module not in skipped)
    if not rest:
        raise ValueError("--skip leaves no experiment to run")
    return rest
