"""What does ``import bcejax`` cost on top of JAX?

Run:     python -m experiments run import_time  (about 20 s)
Expect:  at most 1.1 times ``import jax, chex``, and no module of Flax, Optax or matplotlib.

A pipeline imports its loss wherever a process starts, so the loss may not bring a training
library along. Fresh interpreters import one or the other in turn; the median of the ratios of
neighbours is what counts, since other work on the machine slows both alike. The subpackages of
bcejax load on first use.
"""

import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np

from experiments import Claim, Experiment, Result, Table, Track, Verdict, untracked
from experiments.apart import said_by

HEAVY = {"flax", "optax", "orbax", "matplotlib", "mpmath", "rich", "sklearn", "scipy.optimize"}
STATEMENTS = {"jax and chex": "import jax, chex", "bcejax": "import bcejax"}


@dataclass(frozen=True)
class Config:
    """How often to look."""

    repeats: int = 15
    """Pairs of fresh interpreters."""
    limit: float = 1.1
    """Largest ratio of the two times."""


def run(config: Config, track: Track = untracked) -> Result:
    """Import in fresh interpreters, in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for statement in STATEMENTS.values():
        start_and_import(statement)  # fill the disk cache
    for _ in track(range(config.repeats), "pairs"):
        for name, statement in STATEMENTS.items():
            seconds[name].append(start_and_import(statement))
    ratios = np.array(seconds["bcejax"]) / np.array(seconds["jax and chex"])
    ratio = float(np.median(ratios))
    base, ours = (modules_after(statement) for statement in STATEMENTS.values())
    foreign = sorted(name for name in ours - base if not name.startswith("bcejax"))
    heavy = sorted((ours - base) & HEAVY)
    verdict = Verdict(
        (
            Claim("median time against import jax, chex", ratio, "<=", config.limit),
            Claim("heavy packages that come along", len(heavy), "==", 0),
        ),
        answer=f"import bcejax takes {ratio:.2f} times as long as import jax, chex, and brings "
        f"{len(ours - base) - len(foreign)} modules of its own and {len(foreign)} others along.",
    )
    table = Table(
        "seconds",
        "Seconds from the start of an interpreter to the end of the import.",
        {f"{name} (s)": values for name, values in seconds.items()} | {"ratio": ratios},
    )
    return Result(verdict, tables=(table,))


def start_and_import(statement: str) -> float:
    """Seconds of a fresh interpreter that does nothing else."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def modules_after(statement: str) -> set[str]:
    """Names of the modules that an import leaves."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    return set(said_by(code))


EXPERIMENT = Experiment(run, default=Config(), tiny=Config(repeats=1, limit=3.0), alone=True)
