"""Every public name has an example, and every example shows what it says, in default precision."""

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


def test_every_public_name_has_an_example():
    """In its own docstring, among those that the test above runs; constants have none."""
    modules = [importlib.import_module(name) for name in NAMES]
    tests = [test for module in modules for test in doctest.DocTestFinder().find(module)]
    shown = {test.name for test in tests if test.examples}
    exported = [(module, name) for module in modules for name in getattr(module, "__all__", ())]
    public = {thing for m, name in exported if callable(thing := getattr(m, name))}
    paths = {f"{thing.__module__}.{thing.__qualname__}" for thing in public}
    assert len(paths) > 280
    assert sorted(paths - shown) == []
