"""Programs that JAX compiles: traced in peace, kept on disk from one command to the next."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def uncollected() -> Iterator[None]:
    """While the ``with`` lasts, nobody looks for cycles of garbage.

    Tracing makes many objects that JAX keeps, and the collector goes through them again and again
    while other threads wait.

    Example:
        >>> with uncollected():
        ...     gc.isenabled()
        False
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
