"""Devices that are not there: one CPU in the place of several."""

import os


def simulated(devices: int) -> dict[str, str]:
    """What the environment of a process says, beside its other flags, for so many CPU devices.

    JAX reads it once, when it looks for devices.
    """
    count = f"--xla_force_host_platform_device_count={devices}"
    flags = f"{os.environ.get('XLA_FLAGS', '')} {count}".strip()
    return {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
