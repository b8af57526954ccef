"""The metrics of a report for the data and for draws, all by one program.

Draw 0 is the data. The others either resample the examples (weights times counts of a multinomial
law) or simulate labels y* ~ Bernoulli(p). Which, the program learns as it runs: what is compiled
once serves the estimates, the bootstrap and the simulation, and to compile takes longer than to run
it for a thousand examples.

Isotonic regression is left out of the bootstrap, where it is inconsistent.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bcejax.calibration.examples import Examples
from bcejax.calibration.inference.bootstrap import draw_counts
from bcejax.calibration.inference.replication import in_pieces, replicated
from bcejax.calibration.inference.simulation import simulate_labels
from bcejax.calibration.reporting.measures import measure_errors, measure_parts, measure_scores

Draws = dict[str, dict[str, np.ndarray]]


def draw_measures(
    examples: Examples,
    *,
    key: jax.Array,
    draws: int,
    simulate: bool,
    progress: Callable[[int, int], None] | None = None,
) -> Draws:
    """All metrics of the data, and of so many draws behind them.

    Args:
        examples: n that count, ascending by score.
        key: of ``jax.random``.
        draws: how many.
        simulate: labels, instead of resampling examples.
        progress: called as ``progress(done, count)`` after each tenth.

    Returns:
        The values (draws + 1,) by part and name of metric; those of isotonic regression are nan
        where examples are resampled.
    """
    found = in_pieces(
        lambda first, length: _measured(examples, key, first, jnp.array(simulate), length),
        draws + 1,
        progress,
        examples,
    )
    return jax.tree.map(np.asarray, found)


@functools.partial(jax.jit, static_argnames="count")
def _measured(
    examples: Examples, key: jax.Array, first: jax.Array, simulate: jax.Array, count: int
) -> dict[str, dict[str, jax.Array]]:
    logits, size = examples.log_odds(), examples.labels.size
    places, trials = jnp.arange(size, dtype=jnp.int32), jnp.int32(size)
    data = jax.random.key_data(jax.random.fold_in(key, 0))

    def once(own: jax.Array) -> dict[str, dict[str, jax.Array]]:
        is_data = jnp.all(jax.random.key_data(own) == data)  # draw 0
        counts = jnp.where(is_data | simulate, 1, draw_counts(own, places, trials))
        labels = jnp.where(is_data | ~simulate, examples.labels, simulate_labels(own, logits))
        weights = examples.weights * counts
        return {
            "scores": examples.measured(measure_scores, labels=labels, weights=weights),
            "errors": examples.measured(measure_errors, labels=labels, weights=weights),
            "parts": lax.cond(simulate, _parts, _no_parts, examples, labels),
        }

    return replicated(once, key, first, count, size)


def _parts(examples: Examples, labels: jax.Array) -> dict[str, jax.Array]:
    return examples.measured(measure_parts, labels=labels)


def _no_parts(examples: Examples, labels: jax.Array) -> dict[str, jax.Array]:
    shapes = jax.eval_shape(_parts, examples, labels)
    return jax.tree.map(lambda each: jnp.full(each.shape, jnp.nan, each.dtype), shapes)
