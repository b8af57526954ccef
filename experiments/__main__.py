"""Run the experiments of bcejax.

  python -m experiments list                    what is asked
  python -m experiments run NAME... [flags]     answer it; with --help, the flags
  python -m experiments run all [flags]
  python -m experiments report [--out FOLDER]   write the report again from the runs' folders
  python -m experiments compare RUN RUN...      lay runs of other devices or versions side by side

The exit status is 0 where every verdict holds, 1 where one does not or a run does not finish,
2 where the command cannot be understood.
"""

import importlib
import sys
from collections.abc import Sequence

from experiments.registry import REGISTRY

COMMANDS = ("list", "run", "report", "compare")


def main(args: Sequence[str], registry: Sequence[str] = REGISTRY) -> int:
    """Do what the command line says; only the command's own file is imported, so list is quick.

    Args:
        args: the words after ``python -m experiments``.
        registry: modules of the experiments there are.

    Returns:
        The exit status: 0, 1, 2, or 130 after an interrupt.

    Raises:
        SystemExit: a flag cannot be understood, or help was asked for.
    """
    if not args or args[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if args else 2
    command, *rest = args
    try:
        if command not in COMMANDS:
            raise ValueError(f"command {command!r} is not one of {', '.join(COMMANDS)}")
        status: int = importlib.import_module(f"experiments.commands.{command}").main(
            rest, registry
        )
    except (ValueError, ModuleNotFoundError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return status


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        importlib.import_module("bcejax.commands.compilation").keep_programs()
    sys.exit(main(sys.argv[1:]))
