"""Draws of many examples, measured in cells: programs that stand in say what comes of them."""

import jax
import numpy as np
import pytest

from bcejax.calibration.examples import as_examples
from bcejax.calibration.reporting import draws

EXAMPLES = as_examples([0, 1, 0, 1], probs=[0.2, 0.4, 0.6, 0.8])
OF_DATA = {"errors": {"finite": np.array(0.5), "endless": np.array(np.inf)}}
KNOWN = {"errors": {"finite": np.float64(0.75), "endless": np.float64(np.inf)}}


def in_cells(examples, key, first, simulate, count, bins):
    assert bins == 2  # the cube root of 4 examples, not of 2 cells
    each = 0.25 + np.asarray(first + np.arange(count), float)
    return {"errors": {"finite": each, "endless": each}}


@pytest.fixture
def measured(monkeypatch):
    """How often all examples were measured."""
    calls = []
    monkeypatch.setattr(draws, "cell_size", lambda n: 2)
    monkeypatch.setattr(draws, "_of_data", lambda examples, bins: calls.append(bins) or OF_DATA)
    monkeypatch.setattr(draws, "_measured", in_cells)
    return calls


def drawn(count, **options):
    found = draws.draw_measures(
        EXAMPLES, key=jax.random.key(0), draws=count, simulate=True, **options
    )
    return found["errors"]


def test_draws_are_moved_so_that_draw_0_is_the_value_of_the_data(measured):
    found = drawn(3)
    np.testing.assert_array_equal(found["finite"], [0.5, 1.5, 2.5, 3.5])
    np.testing.assert_array_equal(found["endless"], [np.inf, 1.25, 2.25, 3.25])
    assert len(measured) == 1


def test_values_that_are_known_are_not_measured_anew(measured):
    np.testing.assert_array_equal(drawn(1, values=KNOWN)["finite"], [0.75, 1.75])
    assert not measured


def test_without_draws_there_is_the_value_alone(measured):
    np.testing.assert_array_equal(drawn(0)["finite"], [0.5])
