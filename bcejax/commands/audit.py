"""``bcejax audit``: hold a binary cross-entropy against the exact one.

LOSS is library:function for torch, keras, numpyro, distrax and sklearn, package.module:function
or path/to/file.py:function for any function of JAX or NumPy arrays.

The exit status is 0 where every check passes or does not apply, 1 where one fails.
"""

import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from bcejax.analysis import AuditReport, Check, Status, audit, find_subject
from bcejax.commands.flags import parse_flags
from bcejax.commands.folders import writing
from bcejax.plots import draw_audit, save_drawing

COLOURS = {
    Status.PASSED: "green",
    Status.FAILED: "bold red",
    Status.NOT_OFFERED: "yellow",
    Status.NOT_APPLICABLE: "dim",
}


@dataclass(frozen=True)
class Flags:
    """Of audit."""

    loss: str
    """What to audit, such as optax:sigmoid_binary_cross_entropy."""
    dtype: Literal["float32", "float64", "float16", "bfloat16"] = "float32"
    """Of scores and labels."""
    form: Literal["logits", "probs"] | None = None
    """What the loss takes; logits unless the library's own function says otherwise."""
    order: str | None = None
    """Of its arguments: logits,labels or labels,logits."""
    labels: tuple[float, ...] = (0, 1, 0.25, 0.9)
    """Labels to try, in [0, 1]."""
    json: bool = False
    """Print the report as JSON instead of a table."""
    figure: Path | None = None
    """Draw error against score into this file, as SVG and as PNG."""


def main(args: Sequence[str]) -> int:
    """Audit, print, draw; the exit status."""
    flags = parse_flags(Flags, args, command="audit", description=__doc__)
    figure = None if flags.figure is None else _stem(flags.figure)
    subject = find_subject(flags.loss, form=flags.form, order=flags.order)
    report = audit(subject, dtype=flags.dtype, labels=flags.labels, track=_progress)
    if flags.json:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        _print(report)
    if figure is not None:
        _draw(report, figure)
    return int(not report.passed)


def _print(report: AuditReport) -> None:
    console = Console(highlight=False)
    table = Table("", "check", "ulp", "", box=None, pad_edge=False)
    for column in table.columns[:3]:
        column.no_wrap = True
    for check in report.checks:
        colour = COLOURS[check.status]
        table.add_row(f"[{colour}]{check.status}[/]", *map(escape, _cells(check)))
    console.print(f"[bold]{escape(report.name)}[/], {report.form} in {report.dtype}")
    console.print(table)
    failed, count = len(report.failures), len(report.checks)
    console.print(f"{failed} of {count} checks failed" if failed else "no check failed")


def _cells(check: Check) -> tuple[str, str, str]:
    """Name, error in ulp, and what there is to say."""
    error = "" if check.error is None else f"{check.error:.2g}"
    at = ", ".join(f"{letter} = {value:.4g}" for letter, value in zip("xy", check.at, strict=False))
    tells = check.status is Status.FAILED and at
    return check.name, error, f"{at}: {check.note}" if tells else check.note


def _progress(names: Sequence[str]) -> Iterable[str]:
    console = Console(stderr=True)
    return track(
        names, "auditing", console=console, transient=True, disable=not console.is_terminal
    )


def _stem(path: Path) -> Path:
    """The path without its suffix, before any work is done for it."""
    if path.suffix not in (".svg", ".png"):
        raise ValueError(f"figure {path} must end in .svg or .png")
    if not path.parent.is_dir():
        raise ValueError(f"figure {path}: there is no folder {path.parent}")
    return path.with_suffix("")


def _draw(report: AuditReport, stem: Path) -> None:
    rows = math.ceil(len(report.curves) / 2)

    def draw(*axes: Any) -> None:
        for ax, curve in zip(axes, report.curves, strict=False):
            draw_audit(ax, curve)
        for ax in axes[len(report.curves) :]:
            ax.remove()

    with writing(stem):
        files = save_drawing(draw, stem, panels=(max(rows, 1), 2))
    print(f"figure: {files[0]} and {files[1].name}", file=sys.stderr)
