"""The folder that a run leaves behind.

    results/<name>/config.json  environment.json  result.json  report.html
                   tables/*.parquet *.csv         figures/*.svg *.png *.json

``result.json`` holds what the report needs beside the tables and figures, and a figure's JSON what
a pointer finds on it, so that a report can be written again from the folders alone.  A folder
appears whole or not at all: it is filled under a hidden name and then renamed.
"""

import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bcejax.commands.drawings import save_with_marks
from experiments.experiment import Opening
from experiments.outcome import Claim, Figure, Result, Table, Verdict
from experiments.tables import write_table


@dataclass(frozen=True)
class Run:
    """One run, finished or failed, as its folder tells it; ``folder`` holds tables and figures."""

    name: str
    opening: Opening
    config_name: str
    config: dict[str, Any]
    environment: dict[str, Any]
    seconds: float
    verdict: Verdict | None = None  # None where the run failed
    error: str = ""  # what went wrong then, in a line or so
    traceback: str = ""
    tables: tuple[dict[str, Any], ...] = ()  # name, caption, formats of each
    figures: tuple[dict[str, Any], ...] = ()  # name, caption, alt, of each

    @property
    def holds(self) -> bool:
        """Whether the run finished and every claim holds."""
        return self.verdict is not None and self.verdict.holds


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A new folder to fill, which takes the target's place when the ``with`` ends well.

    Args:
        target: the folder's path; its parent is made where it is missing.

    Yields:
        The path to fill; on an exception it is removed and the target stays as it was.
    """
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a process that was killed
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        replaced = unfinished.with_name(f"{unfinished.name}.replaced")
        if target.exists():
            target.rename(replaced)
        unfinished.rename(target)
        shutil.rmtree(replaced, ignore_errors=True)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def write_run(folder: Path, run: Run) -> None:
    """Write the three JSON files of a run into a folder that is there."""
    kept = asdict(run) | {"opening": run.opening._asdict()}
    write_json(folder / "config.json", kept.pop("config"))
    write_json(folder / "environment.json", kept.pop("environment"))
    write_json(folder / "result.json", kept)


def read_run(folder: Path) -> Run:
    """The run that a folder tells of.

    Raises:
        ValueError: it tells of none, or not all.
    """
    try:
        return _run_of(
            *(
                json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
                for name in ("config", "environment", "result")
            )
        )
    except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"{folder} holds no whole run of this version: {reason}") from None


def _run_of(config: dict[str, Any], environment: dict[str, Any], kept: dict[str, Any]) -> Run:
    """The run from the contents of its three files."""
    opening = kept.pop("opening")
    opening = Opening(**opening | {"method": tuple(opening["method"])})
    tables, figures = tuple(kept.pop("tables")), tuple(kept.pop("figures"))
    if verdict := kept["verdict"]:
        claims = tuple(Claim(**claim) for claim in verdict["claims"])
        kept["verdict"] = Verdict(claims, verdict["answer"], tuple(verdict["details"]))
    return Run(
        opening=opening,
        config=config,
        environment=environment,
        tables=tables,
        figures=figures,
        **kept,
    )


def write_result(folder: Path, result: Result) -> None:
    """Write each table as Parquet and CSV, each figure as SVG and PNG and its marks as JSON.

    Raises:
        ModuleNotFoundError: pyarrow or matplotlib is not installed.
    """
    for kind in ("tables", "figures"):
        if getattr(result, kind):
            (folder / kind).mkdir()
    for table in result.tables:
        write_table(folder / "tables", table)
    for figure in result.figures:
        stem = folder / "figures" / figure.name
        _, marks = save_with_marks(figure.draw, stem, panels=figure.panels)
        stem.with_suffix(".json").write_text(json.dumps(marks, ensure_ascii=False), "utf-8")


def described(thing: Table | Figure, *fields: str) -> dict[str, Any]:
    """Those fields of a table or a figure that its files do not hold."""
    return {name: getattr(thing, name) for name in ("name", "caption", *fields)}


def write_json(path: Path, content: Any) -> None:
    """Write JSON as every parser takes it: as text what JSON has no form for, nan included."""
    path.write_text(_json(content) + "\n", encoding="utf-8")


def as_json(content: Any) -> Any:
    """The content as it is read again from a file that ``write_json`` wrote."""
    return json.loads(_json(content))


def _json(content: Any) -> str:
    return json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False, default=str)


def _finite(content: Any) -> Any:
    """The content with nan and infinities as text, which JSON has no numbers for."""
    if isinstance(content, dict):
        return {str(key): _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return str(content)
    return content
