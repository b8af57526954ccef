"""What a reviewer would have to remember: floors, no circles, names, documents."""

import ast
import importlib
import inspect
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "bcejax"
FLOORS = {"numerics": 0, "losses": 1, "data": 1, "solvers": 2, "models": 2}
FLOORS |= {"calibration": 3, "analysis": 3, "training": 4, "plots": 5, "commands": 6}
ONLY_IN = {
    "flax": {"models", "training"},
    "orbax": {"training"},
    "matplotlib": {"plots"},
    "mpmath": {"analysis"},
    "tyro": {"commands"},
    "jinja2": {"commands"},
    "keras": {"analysis"},
    "torch": {"analysis"},
    "numpyro": {"analysis"},
    "distrax": {"analysis"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))
NAMES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in MODULES
]


def imports(path):
    """Line and dotted name of each import in a file, also inside functions and in ``require``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require":
            first = node.args[0]
            yield node.lineno, first.value if isinstance(first, ast.Constant) else "?"


def floor_of(path):
    return path.relative_to(PACKAGE).parts[0]


def ids(path):
    return str(path.relative_to(ROOT))


INNER = [path for path in MODULES if path.parent != PACKAGE]


def test_the_house_is_complete():
    there = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert there <= set(FLOORS)
    assert len(INNER) > 30


@pytest.mark.parametrize("path", INNER, ids=ids)
def test_imports_go_down(path):
    own = floor_of(path)
    for line, name in imports(path):
        package, there, *_ = [*name.split("."), "", ""]
        if package == "bcejax" and there != own:
            assert there in FLOORS, f"{path}:{line} imports the top of the house"
            assert FLOORS[there] < FLOORS[own], f"{path}:{line} climbs from {own} to {there}"
        assert package not in {"experiments", "tests"}, f"{path}:{line} leaves the house"


@pytest.mark.parametrize("path", INNER, ids=ids)
def test_heavy_packages_stay_where_they_belong(path):
    for line, name in imports(path):
        allowed = ONLY_IN.get(name.split(".")[0], {floor_of(path)})
        assert floor_of(path) in allowed, f"{path}:{line} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_ours_are_imported_at_the_top(path):
    tree = ast.parse(path.read_text())
    inside = [
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bcejax")
    ]
    assert not inside, f"{path}:{inside[0].lineno} hides a circle"


def test_modules_of_a_floor_form_no_circle():
    graph = {}
    for path, name in zip(MODULES, NAMES, strict=True):
        if path.name != "__init__.py":
            targets = (each.rpartition(".")[0] for _, each in imports(path))
            graph[name] = {each for each in targets if each in NAMES and each != name}

    def visit(name, trail):
        assert name not in trail, " -> ".join([*trail, name])
        for each in graph.get(name, ()):
            visit(each, (*trail, name))

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_documented(name):
    module = importlib.import_module(name)
    assert module.__doc__
    for public in getattr(module, "__all__", ()):
        thing = getattr(module, public)
        if inspect.ismodule(thing) or not callable(thing):
            continue
        document = inspect.getdoc(thing)
        assert document, f"{name}.{public} has no docstring"
        assert not document.startswith(f"{public}("), f"{name}.{public} has no docstring"
        if not inspect.isclass(thing):
            assert ">>> " in document, f"{name}.{public} has no doctest"


@pytest.mark.parametrize("package", [p for p in NAMES if p.count(".") == 1])
def test_no_module_is_named_like_what_it_exports(package):
    module = importlib.import_module(package)
    files = {path.stem for path in (PACKAGE / package.split(".")[1]).glob("*.py")}
    assert not files & set(getattr(module, "__all__", ()))


def test_the_top_level_is_the_users():
    command = ["git", "ls-files"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in listed.stdout.splitlines()}
    visible = {name for name in top if not name.startswith(".")}
    assert visible == {
        *("pyproject.toml", "bcejax", "experiments", "tests", "notebooks", "README.md"),
        *("LICENSE", "CHANGELOG.md", "CITATION.cff"),
    }
