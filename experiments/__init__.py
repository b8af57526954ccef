"""The laboratory of bcejax: one file for each question, and what runs and reports them.

    python -m experiments list | run NAME... | run all | report

An experiment imports from here what it is made of; ``registry.py`` names all experiments.
"""

from experiments.experiment import Experiment, Opening, Track, read_opening, untracked
from experiments.outcome import Claim, Figure, Result, Table, Verdict, naming, together

__all__ = [
    "Claim",
    "Experiment",
    "Figure",
    "Opening",
    "Result",
    "Table",
    "Track",
    "Verdict",
    "naming",
    "read_opening",
    "together",
    "untracked",
]
