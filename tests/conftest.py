from pathlib import Path

import jax
import pytest

MAPS = Path("/proc/self/maps")
MANY = 10_000


@pytest.fixture(autouse=True, scope="module")
def _room_for_programs():
    """Forget compiled programs before there are too many.

    Each keeps memory maps, of which Linux gives a process 65,530; beyond them XLA crashes.
    """
    yield
    if MAPS.exists() and MAPS.read_bytes().count(b"\n") > MANY:
        jax.clear_caches()
