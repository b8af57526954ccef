"""Where a run computes: the device that is asked for, or one line that says what is there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import jax

Platform = Literal["cpu", "gpu", "tpu"]
PLATFORMS: tuple[Platform, ...] = ("cpu", "gpu", "tpu")


@contextmanager
def on_device(platform: Platform | None) -> Iterator[jax.Device]:
    """Compute on the first device of a platform inside the ``with``.

    Args:
        platform: "cpu", "gpu" or "tpu"; None leaves the choice to JAX.

    Yields:
        The device.

    Raises:
        ValueError: this machine has none; says which it has.
    """
    devices = _devices(platform)
    if not devices:
        there = [f"{len(found)} {name}" for name in PLATFORMS if (found := _devices(name))]
        raise ValueError(f"device {platform} is not here; JAX sees {', '.join(there)}")
    with jax.default_device(devices[0]):
        yield devices[0]


def simulated(devices: int) -> dict[str, str]:
    """What the environment of a process says, beside its other flags, for so many CPU devices.

    JAX reads it once, when it looks for devices.
    """
    count = f"--xla_force_host_platform_device_count={devices}"
    flags = f"{os.environ.get('XLA_FLAGS', '')} {count}".strip()
    return {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}


def _devices(platform: Platform | None) -> list[jax.Device]:
    try:
        return jax.devices(platform)
    except RuntimeError:  # how JAX says that a platform is absent
        return []
