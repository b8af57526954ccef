"""``bcejax doctor``: is this JAX, on this device, fit for this work?

One line for each thing that is looked at: versions, devices, precision, whether the compiler is
right, and the digits of functions and losses against exact values. The exit status is 0 where
nothing is at fault, 1 where something is.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from bcejax.commands.doctor.checks import CHECKS, Finding, Health
from bcejax.commands.flags import parse_flags
from bcejax.commands.platforms import Platform, on_device

COLOURS = {Health.WELL: "green", Health.NOTE: "yellow", Health.FAULT: "bold red"}


@dataclass(frozen=True)
class Flags:
    """Of doctor."""

    device: Platform | None = None
    """What to look at; JAX's own choice if not given."""
    json: bool = False
    """Print the findings as JSON, when all are there."""


def main(args: Sequence[str]) -> int:
    """Look, print; the exit status."""
    flags = parse_flags(Flags, args, command="doctor", description=__doc__)
    with on_device(flags.device):
        findings = [_shown(check(), quiet=flags.json) for check in CHECKS]
    if flags.json:
        print(json.dumps([each._asdict() for each in findings], indent=2))
    return int(any(each.health is Health.FAULT for each in findings))


def _shown(finding: Finding, *, quiet: bool) -> Finding:
    if not quiet:
        colour = COLOURS[finding.health]
        line = f"[{colour}]{finding.health:5}[/]  {finding.name:10}  {escape(finding.text)}"
        Console(highlight=False, soft_wrap=True).print(line)
    return finding
