"""A command's process: it keeps the programs that JAX compiles, and collects no garbage."""

import atexit
import gc
import os
from pathlib import Path

import jax

WORTH_KEEPING = 0.1  # seconds of compiling
QUIET = (0, 11)  # before, XLA writes two kilobytes to stderr for each program that it loads


def keep_programs() -> None:
    """Let JAX keep what it compiles in the user's cache folder, for this process.

    From jax 0.11 on. A user's own JAX_COMPILATION_CACHE_DIR stays, and
    JAX_ENABLE_COMPILATION_CACHE=0 keeps nothing.
    For the entry of a process only: to import the library, or to call a command from another
    program, sets nothing.

    Example:
        >>> callable(keep_programs)  # to call it would change how this process compiles
        True
    """
    folder = getattr(jax.config, "jax_compilation_cache_dir", None)
    if folder is None and jax.__version_info__ >= QUIET:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(caches / "bcejax"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", WORTH_KEEPING)


def leave_cycles() -> None:
    """Let nobody look for cycles of garbage, in this process and at its end.

    Tracing makes many objects that JAX keeps, and the collector goes through them again and again
    while other threads wait, and once more before the interpreter ends.
    For the entry of a process only, as ``keep_programs``.

    Example:
        >>> callable(leave_cycles)  # to call it would change how this process ends
        True
    """
    gc.disable()
    atexit.register(gc.freeze)
