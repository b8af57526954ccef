"""Python's search for garbage, which a program that is being traced calls again and again."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def left_lying() -> Iterator[None]:
    """Search for no garbage in the body.

    Tracing makes so many objects that Python goes through all of JAX's many times, which takes
    longer than the tracing itself.

    Example:
        >>> with left_lying():
        ...     gc.isenabled()
        False
        >>> gc.isenabled()
        True
    """
    searches = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searches:
            gc.enable()
