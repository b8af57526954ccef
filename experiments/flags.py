"""The flags of a run: those of every experiment, and those that an experiment's Config makes."""

import dataclasses
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bcejax.commands.platforms import Platform
from bcejax.numerics import require
from experiments.experiment import Experiment
from experiments.registry import load, name_of, opening_of

PROGRAM = "python -m experiments run"
HELP = {"-h", "--help"}


@dataclass(frozen=True)
class Flags:
    """Flags of every run."""

    config: Literal["default", "tiny", "full"] = "default"
    """Configuration to start from; an experiment that has no full one runs its default."""
    quick: bool = False
    """Every experiment in its tiny configuration, all in a few minutes."""
    only: tuple[str, ...] = ()
    """Names of experiments to keep of those named, with commas between them."""
    skip: tuple[str, ...] = ()
    """Names of experiments to leave out, with commas between them."""
    jobs: int = 1
    """How many experiments run at once, each in a process; those that measure speed run alone."""
    resume: bool = False
    """Keep what an earlier run has finished in the same way, and run the rest."""
    device: Platform | None = None
    """Where to compute; JAX chooses where this is not given."""
    out: Path = Path("results")
    """Folder that gets a folder for each experiment, and report.html."""
    record: bool = False
    """Also keep claims, configuration and environment in experiments/records."""
    variant: str = ""
    """Ends the record's name, for one beside the others: jax_0_10_1, say."""


class Choice(NamedTuple):
    """A configuration, the name it started from, and the command that chooses it again."""

    name: str
    config: Any
    command: str


Choose = Callable[[str, Experiment[Any]], Choice]


def read_flags(modules: Sequence[str], words: Sequence[str]) -> tuple[Flags, Choose]:
    """The flags in ``words``, and what gives each experiment its configuration.

    One experiment alone takes a flag for each field of its configuration too.

    Args:
        modules: the experiments to run.
        words: the command line after their names.

    Raises:
        SystemExit: a flag cannot be understood, or help was asked for.
        ModuleNotFoundError: tyro is not installed.
    """
    tyro = require("tyro", extra="cli", purpose="reading flags")
    again = (tyro.conf.UseAppendAction,)  # --skip a --skip b
    if len(modules) > 1:
        program = f"{PROGRAM} NAME..."
        flags = tyro.cli(Flags, args=words, prog=program, description=__doc__, config=again)
        return flags, partial(_named, flags=flags)
    plain = [word for word in words if word not in HELP]  # the second reading knows all flags
    flags, own = tyro.cli(Flags, args=plain, prog=PROGRAM, return_unknown_args=True, config=again)
    if plain == list(words) and not own:
        return flags, partial(_named, flags=flags)
    choice = _own(modules[0], flags, words)
    command = f"{choice.command} {shlex.join(own)}".rstrip()
    return flags, partial(_given, choice=choice._replace(command=command))


def names_in(words: Sequence[str]) -> tuple[str, ...]:
    """Names with commas between them, one by one.

    Example:
        >>> names_in(("a,b", "c"))
        ('a', 'b', 'c')
    """
    return tuple(name for word in words for name in word.split(",") if name)


def _given(name: str, experiment: Experiment[Any], choice: Choice) -> Choice:
    return choice


def _named(name: str, experiment: Experiment[Any], flags: Flags) -> Choice:
    """The named configuration, or the default where the experiment has no full one."""
    wanted = "tiny" if flags.quick else flags.config
    chosen = wanted if wanted in experiment.configs else "default"
    command = f"{PROGRAM} {name}" if chosen == "default" else f"{PROGRAM} {name} --config {chosen}"
    command += f" --device {flags.device}" if flags.device else ""
    return Choice(chosen, experiment.configs[chosen], command)


def _own(module: str, flags: Flags, words: Sequence[str]) -> Choice:
    """The named configuration with the fields changed that ``words`` change."""
    tyro = require("tyro", extra="cli", purpose="reading flags")
    choice = _named(name_of(module), load(module), flags)
    unprefixed = tyro.conf.OmitArgPrefixes
    fields = [
        ("every_run", tyro.conf.UseAppendAction[unprefixed[Flags]]),
        ("this_experiment", unprefixed[type(choice.config)]),
    ]
    both = dataclasses.make_dataclass("Both", fields, frozen=True)
    read = tyro.cli(
        both,
        default=both(flags, choice.config),
        args=words,
        prog=f"{PROGRAM} {name_of(module)}",
        description=opening_of(module).question,
        config=(unprefixed,),
    )
    return choice._replace(config=read.this_experiment)
