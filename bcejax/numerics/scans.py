"""Rules of differentiation that outlive a scan.

Before 0.12, JAX drops the rules of custom_jvp functions in the body of a ``lax.scan`` (hence of
``lax.map``) once it has linearized the scan.  A second derivative then goes through the arithmetic
that stands behind the rules, which was not made for that, and comes out as 0, say, in silence.
Inside a ``jax.checkpoint`` rules are kept, so a function is wrapped in one.  Its arguments are what
a loss keeps for its derivatives anyway, and XLA makes one of what is computed twice.  The jit
inside makes one program of what a backward pass outside jit computes again.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax

Function = TypeVar("Function", bound=Callable[..., Any])

KEEPS_RULES = (0, 12)


def outlive_scans(function: Function) -> Function:
    """The function, whose rules hold in scans too, for every order of differentiation.

    Args:
        function: of arrays.

    Returns:
        The function itself from jax 0.12 on.

    Example:
        >>> grown = jax.custom_jvp(lambda x: jax.lax.stop_gradient(jax.numpy.exp(x)))
        >>> grown.defjvps(lambda dot, out, x: grown(x) * dot)
        >>> kept = outlive_scans(grown)
        >>> jax.grad(jax.grad(lambda x: jax.lax.map(kept, x[None]).sum()))(0.0)
        Array(1., dtype=float32, weak_type=True)
    """
    if jax.__version_info__ >= KEEPS_RULES:
        return function
    return jax.checkpoint(jax.jit(function), prevent_cse=False)  # type: ignore[return-value]
