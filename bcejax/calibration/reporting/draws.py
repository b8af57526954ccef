"""The metrics of a report for the data and for draws, all by one program.

Draw 0 is the data. The others either resample the examples (weights times counts of a multinomial
law) or simulate labels y* ~ Bernoulli(p). Which, the program learns as it runs: what is compiled
once serves the estimates, the bootstrap and the simulation, and to compile takes longer than to run
it for a thousand examples.

Isotonic regression is left out of the bootstrap, where it is inconsistent.

Of many examples the draws are measured in cells (cells.py), and draw 0 by a program of its own; by
the difference of its two measures, which is about the width of a cell, the draws are moved.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bcejax.calibration.binning.rules import bin_rule, settle
from bcejax.calibration.cells import cell_size, in_cells
from bcejax.calibration.examples import Examples
from bcejax.calibration.inference.bootstrap import draw_counts
from bcejax.calibration.inference.replication import in_pieces, replicated
from bcejax.calibration.inference.simulation import simulate_labels
from bcejax.calibration.reporting.measures import (
    MASS_BINS,
    measure_errors,
    measure_parts,
    measure_scores,
)

Draws = dict[str, dict[str, np.ndarray]]
Metrics = dict[str, dict[str, jax.Array]]


def draw_measures(
    examples: Examples,
    *,
    key: jax.Array,
    draws: int,
    simulate: bool,
    values: Draws | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Draws:
    """All metrics of the data, and of so many draws behind them.

    Args:
        examples: n that count, ascending by score.
        key: of ``jax.random``.
        draws: how many.
        simulate: labels, instead of resampling examples.
        values: draw 0 of an earlier call for the same examples, which then is not measured anew
            where it has a program of its own.
        progress: called as ``progress(done, count)`` after each tenth.

    Returns:
        The values (draws + 1,) by part and name of metric; those of isotonic regression are nan
        where examples are resampled.
    """
    bins = _as_many_bins(examples)

    def drawn() -> Draws:
        found = in_pieces(
            lambda first, count: _measured(examples, key, first, jnp.array(simulate), count, bins),
            draws + 1,
            progress,
            examples,
        )
        arrays: Draws = jax.tree.map(np.asarray, found)
        return arrays

    if cell_size(examples.labels.size) == 1:
        return drawn()
    if values is None:
        values = jax.tree.map(np.asarray, _of_data(examples, bins))
    if not draws:
        return jax.tree.map(lambda value: value[None], values)
    return jax.tree.map(_moved, drawn(), values)


def _as_many_bins(examples: Examples) -> int:
    """As the data have by their weights, which the number of examples or of cells does not say."""
    return settle(bin_rule(MASS_BINS["bins"]), examples)[0].room(examples.labels.size)


def _moved(drawn: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Draws in cells, moved so that draw 0 is the value of the data."""
    both = np.isfinite(value) & np.isfinite(drawn[0])
    moved: np.ndarray = drawn + np.where(both, value - drawn[0], 0)
    moved[0] = value
    return moved


@functools.partial(jax.jit, static_argnames=("count", "bins"))
def _measured(
    examples: Examples,
    key: jax.Array,
    first: jax.Array,
    simulate: jax.Array,
    count: int,
    bins: int,
) -> Metrics:
    """The draws, of many examples in cells."""
    logits, size = examples.log_odds(), examples.labels.size
    places, trials = jnp.arange(size, dtype=jnp.int32), jnp.int32(size)

    def simulated(own: jax.Array) -> tuple[jax.Array, jax.Array]:
        return simulate_labels(own, logits), jnp.ones_like(places)

    def resampled(own: jax.Array) -> tuple[jax.Array, jax.Array]:
        return examples.labels, draw_counts(own, places, trials)

    def once(own: jax.Array, number: jax.Array) -> Metrics:
        is_data = number == 0
        labels, counts = lax.cond(simulate, simulated, resampled, own)
        labels = jnp.where(is_data, examples.labels, labels)
        weights = examples.weights * jnp.where(is_data, 1, counts)
        if cell_size(size) == 1:
            return _metrics(examples._replace(labels=labels, weights=weights), simulate, bins)
        return _metrics(in_cells(examples, labels, weights, cell_size(size)), simulate, bins)

    return replicated(once, key, first, count, size)


def _of_data(examples: Examples, bins: int) -> Metrics:
    # apart, isotonic regression finds its blocks on the host
    return _without_parts(examples, bins) | {"parts": measure_parts(examples)}


def _metrics(examples: Examples, with_parts: jax.Array, bins: int) -> Metrics:
    parts = lax.cond(with_parts, measure_parts, _no_parts, examples)
    return _without_parts(examples, bins) | {"parts": parts}


@functools.partial(jax.jit, static_argnames="bins")
def _without_parts(examples: Examples, bins: int) -> Metrics:
    return {
        "scores": measure_scores(examples),
        "errors": measure_errors(examples, bins),
    }


def _no_parts(examples: Examples) -> dict[str, jax.Array]:
    shapes = jax.eval_shape(measure_parts, examples)
    return jax.tree.map(lambda each: jnp.full(each.shape, jnp.nan, each.dtype), shapes)
