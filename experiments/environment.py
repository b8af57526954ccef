"""What a run depended on: versions, device, commit; no host names, no paths."""

import datetime
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import jax
import scipy.linalg  # noqa: F401 (loads a library of its own, in every run so)

from bcejax.numerics import require
from experiments.versions import version_of

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bcejax", "jax", "jaxlib", "flax", "optax", "chex", "numpy", "scikit-learn", "keras")


def describe_environment(device: jax.Device, command: str) -> dict[str, Any]:
    """Facts that another person needs to repeat a run.

    Args:
        device: what computed.
        command: the command that repeats it.

    Returns:
        Words to facts, ready for JSON.
    """
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
        **_commit(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "blas": _blas(),
        "platform": device.platform,
        "device": device.device_kind,
        "x64": jax.dtypes.canonicalize_dtype("float64") == "float64",
        "versions": {name: found for name in PACKAGES if (found := version_of(name))},
    }


def _commit() -> dict[str, Any]:
    """The commit of this checkout, and whether files were changed since; {} outside of one.

    Records do not count: a run that wrote its own has changed nothing that the next depends on.
    """
    top, head = _git("rev-parse", "--show-toplevel"), _git("rev-parse", "HEAD")
    if not head or Path(top).resolve() != ROOT:
        return {}
    changed = _git("status", "--porcelain", "-uno", "--", ".", ":!experiments/records")
    return {"commit": head, "modified": bool(changed)}


def _blas() -> str:
    """The linear algebra that NumPy and SciPy call; its kernels double a speed, or halve it."""
    threads = require("threadpoolctl", extra="experiments", purpose="running experiments")
    those = (each for each in threads.threadpool_info() if each["user_api"] == "blas")
    words = ("internal_api", "version", "architecture")
    found = {" ".join(str(each[word]) for word in words if each.get(word)) for each in those}
    return ", ".join(sorted(found))


def _git(*words: str) -> str:
    """What git answers, or nothing where it or the checkout is absent."""
    try:
        done = subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip()
