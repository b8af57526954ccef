"""Ctrl-C while arrays are in flight.

Python would raise ``KeyboardInterrupt`` between any two lines, also between the call that
consumes the old arrays and the assignment that keeps the new ones.  So the signal is counted
while training runs, the training loop ends at its next visit, and the signal is sent again once
the model is whole: whatever handled Ctrl-C before handles it then.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import jax

_MOMENT = 1e-3  # seconds; to start a thread takes a good part of a program this short
_PATIENCE = 0.1  # seconds from one look at the keyboard to the next


@contextlib.contextmanager
def held_interrupts() -> Iterator[Callable[[], int]]:
    """Count Ctrl-C in the body, and send it once at the end.

    Yields:
        A function that tells how often Ctrl-C came so far.  Outside the main thread, where
        Python delivers no signals, and where Ctrl-C is ignored, it stays 0.
    """
    previous = signal.getsignal(signal.SIGINT)
    here = threading.current_thread() is threading.main_thread()
    if not here or previous in (None, signal.SIG_IGN):
        yield lambda: 0
        return
    count = 0

    def press(signum: int, frame: FrameType | None) -> None:
        nonlocal count
        count += 1

    signal.signal(signal.SIGINT, press)
    try:
        yield lambda: count
    finally:
        signal.signal(signal.SIGINT, previous)
        if count:
            signal.raise_signal(signal.SIGINT)


def wait(array: jax.Array, pressed: Callable[[], int]) -> bool:
    """Wait until an array is there; give up at the second Ctrl-C.

    ``array.block_until_ready()`` would hold back every signal until the program has ended.

    Returns:
        Whether the array is there.
    """
    start = time.perf_counter()
    while time.perf_counter() - start < _MOMENT:
        if array.is_ready():  # type: ignore[attr-defined]
            return True
    # To ask again and again would oversleep, and takes a processor from the program.
    ended = threading.Event()
    threading.Thread(target=_await, args=(array, ended)).start()
    while not ended.wait(_PATIENCE):
        if pressed() > 1:
            return False
    return True


def _await(array: jax.Array, ended: threading.Event) -> None:
    with contextlib.suppress(Exception):  # which is raised again where the array is used
        array.block_until_ready()
    ended.set()
