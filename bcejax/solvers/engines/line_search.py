"""How far to go along a direction on a convex function of one number.

With V(t) the value, V'(0) < 0, a size t > 0 is good (Wolfe) where

    V(t) <= V(0) + 1e-4 t V'(0)   less what rounding hides,   |V'(t)| <= 0.9 |V'(0)|.

Newton's step on V' = 0, if it stays between the largest size known to be too short and the smallest
known to be too long, is tried next; else the middle, or four times the size.  For a logistic
regression V at any t costs no pass: the logits are z + t X·step.

Source: J. Nocedal and S. Wright, Numerical Optimization, 2nd ed. (2006), chapter 3.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp
import numpy as np

from bcejax.solvers.worlds import World

TRIALS = 40
Along: TypeAlias = Callable[[Any], tuple[Any, Any, Any]]


class _Trial(NamedTuple):
    size: Any
    low: Any  # the largest size known to be too short
    high: Any  # the smallest known to be too long
    done: Any
    trials: Any


def wolfe_size(world: World, along: Along, like: Any) -> Any:
    """A good size, 1 first; or 0 where none is found.

    Args:
        world: of the arrays.
        along: V, V' and V'' at a size.
        like: an array of the dtype of V.

    Example:
        >>> from bcejax.solvers.worlds import NUMPY
        >>> size = wolfe_size(NUMPY, lambda t: ((t - 0.3) ** 2, 2 * t - 0.6, 2.0), np.zeros(1))
        >>> round(float(size), 3)
        0.3
    """
    xp, dtype = world.xp, like.dtype
    zero = xp.zeros((), dtype)
    value, slope, _ = along(zero)
    slack = 8 * float(jnp.finfo(dtype).eps) * xp.abs(value)

    def advance(trial: _Trial) -> _Trial:
        t = trial.size
        v, s, bend = along(t)
        lower = v <= value + 1e-4 * t * slope + slack
        done = lower & (xp.abs(s) <= 0.9 * xp.abs(slope))
        short = lower & (s < 0)
        low, high = xp.where(short, t, trial.low), xp.where(short, trial.high, t)
        newton = t - s / xp.where(bend > 0, bend, 1)
        inside = (newton > low) & (newton < xp.minimum(high, 10 * t)) & (bend > 0)
        middle = xp.where(xp.isinf(high), 4 * t, (low + high) / 2)
        size = xp.where(done, t, xp.where(inside, newton, middle))
        return _Trial(size, low, high, done, trial.trials + 1)

    def goes_on(trial: _Trial) -> Any:
        return ~trial.done & (trial.trials < TRIALS)

    begun = _Trial(zero + 1, zero, zero + np.inf, ~(slope < 0), xp.int32(0))
    end = world.while_loop(goes_on, advance, begun)
    return xp.where(end.done & (slope < 0), end.size, end.low)
