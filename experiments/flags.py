"""The flags of a run: those of every experiment, and those that an experiment's Config makes."""

import dataclasses
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

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
    skip: tuple[str, ...] = ()
    """Names of experiments to leave out."""
    resume: bool = False
    """Keep what an earlier run has finished in the same way, and run the rest."""
    device: Literal["cpu", "gpu", "tpu"] | None = None
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
    if len(modules) > 1:
        flags = tyro.cli(Flags, args=words, prog=f"{PROGRAM} NAME...", description=__doc__)
        return flags, lambda name, experiment: _named(name, experiment, flags)
    plain = [word for word in words if word not in HELP]  # the second reading knows all flags
    flags, own = tyro.cli(Flags, args=plain, prog=PROGRAM, return_unknown_args=True)
    if plain == list(words) and not own:
        return flags, lambda name, experiment: _named(name, experiment, flags)
    choice = _own(modules[0], flags, words)
    again = choice._replace(command=f"{choice.command} {shlex.join(own)}".rstrip())
    return flags, lambda name, experiment: again


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
        ("every_run", unprefixed[Flags]),
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
