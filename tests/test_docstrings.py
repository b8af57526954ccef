"""Every example in a docstring runs and shows what it says, in JAX's default precision."""

import doctest
import importlib
import inspect
import re
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


def words(*texts):
    return set(re.findall(r"\w+", " ".join(map(str, texts))))


def returned_by(thing):
    """Names in what a function, or a method of a class, is said to return."""
    functions = [thing]
    if inspect.isclass(thing):
        functions = [each for _, each in inspect.getmembers(thing, inspect.isroutine)]
    return words(*(getattr(each, "__annotations__", {}).get("return") for each in functions))


def test_every_public_name_has_an_example():
    """Its own; or it is in another's, or what one returns, or a field of such a record."""
    modules = [importlib.import_module(name) for name in NAMES]
    exported = ((module, name) for module in modules for name in getattr(module, "__all__", ()))
    public = {name: thing for m, name in exported if callable(thing := getattr(m, name))}
    texts = {name: inspect.getdoc(thing) or "" for name, thing in public.items()}
    examples = {name: doctest.DocTestParser().get_examples(text) for name, text in texts.items()}
    own = {name for name in public if examples[name]}
    shown = own | words(*(each.source for name in own for each in examples[name]))
    shown |= set().union(*(returned_by(public[name]) for name in own))
    before = set()
    while before != shown:
        before = set(shown)
        records = [public[name] for name in shown & public.keys()]
        fields = [getattr(each, "__annotations__", {}) for each in records if inspect.isclass(each)]
        shown |= words(*(each.values() for each in fields))
    assert len(own) > 150
    assert sorted(public.keys() - shown) == []
