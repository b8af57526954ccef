"""Every notebook runs from top to bottom in this interpreter, and is stored as it runs."""

import gc
import math
import os
import re
import sys
from pathlib import Path

import jax
import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf\b|nan\b)")
LAST_DIGITS = ("1_the_loss", "2_where_digits_go")  # compiled as users have them; others lightly
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


class ThisInterpreter(KernelSpecManager):
    """Every kernel is the Python that runs the tests, whatever kernels are installed."""

    def get_kernel_spec(self, kernel_name):
        module = "ipykernel_launcher"
        return KernelSpec(argv=[sys.executable, "-m", module, "-f", "{connection_file}"])


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell):
    """What a cell prints and returns, as text."""
    outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
    return "".join(out.get("text", out.get("data", {}).get("text/plain", "")) for out in outputs)


def figures(cell):
    return [out.data for out in cell.outputs if "image/png" in out.get("data", {})]


def same(stored, fresh):
    """The same words and the same numbers, but for the last digits shown."""
    if NUMBER.sub("#", stored).split() != NUMBER.sub("#", fresh).split():
        return False
    pairs = zip(NUMBER.findall(stored), NUMBER.findall(fresh), strict=True)
    return all(
        old == new or math.isclose(float(old), float(new), rel_tol=1e-3, abs_tol=1e-4)
        for old, new in pairs
    )


def test_the_readme_names_every_notebook_by_its_title():
    readme = NOTEBOOKS[0].with_name("README.md").read_text(encoding="utf-8")
    links = dict(re.findall(r"\[(\d · [^]]+)\]\((\d_\w+\.ipynb)\)", readme))
    assert list(links.values()) == [path.name for path in NOTEBOOKS]
    for title, name in links.items():
        first = nbformat.read(NOTEBOOKS[0].with_name(name), 4).cells[0].source
        assert first.startswith(f"# {title}")


@each_notebook
def test_it_ends_with_exercises_and_folded_answers(path):
    cells = nbformat.read(path, 4).cells
    exercises = next(cell.source for cell in cells if "## Exercises" in cell.source)
    questions, answers = exercises.partition("## Exercises")[2].split("<details>")
    numbered = re.compile(r"^\d+(?=\. )", re.MULTILINE)
    assert len(numbered.findall(questions)) >= 3
    assert numbered.findall(questions) == numbered.findall(answers)
    assert re.search(r"^1\. ", printed(code_cells(nbformat.read(path, 4))[-1]), re.MULTILINE)


def run(notebook, folder, history, *, lightly):
    """Execute a notebook in place; its kernel imports what we import."""
    manager = AsyncKernelManager(kernel_spec_manager=ThisInterpreter())
    client = NotebookClient(
        notebook,
        km=manager,
        resources={"metadata": {"path": str(folder)}},
        timeout=300,  # seconds for a cell, on a busy machine
        startup_timeout=300,
    )
    client.owns_km = True  # so that the kernel ends with the run
    imports = os.pathsep.join(filter(None, sys.path))
    env = os.environ | {"PYTHONPATH": imports, "IPYTHONDIR": str(history)}
    client.execute(env=env | ({"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"} if lightly else {}))


@pytest.mark.filterwarnings("ignore:Unclosed socket:ResourceWarning")
@each_notebook
def test_it_runs_and_is_stored_as_it_runs(path, tmp_path):
    stored, fresh = nbformat.read(path, 4), nbformat.read(path, 4)
    run(fresh, path.parent, tmp_path, lightly=path.stem not in LAST_DIGITS)
    gc.collect()  # of the client's sockets, while that is no error
    for old, new in zip(code_cells(stored), code_cells(fresh), strict=True):
        assert len(figures(old)) == len(figures(new))
        if not jax.config.jax_enable_x64:  # the stored digits are those of float32
            assert same(printed(old), printed(new)), printed(new)


@each_notebook
def test_it_is_stored_executed_and_light(path):
    notebook = nbformat.read(path, 4)
    cells = code_cells(notebook)
    nbformat.validate(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {(out.output_type, out.get("name")) for cell in cells for out in cell.outputs}
    assert kinds <= {("stream", "stdout"), ("display_data", None), ("execute_result", None)}
    assert sum(len(figures(cell)) for cell in cells) > 0
    assert not any(cell.metadata for cell in notebook.cells)  # no times, no editor's state
    assert notebook.metadata.kernelspec.name == "python3"
    assert path.stat().st_size < 600_000


@each_notebook
def test_its_links_lead_somewhere(path):
    cells = nbformat.read(path, 4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(((?!https?:)[^)#]+)\)", text)
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("stored", "fresh"),
    [("a 1.000", "a 1.002"), ("a 1", "b 1"), ("1 2", "1"), ("inf", "-inf"), ("nan", "0")],
)
def test_what_differs_is_told_apart(stored, fresh):
    assert same(stored, stored)
    assert not same(stored, fresh)
