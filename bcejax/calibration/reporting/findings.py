"""What a report of calibration says: numbers, their intervals and p-values, in named parts.

Printed with the core alone it is a table in plain text; ``rich`` prints it in columns.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bcejax.numerics import require

MISSING = math.nan
HEADER = ("", "value", "lower", "upper", "p-value")


class Finding(NamedTuple):
    """A number, its interval, and how often a calibrated model would give as much; nan for none.

    Example:
        >>> Finding(0.52, lower=0.48, upper=0.57)
        Finding(value=0.52, lower=0.48, upper=0.57, p_value=nan)
    """

    value: float
    lower: float = MISSING
    upper: float = MISSING
    p_value: float = MISSING


class Recalibration(NamedTuple):
    """What a calibrator makes of examples that it has not seen.

    Example:
        >>> beta = Recalibration(log_score=0.45, brier_score=0.15, gain=0.03, gain_error=0.01)
        >>> beta.gain > 2 * beta.gain_error
        True
    """

    log_score: float  # mean cross-entropy in nats, cross-fitted
    brier_score: float
    gain: float  # log score without a calibrator minus that with it
    gain_error: float  # standard error of the gain


class CalibrationReport(NamedTuple):
    """All that ``calibration_report`` found; printed, a table in plain text.

    Attributes:
        examples: how many count.
        form: what the scores were: "logits" or "probs".
        confidence: of the intervals.
        n_resamples: of the bootstrap and of the simulation; 0 where they were left out.
        scores: of the predictions.
        errors: of calibration.
        decompositions: parts of the scores.
        regression: of the labels on the logits.
        recalibrations: by name of calibrator; "none" leaves the probabilities as they are.
        best: the calibrator of least cross-fitted log score, "none" among them; "" for no contest.
        notes: what was done otherwise than asked, in words.

    Example:
        >>> scores = {"log_score": Finding(0.52, 0.48, 0.57)}
        >>> print(CalibrationReport(80, "probs", 0.95, 200, scores, {}, {}, {}, {}, ""))
        80 examples, probs, 95% intervals and p-values from 200 draws
                            value       lower       upper     p-value
          scores
          log_score          0.52        0.48        0.57
    """

    examples: int
    form: str
    confidence: float
    n_resamples: int
    scores: Mapping[str, Finding]
    errors: Mapping[str, Finding]
    decompositions: Mapping[str, Finding]
    regression: Mapping[str, Finding]
    recalibrations: Mapping[str, Recalibration]
    best: str
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, Mapping[str, Finding]]:
        """All estimates by part, those without any left out."""
        parts = {
            "scores": self.scores,
            "errors": self.errors,
            "decompositions": self.decompositions,
            "regression": self.regression,
        }
        return {name: part for name, part in parts.items() if part}

    @property
    def title(self) -> str:
        """The first line: how many examples, which intervals."""
        percent = f"{100 * self.confidence:g}%"
        resampled = f", {percent} intervals and p-values from {self.n_resamples} draws"
        return f"{self.examples} examples, {self.form}{resampled if self.n_resamples else ''}"

    def as_dict(self) -> dict[str, Any]:
        """All of it, as JSON takes it: nan becomes None, infinities text.

        Example:
            >>> empty = CalibrationReport(1, "probs", 0.95, 0, {}, {}, {}, {}, {}, "")
            >>> empty._replace(scores={"log_score": Finding(0.5)}).as_dict()["scores"]
            {'log_score': {'value': 0.5, 'lower': None, 'upper': None, 'p_value': None}}
        """
        plain: dict[str, Any] = _plain(self)
        return plain

    def lines(self) -> Iterator[tuple[str, ...]]:
        """Rows of text under ``HEADER``, a row with a name alone above each part."""
        for part, estimates in self.parts.items():
            yield (part,)
            yield from ((name, *map(_short, each)) for name, each in estimates.items())
        if self.recalibrations:
            yield ("cross-fitted log score, and gain with its standard error",)
        for name, each in self.recalibrations.items():
            best = "  best" if name == self.best else ""
            numbers = map(_short, (each.log_score, each.gain, each.gain_error))
            yield (f"{name}{best}", *numbers, "")

    def __str__(self) -> str:
        rows = [HEADER, *self.lines()]
        width = 2 + max(len(row[0]) for row in rows if len(row) > 1)
        table = (f"  {row[0]:{width}}" + "".join(f"{cell:>12}" for cell in row[1:]) for row in rows)
        return "\n".join([self.title, *(line.rstrip() for line in table), *self.notes])

    def __rich__(self) -> Any:
        """The same as a table of rich, which its console asks for."""
        table = require("rich.table", extra="cli", purpose="a rich table").Table(
            *HEADER, title=self.title, caption="\n".join(self.notes), box=None, title_justify="left"
        )
        for column in table.columns[1:]:
            column.justify = "right"
        for row in self.lines():
            style = "bold" if len(row) == 1 else None
            table.add_row(*row, style=style)
        return table


def _short(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}"


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
