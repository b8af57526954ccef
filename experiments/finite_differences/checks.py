"""How wrong a gradient may be before a check by differences raises, for arrays of any size.

The loss of n logits has its right values, and every derivative too large by a share e.  For each
check e is raised, a quarter of a power of 2 at a time, until the check raises.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads

from bcejax.analysis import exact_values, ulp_error
from bcejax.losses import bce_with_logits
from experiments import Claim, Figure, Table

Loss = Callable[[jax.Array], jax.Array]
SHARES = np.concatenate([[0.0], 2.0 ** np.arange(-27, 6, 0.25)])
HALF_WRONG = 0.5


@jax.custom_jvp
def faulty(logits: jax.Array, share: float) -> jax.Array:
    """The loss of label 1, whose derivative is (1 + share) times the right one."""
    return bce_with_logits(logits, jnp.ones_like(logits))


@faulty.defjvp
def _faulty_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    logits, share = primals
    value, tangent = jax.jvp(
        lambda x: bce_with_logits(x, jnp.ones_like(x)), (logits,), tangents[:1]
    )
    return value, (1 + share) * tangent


def within_an_ulp(f: Loss, logits: jax.Array) -> None:
    """What to use instead: every entry of the gradient against the oracle."""
    gradient = jax.grad(lambda x: f(x).sum())(logits)
    error = ulp_error(gradient, exact_values("gradient", logits, 1.0)).max()
    assert error <= 1, f"the gradient is {error:.3g} ulp off"


def one_by_one(f: Loss, logits: jax.Array) -> None:
    """``check_grads`` of a scalar at a few of the logits."""
    for x in logits[:: max(1, len(logits) // 8)]:
        check_grads(f, (x,), order=1)


FORWARD, REVERSE = "check_grads, forward", "check_grads, reverse"
CHEX, CHEX_MEAN = "chex, losses", "chex, mean loss"
SCALARS, ULP = "check_grads, scalars", "1 ulp of the oracle"
CHECKS: dict[str, Callable[[Loss, jax.Array], None]] = {
    FORWARD: lambda f, x: check_grads(f, (x,), order=1, modes=("fwd",)),
    REVERSE: lambda f, x: check_grads(f, (x,), order=1, modes=("rev",)),
    CHEX: lambda f, x: chex.assert_numerical_grads(f, (x,), order=1),
    CHEX_MEAN: lambda f, x: chex.assert_numerical_grads(lambda x: f(x).mean(), (x,), order=1),
    SCALARS: one_by_one,
    ULP: within_an_ulp,
}


def passing_shares(sizes: Sequence[int]) -> dict[str, np.ndarray]:
    """Of each check the largest share that it lets pass at each size; nan if it passes none."""
    return {
        name: np.array([largest_passing(check, logits_of(size)) for size in sizes])
        for name, check in CHECKS.items()
    }


def logits_of(size: int) -> jax.Array:
    """Evenly spread over 6, in the middle 0.1."""
    return jnp.asarray(6 * (np.arange(size) + 0.5) / size - 2.9, jnp.float32)


def largest_passing(check: Callable[[Loss, jax.Array], None], logits: jax.Array) -> float:
    """By bisection: what raises at a share raises at every larger one."""
    run = jax.jit(faulty)
    low, high = -1, len(SHARES)
    while high - low > 1:
        middle = (low + high) // 2
        if passes(check, lambda x: run(x, np.float32(SHARES[middle])), logits):  # noqa: B023
            low = middle
        else:
            high = middle
    return float(SHARES[low]) if low >= 0 else np.nan


def passes(check: Callable[[Loss, jax.Array], None], f: Loss, logits: jax.Array) -> bool:
    """Whether it does not raise."""
    try:
        check(f, logits)
    except AssertionError:
        return False
    return True


def claims_on_checks(shares: dict[str, np.ndarray], sizes: Sequence[int]) -> Iterator[Claim]:
    """What passes on arrays, some of it half wrong, fails as a scalar."""
    n = sizes[-1]
    for name, bound in ((FORWARD, HALF_WRONG), (CHEX, HALF_WRONG / 2), (CHEX_MEAN, HALF_WRONG)):
        text = f"{name}, {n} elements: largest error of the gradient that passes"
        yield Claim(text, shares[name][-1], ">=", bound)
        text = f"{name}, {sizes[0]} element: largest error of the gradient that passes"
        yield Claim(text, shares[name][0], "<=", 0.1)
    for name, bound in ((REVERSE, 0.1), (SCALARS, 0.1), (ULP, 2.0**-20)):
        text = f"{name}, any size: largest error of the gradient that passes"
        yield Claim(text, float(shares[name].max()), "<=", bound)


def table_of_checks(shares: dict[str, np.ndarray], sizes: Sequence[int]) -> Table:
    """Size by size."""
    return Table(
        "checks",
        "The largest relative error of a gradient that passes a check in float32, by the number of"
        " elements.",
        {"elements": list(sizes)} | shares,
        dict.fromkeys(shares, ".2g"),
    )


def figure_of_checks(shares: dict[str, np.ndarray], sizes: Sequence[int]) -> Figure:
    """The blind spots."""
    found = "; ".join(f"{name} {each[-1]:.1g}" for name, each in shares.items())
    return Figure(
        "checks",
        "The largest relative error of a gradient that passes a check, against the number of"
        " elements, float32. Dotted: half wrong.",
        alt="Forward check_grads and both of chex rise in proportion to the number of elements;"
        f" the others stay low. With {sizes[-1]} elements: {found}.",
        draw=partial(draw_checks, shares=shares, sizes=sizes),
    )


def draw_checks(ax: Any, *, shares: dict[str, np.ndarray], sizes: Sequence[int]) -> None:
    """One line for each check."""
    for name, each in shares.items():
        ax.plot(sizes, each, ".-", label=name)
    ax.axhline(HALF_WRONG, color="0.5", linewidth=1, linestyle=":")
    ax.set(xscale="log", yscale="log", xlabel="elements")
    ax.set_ylabel("largest error of the gradient that passes")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
