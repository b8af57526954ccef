"""Ctrl-C while arrays are in flight.

Python would raise ``KeyboardInterrupt`` between any two lines, also between the call that
consumes the old arrays and the assignment that keeps the new ones.  So the signal is counted
from the start of a fit on, the training loop ends at its next visit, and the signal is sent again
once the model is whole: whatever handled Ctrl-C before handles it then.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TypeAlias

import jax

_Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | None

# Seconds: to fall asleep, and then to start a thread, takes a good part of programs this short.
_MOMENT, _BRIEF = 1e-3, 1e-2
_NAP = 5e-5  # seconds from one look at a brief program to the next
_PATIENCE = 0.1  # seconds from one look at the keyboard to the next


class _Presses:
    """The handler of Ctrl-C during a fit.

    Attributes:
        count: how often it came.
        in_flight: whether arrays are; if not, the second press is let through at once.
    """

    def __init__(self, previous: _Handler) -> None:
        self.count, self.in_flight, self._previous = 0, False, previous

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1 and not self.in_flight:
            self.pass_on()

    def pass_on(self) -> None:
        """Send the signal to what handled it before, if it came."""
        signal.signal(signal.SIGINT, self._previous)
        if self.count:
            self.count = 0
            signal.raise_signal(signal.SIGINT)


@contextlib.contextmanager
def delayed_interrupts() -> Iterator[_Presses]:
    """Count Ctrl-C in the body, and send it once at the end.

    A second one does not wait for the end, unless arrays are in flight.  JAX's trees would turn a
    ``KeyboardInterrupt`` that is raised while they compare into an error of their own.
    """
    previous = signal.getsignal(signal.SIGINT)
    here = threading.current_thread() is threading.main_thread()
    if isinstance(previous, _Presses) and here:
        yield previous
        return
    presses = _Presses(previous)
    if not here or previous in (None, signal.SIG_IGN):
        yield presses
        return
    signal.signal(signal.SIGINT, presses)
    try:
        yield presses
    finally:
        presses.pass_on()


@contextlib.contextmanager
def held_interrupts() -> Iterator[Callable[[], int]]:
    """Count Ctrl-C in the body, where arrays are in flight, and send it once at the end.

    Yields:
        A function that tells how often Ctrl-C came so far, also in ``delayed_interrupts`` around
        the body.  Outside the main thread, where Python delivers no signals, and where Ctrl-C is
        ignored, it stays 0.
    """
    with delayed_interrupts() as presses:
        presses.in_flight = True
        try:
            yield lambda: presses.count
        finally:
            presses.in_flight = False


def wait(array: jax.Array, pressed: Callable[[], int], *, asleep: bool = False) -> bool:
    """Wait until an array is there; give up at the second Ctrl-C.

    ``array.block_until_ready()`` would hold back every signal until the program has ended.

    Args:
        array: of the program.
        pressed: how often Ctrl-C came.
        asleep: whether to leave the processor to the program from the start, as many devices on
            one CPU want it.

    Returns:
        Whether the array is there.
    """
    start = time.perf_counter()
    while (waited := time.perf_counter() - start) < _BRIEF:
        if array.is_ready():  # type: ignore[attr-defined]
            return True
        if asleep or waited > _MOMENT:
            time.sleep(_NAP)
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
