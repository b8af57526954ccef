"""Ctrl-C ends a command at once, whatever its threads are at."""

import os
import signal
import sys
import threading

from rich.console import Console


def end_at_interrupt() -> None:
    """Let Ctrl-C end this process with one line and exit status 130.

    Python tells only its first thread of a signal, and not while that compiles; then it would wait
    for the other threads. So a thread of its own listens.
    For the entry of a process only: to call a command from another program changes nothing.

    Example:
        >>> callable(end_at_interrupt)  # to call it would change how this process ends
        True
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return  # whoever started this process wants it otherwise
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)
    signal.signal(signal.SIGINT, lambda *_: None)
    threading.Thread(target=_end_when, args=(heard,), daemon=True).start()


def _end_when(heard: int) -> None:
    while os.read(heard, 1) != bytes([signal.SIGINT]):
        pass
    Console(stderr=True).show_cursor()  # a spinner hides it
    print("interrupted", file=sys.stderr, flush=True)
    os._exit(130)
