"""Each fault is caught by its own check, and by no other."""

import pytest
from analysis.auditing.mutants import MUTANTS

from bcejax.analysis import audit
from bcejax.analysis.auditing import CHECKS


def test_there_is_a_mutant_for_every_check():
    assert list(MUTANTS) == list(CHECKS)


@pytest.mark.parametrize("name", MUTANTS)
def test_each_fault_is_caught_by_its_check_alone(name):
    assert audit(MUTANTS[name]).failures == (name,)
