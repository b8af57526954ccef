"""Runs that are broken off, and what they leave."""

import os
import signal


def press_in_epoch(monkeypatch, loop, epoch, times=1):
    """Ctrl-C while a loop draws the order of an epoch, one epoch to a call."""
    draw = loop.draw_order

    def drawing(words, drawn, n):
        if drawn == epoch:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        return draw(words, drawn, n)

    monkeypatch.setattr(loop, "draw_order", drawing)
    monkeypatch.setattr(loop, "_VISIT", 0.0)


def steps(folder):
    """The numbers of the checkpoints in a folder."""
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())
