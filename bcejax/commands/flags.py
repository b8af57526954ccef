"""The flags of a command: a dataclass that says what can be asked, filled from a command line."""

from collections.abc import Sequence
from typing import TypeVar

from bcejax.numerics import require

Flags = TypeVar("Flags")


def parse_flags(
    kind: type[Flags], args: Sequence[str], *, command: str, description: str | None
) -> Flags:
    """The flags in words of a command line.

    Args:
        kind: a dataclass; a field without a default is taken by its position.
        args: the words behind the command.
        command: its name.
        description: what help says above the flags.

    Raises:
        SystemExit: they cannot be understood, or help was asked for.
    """
    tyro = require("tyro", extra="cli", purpose="reading flags")
    flags: Flags = tyro.cli(
        kind,
        args=args,
        prog=f"bcejax {command}",
        description=description,
        config=(tyro.conf.PositionalRequiredArgs,),
    )
    return flags


def check_seed(seed: int) -> None:
    """Refuse a seed that no generator takes.

    Raises:
        ValueError: it is below 0, or has more than 63 bits.
    """
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed is {seed}; it must be a whole number from 0 to 2**63 - 1")


def asked_of(flags: object) -> dict[str, object]:
    """What was asked for, and what stood by default; nothing of a flag that is None."""
    return {word: value for word, value in vars(flags).items() if value is not None}
