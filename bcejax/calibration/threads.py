"""Work on a second thread, in the precision of the first.

XLA and NumPy let other threads run while they compile and compute, so two pieces of work that do
not wait for each other go on beside each other.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def as_here(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The function, to be called on another thread with this thread's default precision.

    Args:
        function: anything that computes with JAX.

    Returns:
        A function of the same arguments.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with jax.enable_x64(True), ThreadPoolExecutor(1) as beside:
        ...     print(beside.submit(as_here(jax.numpy.ones), 2).result().dtype)
        float64
    """
    x64 = jax.config.read("jax_enable_x64")

    def called(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
        with jax.enable_x64(x64):  # a setting of one thread, which others do not inherit
            return function(*args, **options)

    return called
