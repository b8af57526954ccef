import pytest
from matplotlib.figure import Figure


@pytest.fixture
def ax():
    """Axes that belong to no window."""
    return Figure().subplots()
