from pathlib import Path

import pytest

FAKES = Path(__file__).parent / "fakes"


@pytest.fixture
def fakes(monkeypatch):
    """The folder of experiments that exist for tests alone, importable by their names."""
    monkeypatch.syspath_prepend(FAKES)
    return FAKES
