"""Where a command computes: the device that is asked for, or one line that says what is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import jax

Platform = Literal["cpu", "gpu", "tpu"]
# How JAX says that a platform is absent, the second where it is asked for CUDA and nothing else.
ABSENT = (RuntimeError, AssertionError)


@contextmanager
def on_device(platform: Platform | None) -> Iterator[jax.Device]:
    """Compute on the first device of a platform inside the ``with``.

    Args:
        platform: "cpu", "gpu" or "tpu"; None leaves the choice to JAX.

    Yields:
        The device.

    Raises:
        ValueError: this machine has none; says which it has, or why JAX finds no device at all.

    Example:
        >>> with on_device("cpu") as device:
        ...     device.platform
        'cpu'
    """
    try:
        device = jax.devices(platform)[0]
    except ABSENT as error:
        raise ValueError(_what_is_there(platform, error)) from None
    with jax.default_device(device):
        yield device


def _what_is_there(platform: Platform | None, error: Exception) -> str:
    there = [f"{len(found)} {name}" for name in get_args(Platform) if (found := _devices(name))]
    if platform and there:
        return f"device {platform} is not here; JAX sees {', '.join(there)}"
    asked = jax.config.values["jax_platforms"]
    reason = str(error).partition("\n")[0] or f"JAX_PLATFORMS is {asked}, which is not here"
    return f"JAX finds no device: {reason}"


def _devices(platform: Platform) -> list[jax.Device]:
    try:
        return jax.devices(platform)
    except ABSENT:
        return []
