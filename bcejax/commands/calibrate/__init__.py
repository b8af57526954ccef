"""``bcejax calibrate``: predictions in; a report, figures and a calibrator out."""

from bcejax.commands.calibrate.entry import main

__all__ = ["main"]
