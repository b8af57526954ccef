import itertools

import numpy as np
import pytest

from bcejax.solvers import SolverStatus
from experiments.separation import findings, judges
from experiments.separation.judges import OF_SCIKIT, Opinions
from experiments.separation.settings import BINARY, NORMAL, Config, Kind

CONFIG = Config(columns=2, rows=(6,), binary_rows=(8,), trials=64)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_the_law_counts_labellings_that_the_program_calls_separated():
    inputs = np.random.default_rng(0).standard_normal((6, 2))
    labellings = [np.array(each, float) for each in itertools.product((0, 1), repeat=6)]
    separated = sum(judges.is_separated(inputs, labels) for labels in labellings)
    assert separated / 64 == findings.law(6, 2)


@pytest.mark.parametrize(
    ("column", "labels", "separated"),
    [
        ([0, 1, 2, 3], [0, 0, 1, 1], True),
        ([0, 1, 1, 2], [0, 0, 1, 1], True),  # quasi: two rows on the line between
        ([0, 1, 2, 3], [0, 1, 0, 1], False),
        ([0, 0, 1, 1], [0, 1, 0, 1], False),
        ([0, 0, 1, 1], [0, 1, 1, 1], True),
        ([1, 2, 3, 4], [1, 1, 1, 1], True),
    ],
)
def test_the_program_knows_the_plain_cases(column, labels, separated):
    inputs = np.array(column, float)[:, None]
    assert judges.is_separated(inputs, np.array(labels, float)) == separated


def opinions(share, status=None, margin=0.0, firth=3.0, silent=True):
    truth = np.arange(64) < share * 64
    said = np.where(truth, SolverStatus.SEPARATED, SolverStatus.CONVERGED)
    largest = {"firth": np.full(64, firth)}
    return Opinions(
        truth,
        said if status is None else np.full(64, status),
        np.where(truth, margin, np.nan),
        np.where(truth, 1.0, np.nan),
        largest | {solver: np.full(64, 50.0) for solver in OF_SCIKIT},
        {solver: np.full(64, silent) for solver in OF_SCIKIT},
    )


def found_with(**changes):
    law = findings.law(6, 2)
    return {
        Kind(NORMAL, 6): opinions(changes.pop("share", law), **changes),
        Kind(BINARY, 8): opinions(0.25),
    }


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({}, set()),
        ({"status": SolverStatus.SEPARATED}, {NORMAL, "Cover", "directions"}),
        ({"status": SolverStatus.MAX_STEPS}, {NORMAL, "neither", "Cover"}),
        ({"margin": -1e-3}, {"directions"}),
        ({"share": 0.0}, {"Cover"}),
        ({"firth": np.inf}, {"not finite", "largest |logit|"}),
        ({"firth": 50.0}, {"largest |logit|"}),
        ({"silent": False}, set(OF_SCIKIT)),
    ],
)
def test_claims_follow_the_opinions(changes, failing):
    claims = findings.claims_of(found_with(**changes), CONFIG)
    failed = [claim.text for claim in claims if not claim.holds]
    assert len(failed) == len(failing), failed
    assert all(any(part in text for text in failed) for part in failing)
