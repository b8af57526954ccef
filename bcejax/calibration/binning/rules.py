"""Which bins: how many, of equal width or of equal mass, and which end of a bin is closed.

    bins = K                 K bins
    bins = "cube_root"       K = the least whole number with K^3 >= W, the sum of the weights
    bins = (0, ..., 1)       the edges themselves, as probabilities
    strategy = "width"       edge k is k/K (edges.py)
    strategy = "mass"        each bin holds a like share of the weight (masses.py)

An example of weight k counts as k in "cube_root", as k copies of it would, and one of weight 0 not
at all; there weights that count no copies mean nothing.  Where they are traced, arrays have room
for the K of n unweighted examples, and K is at most that: the bins behind K are empty.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.calibration.examples import Examples, as_examples, evaluate
from bcejax.calibration.ordering import Ordering, ascending

Closed: TypeAlias = Literal["left", "right"]
Strategy: TypeAlias = Literal["width", "mass"]
Bins: TypeAlias = int | Literal["cube_root"] | Sequence[float] | np.ndarray | jax.Array

Result = TypeVar("Result")

MOST_BINS = 10**6  # that "cube_root" makes; more means that weights are no counts


class BinRule(NamedTuple):
    """Options that were checked; hashable, hence static under jit.

    Example:
        >>> rule = bin_rule("cube_root")
        >>> rule.room(1000), rule.closed
        (10, 'left')
    """

    bins: int | Literal["cube_root"] | tuple[float, ...]
    strategy: Strategy
    closed: Closed

    def room(self, n: int) -> int:
        """How many bins a table of n examples has room for."""
        if isinstance(self.bins, tuple):
            return len(self.bins) - 1
        return cube_root(n) if self.bins == "cube_root" else self.bins


def bin_rule(bins: Bins, strategy: Strategy = "width", closed: Closed = "left") -> BinRule:
    """Options of bins, checked.

    Args:
        bins: an integer >= 1, "cube_root", or two or more probabilities from 0 to 1, ascending.
        strategy: "width" or "mass"; edges that are given need "width".
        closed: "left" or "right".

    Returns:
        A ``BinRule``.

    Raises:
        TypeError: bins is none of the three.
        ValueError: it is below 1, no ascending edges from 0 to 1, or given with "mass"; or
            ``strategy`` or ``closed`` is unknown.

    Example:
        >>> bin_rule([0, 0.5, 1]).bins
        (0.0, 0.5, 1.0)
    """
    if strategy not in ("width", "mass"):
        raise ValueError(f"strategy {strategy!r} is not one of 'width', 'mass'")
    if closed not in ("left", "right"):
        raise ValueError(f"closed {closed!r} is not one of 'left', 'right'")
    if isinstance(bins, str) and bins == "cube_root":
        return BinRule("cube_root", strategy, closed)
    if isinstance(bins, int | np.integer) and not isinstance(bins, bool):
        if bins < 1:
            raise ValueError(f"bins is {bins}; there must be 1 or more")
        return BinRule(int(bins), strategy, closed)
    if isinstance(bins, str) or not np.iterable(bins):
        raise TypeError(f"bins is {bins!r}; it must be an integer, 'cube_root' or edges")
    if strategy == "mass":
        raise ValueError("bins gives edges and strategy is 'mass', which finds its own")
    return BinRule(_edges(bins), strategy, closed)


def _edges(bins: Sequence[float] | np.ndarray | jax.Array) -> tuple[float, ...]:
    edges = np.asarray(bins, np.float64)
    if edges.ndim != 1 or len(edges) < 2:
        raise ValueError(f"bins has shape {edges.shape}; edges are two or more numbers in a row")
    if edges[0] != 0 or edges[-1] != 1 or not np.all(np.diff(edges) >= 0):
        raise ValueError("bins gives edges that do not ascend from 0 to 1")
    return tuple(edges.tolist())


def settle(rule: BinRule, examples: Examples) -> tuple[BinRule, Ordering | None]:
    """What must be found before a kernel is traced: the number of bins, the order of the scores.

    Args:
        rule: what was asked for.
        examples: what is to be binned.

    Returns:
        The rule, with a number for "cube_root" if the weights can be looked at; and the ordering
        if bins of equal mass need one.

    Raises:
        ValueError: "cube_root" of weights whose sum cannot be a count.

    Example:
        >>> from bcejax.calibration.examples import as_examples
        >>> settle(bin_rule("cube_root"), as_examples([1, 0], probs=[0.5, 0.5], weights=[4, 5]))
        (BinRule(bins=3, strategy='width', closed='left'), None)
    """
    if rule.bins == "cube_root" and not isinstance(examples.weights, jax.core.Tracer):
        count = cube_root(float(np.sum(np.asarray(examples.weights), dtype=np.float64)))
        if count > MOST_BINS:
            raise ValueError(
                f"the weights add up to more than {MOST_BINS:.0e}^3; 'cube_root' takes them for "
                "counts: give a number of bins"
            )
        rule = rule._replace(bins=count)
    return rule, ascending(examples.scores()) if rule.strategy == "mass" else None


def in_bins(
    function: Callable[..., Result],
    rule: BinRule,
    labels: ArrayLike | Examples,
    *options: Hashable,
    additive: bool = False,
    **given: Any,
) -> Result:
    """What a function makes of checked examples in settled bins.

    Bins that depend on no value leave nothing to settle between the checks and the function, which
    then are one program.

    Args:
        function: jitted; called as ``function(examples, ordering, rule, *options)``, all behind
            the ordering static.
        rule: what was asked for.
        labels: as ``as_examples`` takes them.
        *options: of the function.
        additive: whether the function sums over examples, as ``evaluate`` takes it.
        **given: logits, probs, weights and where, as ``as_examples`` takes them.

    Returns:
        The function's result.

    Example:
        >>> def count(examples, ordering, rule):
        ...     return rule.room(len(examples.labels))
        >>> in_bins(count, bin_rule(15), [0, 1], probs=[0.5, 0.5])
        Array(15, dtype=int32, weak_type=True)
    """
    if rule.strategy == "width" and rule.bins != "cube_root":
        return evaluate(function, labels, None, rule, *options, additive=additive, **given)
    examples = as_examples(labels, **given)
    rule, ordering = settle(rule, examples)
    return function(examples, ordering, rule, *options)


def cube_root(total: float) -> int:
    """The least whole number >= 1 whose cube reaches a total.

    Example:
        >>> [cube_root(total) for total in (0.5, 8, 8.5, 1000, 3375)]
        [1, 2, 3, 10, 15]
    """
    root = max(1, round(math.cbrt(total)))
    return root + (root**3 < total)


def traced_count(rule: BinRule, weights: jax.Array) -> int | jax.Array:
    """The number K of bins, an int32 scalar where it depends on traced weights.

    Example:
        >>> traced_count(bin_rule("cube_root"), jnp.ones(9))
        Array(3, dtype=int32)
    """
    if rule.bins != "cube_root":
        return rule.room(len(weights))
    smaller = np.arange(1.0, rule.room(len(weights))) ** 3
    return 1 + jnp.sum(smaller.astype(weights.dtype) < jnp.sum(weights), dtype=jnp.int32)
