"""Reports: a page for each run's folder, and one over all folders, whatever wrote them when."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

from rich.markup import escape

from bcejax.commands import (
    Badge,
    Block,
    Drawing,
    Entry,
    Facts,
    Findings,
    Heading,
    Listing,
    Page,
    Paragraph,
    Section,
    make_grid,
    typeset,
    write_page,
)
from experiments.folder import Run, read_run
from experiments.outcome import Claim
from experiments.tables import read_table
from experiments.wording import balance, remark

TITLE = "The laboratory of bcejax"


def read_runs(out: Path, order: Sequence[str]) -> list[Run]:
    """The runs whose folders are in ``out``: first those of ``order``, then others by name.

    Raises:
        ValueError: there is none.
    """
    names = sorted(found.parent.name for found in out.glob("[!.]*/result.json"))
    names.sort(key=lambda name: order.index(name) if name in order else len(order))
    if not names:
        raise ValueError(f"no run has left a folder in {out}; python -m experiments run all")
    return [read_run(out / name) for name in names]


def write_report(out: Path, order: Sequence[str]) -> Path:
    """Write ``report.html`` over all runs in ``out``, and each run's own beside its files.

    Args:
        out: the folder of the runs' folders.
        order: names of experiments, as they shall come.

    Returns:
        The path of the report.

    Raises:
        ValueError: no run has left a folder there.
    """
    runs = read_runs(out, order)
    for run in runs:
        write_page(page_of_one(run, out / run.name), out / run.name / "report.html")
    write_page(page_of_all(runs, out), out / "report.html")
    return out / "report.html"


def page_of_one(run: Run, folder: Path) -> Page:
    """The page of one run, from its folder."""
    section = _section(run, folder, "")
    return Page(f"{run.name}: bcejax", (), (section,))


def page_of_all(runs: Sequence[Run], out: Path) -> Page:
    """The page over all runs: first what was asked and what came out, then each in full."""
    sections = tuple(_section(run, out / run.name, f"{run.name}/") for run in runs)
    entries = tuple(Entry(run.opening.question, _badge(run), remark(run), run.name) for run in runs)
    return Page(TITLE, _lead(runs), sections, entries)


def _lead(runs: Sequence[Run]) -> tuple[str, str]:
    held = sum(run.holds for run in runs)
    last = max((run.environment for run in runs), key=lambda environment: environment["date"])
    return (
        "Every verdict holds."
        if held == len(runs)
        else f"Verdicts that hold: {held} of {len(runs)}.",
        f"Last run on {last['date'][:10]}, with {last['device']}, Python {last['python']} and"
        f" jax {last['versions']['jax']}.",
    )


def summary(run: Run) -> str:
    """A line about a run for a terminal, and one more about what failed."""
    mark = "[green]✓[/]" if run.holds else "[red]✗[/]"
    why = "" if run.holds else f"\n  {escape(remark(run)[-1])}"
    return f"{mark} {run.name}  {_badge(run).text}  {run.seconds:.1f} s{why}"


def _badge(run: Run) -> Badge:
    if run.verdict is None:
        return Badge("did not finish", good=False)
    return Badge("holds" if run.holds else "does not hold", good=run.holds)


def _section(run: Run, folder: Path, base: str) -> Section:
    """A run's section; ``base`` leads from the page to the run's folder."""
    blocks = (*_findings(run), *_figures(run, folder, base), *_tables(run, folder, base))
    return Section(
        run.opening.question,
        run.name,
        (*blocks, *_method(run), *_circumstances(run)),
        _badge(run),
        kicker=run.name if run.config_name == "default" else f"{run.name}, {run.config_name}",
    )


def _findings(run: Run) -> list[Block]:
    expected = Paragraph(f"Expected: {run.opening.expected}")
    if run.verdict is None:
        return [Paragraph(run.error, "answer"), expected, Listing(run.traceback)]
    return [Paragraph(run.verdict.answer, "answer"), expected, _claims(run.verdict.claims)]


def _claims(claims: Sequence[Claim]) -> Findings:
    return Findings(
        tuple(
            Entry(
                claim.text,
                Badge("holds" if claim.holds else "fails", claim.holds),
                (balance(claim),),
            )
            for claim in claims
        )
    )


def _figures(run: Run, folder: Path, base: str) -> list[Block]:
    return [
        Drawing(
            (folder / "figures" / f"{figure['name']}.svg").read_text(encoding="utf-8"),
            figure["alt"],
            figure["caption"],
            _links(f"{base}figures/{figure['name']}", "svg", "png"),
        )
        for figure in run.figures
    ]


def _tables(run: Run, folder: Path, base: str) -> list[Block]:
    return [
        make_grid(
            table["caption"],
            read_table(folder / "tables" / f"{table['name']}.parquet"),
            formats=table["formats"],
            links=_links(f"{base}tables/{table['name']}", "csv", "parquet"),
        )
        for table in run.tables
    ]


def _links(stem: str, *suffixes: str) -> dict[str, str]:
    return {suffix.upper(): f"{stem}.{suffix}" for suffix in suffixes}


def _method(run: Run) -> list[Block]:
    """The paragraphs of the opening; those that are indented keep their lines."""
    blocks: list[Block] = [Heading("Method")] if run.opening.method else []
    for text in run.opening.method:
        indented = text.startswith(" ")
        blocks.append(Listing(dedent(text)) if indented else Paragraph(" ".join(text.split())))
    return blocks


def _circumstances(run: Run) -> list[Block]:
    environment = dict(run.environment)
    command = environment.pop("command")
    versions: dict[str, Any] = environment.pop("versions")
    environment["commit"] = environment.get("commit", "")[:12] or None
    environment["took"] = f"{typeset(run.seconds, '.3g')} s"
    return [
        Heading("How to repeat it"),
        Listing(command),
        Facts(f"Configuration, {run.config_name}", run.config),
        Facts("Environment", environment | versions),
    ]
