"""``python -m bcejax``: hands over to the commands, or says what to install for them."""

import sys

from bcejax.numerics import require


def main() -> int:
    """Do what the command line says; the exit status."""
    try:
        require("tyro", extra="cli", purpose="the command line")
        require("rich", extra="cli", purpose="the command line")
        compilation = require("bcejax.commands.compilation", extra="cli", purpose="compiling")
        compilation.keep_programs()
        compilation.leave_cycles()
        require("bcejax.commands.interrupts", extra="cli", purpose="Ctrl-C").end_at_interrupt()
        commands = require("bcejax.commands.entry", extra="cli", purpose="the command line")
        status: int = commands.enter(sys.argv[1:])
    except ModuleNotFoundError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
