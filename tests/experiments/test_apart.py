"""Ways in processes of their own, and the memory of their calls."""

import os
import subprocess

import numpy as np
import pytest

from experiments import untracked
from experiments.apart import burst_of, by_turns, cost_of, crew, high_water, said_by


def test_a_call_costs_what_it_takes_at_most():
    cost = cost_of(lambda: float(np.ones(16_000_000).sum()))
    assert cost.answer == 16_000_000
    assert cost.extra >= 0.9 * 8 * cost.answer
    assert cost.seconds > 0


@pytest.mark.parametrize("apart", [True, False])
def test_a_way_works_in_a_process_of_its_own(apart):
    with crew(["a"], apart=apart) as workers:
        assert (workers["a"].submit(os.getpid).result() != os.getpid()) == apart
        assert (workers["a"].submit(os.getenv, "JAX_PLATFORMS").result() == "cpu") >= apart


def test_ways_take_turns():
    turns = []

    def burst(way, calls):
        turns.append(way)
        return burst_of(lambda: None, calls)

    def first(way, word):
        turns.append(way + word)
        return cost_of(lambda: word)

    with crew(["a", "b"], apart=False) as workers:
        found = by_turns(
            workers, first, ("!",), burst, turns=2, calls=3, track=untracked, what="calls"
        )
    assert turns == ["a!", "b!", "a", "b", "a", "b"]
    for cost, times in found.values():
        assert cost.answer == "!"
        assert times.first == cost.seconds
        assert len(times.warm) == 6


def test_what_a_program_prints_last_is_read():
    code = "import os, sys, json; print('noise'); print(json.dumps([sys.argv[1], os.environ['B']]))"
    assert said_by(code, "a", env={"B": "b"}) == ["a", "b"]
    with pytest.raises(subprocess.CalledProcessError):
        said_by("raise SystemExit(3)")


def test_a_child_does_not_count_what_its_parent_held():
    held = np.ones(100_000_000)
    with crew(["a"], apart=True) as workers:
        assert workers["a"].submit(high_water).result() < held.nbytes
