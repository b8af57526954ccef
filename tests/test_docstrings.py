"""Every example in a docstring runs and shows what it says, in JAX's default precision."""

import doctest
import importlib
from pathlib import Path

import jax
import pytest

ROOT = Path(__file__).parent.parent
NAMES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "bcejax").rglob("*.py")
)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("name", NAMES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    names = {"jax": jax, "jnp": jax.numpy}
    with jax.enable_x64(False):
        failed, _ = doctest.testmod(module, optionflags=FLAGS, extraglobs=names)
    assert failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    modules = [importlib.import_module(name) for name in NAMES]
    assert sum(bool(test.examples) for m in modules for test in finder.find(m)) > 60
