"""Records: small JSON files of real runs, which every number that the README quotes is held to.

A record keeps what was asked, what was claimed and found, the configuration and the environment.
In Markdown a paragraph or a table row that links a record, as in

    The gradient is within **1.4 ulp** ([record](experiments/records/gradients_of_models.json)).

quotes the numbers that it prints in bold; each must be a number of a record that it links,
rounded to the digits that are shown.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from experiments.folder import Run, write_json

RECORDS = Path(__file__).resolve().parent / "records"
NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")  # noqa: RUF001 (a true minus)


def write_record(run: Run, records: Path = RECORDS, *, variant: str = "") -> Path:
    """Keep a finished run as ``<name>.json``, or ``<name>_gpu.json`` where it was not on a CPU.

    Args:
        run: the run.
        records: the folder of the records.
        variant: what sets this record apart from the experiment's other ones, such as
            "jax_0_10_1"; it ends the file's name.

    Returns:
        The file's path.

    Raises:
        ValueError: the run failed, and there is nothing to keep; or the variant is no part of a
            file's name.
    """
    if run.verdict is None:
        raise ValueError(f"{run.name} did not finish: there is nothing to record")
    check_variant(variant)
    platform = run.environment["platform"]
    parts = [run.name, *([] if platform == "cpu" else [platform]), *([variant] if variant else [])]
    path = records / f"{'_'.join(parts)}.json"
    claims = [
        asdict(claim) | {"holds": claim.holds, "margin": claim.margin}
        for claim in run.verdict.claims
    ]
    content = {
        "question": run.opening.question,
        "answer": " ".join((run.verdict.answer, *run.verdict.details)),
        "claims": claims,
        "config": run.config,
        "environment": run.environment,
        "seconds": run.seconds,
    }
    records.mkdir(exist_ok=True)
    write_json(path, content)
    return path


def check_variant(variant: str) -> None:
    """Refuse what a record's name cannot end with.

    Raises:
        ValueError: other characters than small letters, digits and underscores.
    """
    if not re.fullmatch(r"[a-z0-9_]*", variant):
        raise ValueError(f"variant {variant!r} takes small letters, digits and underscores")


class Quotation(NamedTuple):
    """A number as Markdown prints it, and the names of the records beside it."""

    number: str
    records: tuple[str, ...]


def quotations(markdown: str) -> Iterator[Quotation]:
    """Each bold number of the paragraphs and table rows that link a record."""
    for part in re.split(r"\n\s*\n|\n(?=\|)", markdown):
        records = tuple(re.findall(r"experiments/records/(\w+)\.json", part))
        for bold in re.findall(r"\*\*(.+?)\*\*", part, re.DOTALL) if records else ():
            yield from (Quotation(number, records) for number in NUMBER.findall(bold))


def is_recorded(quotation: Quotation, records: Path = RECORDS) -> bool:
    """Whether a record that stands beside it holds the number, rounded to the digits shown.

    Raises:
        OSError: there is no such record.
    """
    quoted = Decimal(quotation.number.replace("−", "-"))  # noqa: RUF001
    texts = [(records / f"{name}.json").read_text(encoding="utf-8") for name in quotation.records]
    return any(
        _rounded(number, quoted) == quoted
        for text in texts
        for number in _numbers(json.loads(text))
    )


def _rounded(number: Decimal, like: Decimal) -> Decimal:
    """The number to the last digit that ``like`` shows."""
    digits = int(like.as_tuple().exponent)
    return number.quantize(Decimal(1).scaleb(digits)) if abs(number) < 10**20 else number


def _numbers(record: dict[str, Any]) -> Sequence[Decimal]:
    """The numbers of the claims and those in the answer's sentences."""
    found = [claim[part] for claim in record["claims"] for part in ("value", "bound")]
    exact = [Decimal(repr(number)) for number in found if isinstance(number, float)]
    return exact + [Decimal(text.replace("−", "-")) for text in NUMBER.findall(record["answer"])]  # noqa: RUF001
