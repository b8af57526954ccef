"""The peers: which are here, in which version, and how they are called without a trace."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from bcejax.numerics import require
from experiments import naming
from experiments.versions import version_of

# The name to import, and that of the package.
PEERS = {
    "sklearn": "scikit-learn",
    "torchmetrics": "torchmetrics",
    "netcal": "netcal",
    "relplot": "relplot",
    "calibration": "uncertainty-calibration",
    "betacal": "betacal",
    "venn_abers": "venn-abers",
    "mapie": "MAPIE",
    "model_diagnostics": "model-diagnostics",
}


def installed() -> dict[str, str]:
    """The peers that are here: name to import, and package with version."""
    found = {name: version_of(package) for name, package in PEERS.items()}
    return {name: f"{PEERS[name]} {number}" for name, number in found.items() if number}


def left_out() -> tuple[str, ...]:
    """A sentence on those that are not, or nothing."""
    missing = [package for name, package in PEERS.items() if name not in installed()]
    return naming("Not installed, and left out", missing)


def peer(name: str) -> ModuleType:
    """A module of a peer."""
    return require(name, extra="peers", purpose="a comparison of calibration with its peers")


@contextmanager
def quietly() -> Iterator[None]:
    """Ignore the peers' warnings, and forget what they do to the filters: betacal ignores all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
