"""Scripts that need several devices, each in a process of its own: jax counts them as it starts."""

import os
import subprocess
import sys
import textwrap

from experiments.device import simulated


def start(devices, script, *arguments):
    """A process that runs a script on so many CPU devices."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        env=os.environ | simulated(devices),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def last_line(process):
    """What a script printed last; it must have come to its end."""
    try:
        out, errors = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 0, errors[-3000:]
    return out.splitlines()[-1]


def run(devices, script, *arguments):
    return last_line(start(devices, script, *arguments))
