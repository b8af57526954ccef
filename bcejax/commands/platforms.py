"""Where a command computes: the device that is asked for, or one line that says what is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import jax

Platform = Literal["cpu", "gpu", "tpu"]


@contextmanager
def on_device(platform: Platform | None) -> Iterator[jax.Device]:
    """Compute on the first device of a platform inside the ``with``.

    Args:
        platform: "cpu", "gpu" or "tpu"; None leaves the choice to JAX.

    Yields:
        The device.

    Raises:
        ValueError: this machine has none; says which it has.

    Example:
        >>> with on_device("cpu") as device:
        ...     device.platform
        'cpu'
    """
    devices = _devices(platform)
    if not devices:
        there = [f"{len(found)} {name}" for name in get_args(Platform) if (found := _devices(name))]
        raise ValueError(f"device {platform} is not here; JAX sees {', '.join(there)}")
    with jax.default_device(devices[0]):
        yield devices[0]


def _devices(platform: Platform | None) -> list[jax.Device]:
    try:
        return jax.devices(platform)
    except RuntimeError:  # how JAX says that a platform is absent
        return []
