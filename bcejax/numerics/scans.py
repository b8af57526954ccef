"""Rules of differentiation that outlive a scan.

Before 0.12, JAX drops the rules of custom_jvp functions in the body of a ``lax.scan`` (hence of
``lax.map``) once it has linearized the scan.  A second derivative then goes through the arithmetic
that stands behind the rules, which was not made for that, and comes out as 0, say, in silence.
Inside a ``jax.checkpoint`` rules are kept, so a function is wrapped in one.  Its arguments are what
a loss keeps for its derivatives anyway, and XLA makes one of what is computed twice.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import jax

Function = TypeVar("Function", bound=Callable[..., Any])

KEEPS_RULES = (0, 12)


def outlive_scans(function: Function) -> Function:
    """The function, whose rules hold in scans too, for every order of differentiation.

    Args:
        function: of arrays, numbers and options; what is not traced reaches it as it is.

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

    @functools.wraps(function)
    def kept(*args: Any, **options: Any) -> Any:
        leaves, tree = jax.tree.flatten((args, options))
        traced = {i: leaf for i, leaf in enumerate(leaves) if isinstance(leaf, jax.core.Tracer)}

        @functools.partial(jax.checkpoint, prevent_cse=False)
        def computed(traced: dict[int, jax.Array]) -> Any:
            mixed = [traced.get(i, leaf) for i, leaf in enumerate(leaves)]
            args, options = jax.tree.unflatten(tree, mixed)
            return function(*args, **options)

        return computed(traced) if traced else function(*args, **options)

    return kept  # type: ignore[return-value]
