"""What bcejax does from a shell.

  bcejax audit LOSS [flags]        hold a binary cross-entropy against the exact one
  bcejax calibrate FILE [flags]    judge predictions, and fit what would make them calibrated
  bcejax fit FILE [flags]          a logistic regression, its report and its model
  bcejax predict MODEL FILE        what a model of fit says of the rows of a file
  bcejax doctor                    whether JAX, on this device, is fit for this work

With --help after a command, its flags.  ``python -m bcejax`` is the same.  The exit status is 0
where all is well, 1 where something was found, 2 where the command cannot be understood.
"""

import importlib
import sys
from collections.abc import Sequence

COMMANDS = ("audit", "calibrate", "fit", "predict", "doctor")


def enter(words: Sequence[str]) -> int:
    """Do what the words after ``bcejax`` say; only the command's own file is imported.

    Args:
        words: a command and its flags.

    Returns:
        The exit status.

    Raises:
        SystemExit: a flag cannot be understood, or help was asked for.

    Example:
        >>> enter(["--help"])
        What bcejax does from a shell...
        0
    """
    if not words or words[0] in ("-h", "--help"):
        print((__doc__ or "").strip())
        return 0 if words else 2
    command, *rest = words
    try:
        if command not in COMMANDS:
            raise ValueError(f"command {command!r} is not one of {', '.join(COMMANDS)}")
        status: int = importlib.import_module(f"bcejax.commands.{command}").main(rest)
    except (ValueError, ModuleNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return status
