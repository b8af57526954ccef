from pathlib import Path

import jax
import pytest

MAPS = Path("/proc/self/maps")
MANY = 10_000


def pytest_configure(config):
    """Let a worker that finds a program half written by another compile its own, as jax says."""
    half_written = "ignore:Error reading persistent compilation cache entry:UserWarning"
    config.addinivalue_line("filterwarnings", half_written)


@pytest.fixture(autouse=True, scope="module")
def _room_for_programs():
    """Forget compiled programs before there are too many.

    Each keeps memory maps, of which Linux gives a process 65,530; beyond them XLA crashes.
    """
    yield
    if MAPS.exists() and MAPS.read_bytes().count(b"\n") > MANY:
        jax.clear_caches()
