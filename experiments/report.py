"""Reports: a page in each run's folder, and a first page that leads to them."""

import json
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
    Listing,
    Page,
    Paragraph,
    Section,
    make_grid,
    typeset,
    write_page,
)
from bcejax.commands.pointing import Panel
from bcejax.commands.typesetting import raise_powers
from experiments.folder import Run, read_run
from experiments.outcome import Claim, naming
from experiments.tables import read_table
from experiments.wording import balance, remark

TITLE = "The laboratory of bcejax"
ABOUT = (
    "Each question was put to a program. What it would find was claimed before, as bounds on"
    " numbers; a verdict holds where every one of its claims does. Behind a question are the"
    " figures, the claims, the tables, the method, and the command that repeats it."
)
ROWS = 200  # of a table on a page
LABELS = {"svg": "SVG", "png": "PNG", "csv": "CSV", "parquet": "Parquet"}


def read_runs(out: Path, order: Sequence[str]) -> tuple[list[Run], list[str]]:
    """The runs whose folders are in ``out``: first those of ``order``, then others by name.

    Returns:
        The runs, and the names of folders that hold none of this version.

    Raises:
        ValueError: there is none, or none of this version.
    """
    names = sorted(found.parent.name for found in out.glob("[!.]*/result.json"))
    names.sort(key=lambda name: order.index(name) if name in order else len(order))
    if not names:
        raise ValueError(f"no run has left a folder in {out}; python -m experiments run all")
    runs: list[Run] = []
    unread: dict[str, ValueError] = {}
    for name in names:
        try:
            runs.append(read_run(out / name))
        except ValueError as error:
            unread[name] = error
    if not runs:
        raise unread[names[0]]
    return runs, list(unread)


def write_report(out: Path, order: Sequence[str]) -> Path:
    """Write ``report.html`` over all runs in ``out``, and each run's own beside its files.

    Args:
        out: the folder of the runs' folders.
        order: names of experiments, as they shall come.

    Returns:
        The path of the report.

    Raises:
        ValueError: no run of this version has left a folder there.
    """
    runs, unread = read_runs(out, order)
    names = ["", *(run.name for run in runs), ""]
    for run, before, after in zip(runs, names, names[2:], strict=False):
        page = page_of_one(run, out / run.name, before=before, after=after)
        write_page(page, out / run.name / "report.html")
    write_page(page_of_all(runs, unread), out / "report.html")
    return out / "report.html"


def page_of_all(runs: Sequence[Run], unread: Sequence[str]) -> Page:
    """The first page: what was asked and what came out, leading to the pages of the runs.

    Args:
        runs: as they shall come.
        unread: names of folders that are left out, for the page to say so.
    """
    entries = (
        Entry(run.opening.question, _badge(run), remark(run), f"{run.name}/report.html")
        for run in runs
    )
    left_out = naming("Left out, of another version", unread)
    return Page(TITLE, (*_lead(runs), *left_out), (), tuple(entries))


def page_of_one(run: Run, folder: Path, *, before: str = "", after: str = "") -> Page:
    """The page of one run, from its folder, which leads back to the first page.

    Args:
        run: the run.
        folder: where its tables and figures are.
        before: the name of the run whose page comes before this one, if there is one.
        after: of the one that comes after.
    """
    parts: dict[str, list[Block]] = {
        "What was found": _findings(run),
        "Figures": _figures(run, folder),
        "Claims": [_claims(run.verdict.claims)] if run.verdict else [],
        "Tables": _tables(run, folder),
        "Method": _method(run),
        "How to repeat it": _circumstances(run),
    }
    beside = {"All experiments": "../report.html"}
    beside |= {f"← {before}": f"../{before}/report.html"} if before else {}
    beside |= {f"{after} →": f"../{after}/report.html"} if after else {}
    return Page(
        run.opening.question,
        (),
        tuple(
            Section(title, title.lower().replace(" ", "-"), tuple(blocks))
            for title, blocks in parts.items()
            if blocks
        ),
        beside=beside,
        badge=_badge(run),
        kicker=run.name if run.config_name == "default" else f"{run.name}, {run.config_name}",
    )


def _lead(runs: Sequence[Run]) -> tuple[str, ...]:
    held = sum(run.holds for run in runs)
    claims = sum(len(run.verdict.claims) for run in runs if run.verdict)
    last = max((run.environment for run in runs), key=lambda environment: environment["date"])
    small = sum(run.config_name == "tiny" for run in runs)
    quick = f" {small} of {len(runs)} ran in their small configuration, which is coarser."
    return (
        ABOUT,
        f"Every verdict holds: {claims} claims on {len(runs)} question{'s' * (len(runs) > 1)}."
        if held == len(runs)
        else f"Verdicts that hold: {held} of {len(runs)}.",
        f"Last run on {last['date'][:10]}, with {last['device']}, Python {last['python']} and"
        f" jax {last['versions']['jax']}.{quick if small else ''}",
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


def _findings(run: Run) -> list[Block]:
    expected = Paragraph(f"Expected: {run.opening.expected}")
    if run.verdict is None:
        return [Paragraph(run.error, "answer"), expected, Listing(run.traceback, "error")]
    details = [Paragraph(raise_powers(each)) for each in run.verdict.details]
    return [Paragraph(raise_powers(run.verdict.answer), "answer"), expected, *details]


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


def _figures(run: Run, folder: Path) -> list[Block]:
    return [
        Drawing(
            (folder / "figures" / f"{figure['name']}.svg").read_text(encoding="utf-8"),
            figure["alt"],
            figure["caption"],
            _links(f"figures/{figure['name']}", "svg", "png"),
            _marks(folder / "figures" / f"{figure['name']}.json"),
        )
        for figure in run.figures
    ]


def _marks(path: Path) -> tuple[Panel, ...]:
    """What a pointer finds on a figure; nothing where a folder has no such file."""
    if not path.exists():
        return ()
    return tuple(Panel(*each) for each in json.loads(path.read_text(encoding="utf-8")))


def _tables(run: Run, folder: Path) -> list[Block]:
    return [
        make_grid(
            table["caption"],
            read_table(folder / "tables" / f"{table['name']}.parquet"),
            formats=table["formats"],
            rows=ROWS,
            links=_links(f"tables/{table['name']}", "csv", "parquet"),
        )
        for table in run.tables
    ]


def _links(stem: str, *suffixes: str) -> dict[str, str]:
    return {LABELS[suffix]: f"{stem}.{suffix}" for suffix in suffixes}


def _method(run: Run) -> list[Block]:
    """The paragraphs of the opening; those that are indented keep their lines."""
    blocks: list[Block] = []
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
        Listing(command),
        Facts(f"Configuration, {run.config_name}", run.config),
        Facts("Environment", environment | versions),
    ]
