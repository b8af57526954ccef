"""What an audit returns: one check after the other, and the errors to draw."""

import enum
from typing import Any, NamedTuple

import numpy as np


class Status(enum.StrEnum):
    """How a check ended.

    Example:
        >>> print(*Status, sep=", ")
        passed, failed, not offered, not applicable
    """

    PASSED = "passed"
    FAILED = "failed"
    NOT_OFFERED = "not offered"  # the library has no such thing
    NOT_APPLICABLE = "not applicable"  # the loss is of another kind


class Check(NamedTuple):
    """One check: how it ended, in one line, and the worst that was seen.

    ``error`` and ``bound`` are in units in the last place; numbers are None where a check is not
    about numbers, or the loss gave none.

    Example:
        >>> check = Check(Status.FAILED, "0.0 for 3.7e-44", at=(100.0, 1.0), got=0.0, right=3.7e-44)
        >>> logit, label = check.at
        >>> f"at logit {logit} and label {label}: {check.note}"
        'at logit 100.0 and label 1.0: 0.0 for 3.7e-44'
    """

    status: Status
    note: str
    at: tuple[float, ...] = ()  # the worst input: score, label
    got: float | None = None
    right: float | None = None
    error: float | None = None
    bound: float | None = None
    name: str = ""


class Curve(NamedTuple):
    """Errors of one quantity over the scores, in ulp; arrays of (n,).

    Example:
        >>> scores, errors = np.array([-1.0, 0.0, 1.0]), np.array([0.2, 2.5, 0.4])
        >>> curve = Curve("gradient", "logits", scores, np.ones(3), errors, bound=2.0)
        >>> curve.scores[curve.errors > curve.bound]
        array([0.])
    """

    quantity: str
    form: str  # what the scores are: "logits" or "probs"
    scores: np.ndarray
    labels: np.ndarray
    errors: np.ndarray
    bound: float


class AuditReport(NamedTuple):
    """All that an audit found; printed, a table in plain text.

    Example:
        >>> value = Check(Status.PASSED, "0.8 ulp at 0.5", name="value")
        >>> hessian = Check(Status.FAILED, "0.0 for 3.7e-44 at 100.0", name="hessian")
        >>> report = AuditReport("mine", "logits", "float32", (value, hessian), ())
        >>> print(report)
        mine, logits in float32
          passed         value              0.8 ulp at 0.5
          failed         hessian            0.0 for 3.7e-44 at 100.0
        >>> report.passed, report.failures
        (False, ('hessian',))
    """

    name: str
    form: str  # "logits" or "probs"
    dtype: str
    checks: tuple[Check, ...]
    curves: tuple[Curve, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[str, ...]:
        """The names of the checks that failed.

        Example:
            >>> AuditReport("mine", "logits", "float32", (), ()).failures
            ()
        """
        return tuple(check.name for check in self.checks if check.status is Status.FAILED)

    def check(self, name: str) -> Check:
        """The check of that name.

        Raises:
            ValueError: there is none.

        Example:
            >>> check = Check(Status.PASSED, "raises ValueError", name="shapes")
            >>> AuditReport("mine", "logits", "float32", (check,), ()).check("shapes").note
            'raises ValueError'
        """
        for check in self.checks:
            if check.name == name:
                return check
        known = ", ".join(check.name for check in self.checks)
        raise ValueError(f"check {name!r} is not one of {known}")

    def as_dict(self) -> dict[str, Any]:
        """All but the curves, as JSON takes it: nan and infinities become text.

        Example:
            >>> AuditReport("mine", "logits", "float32", (), ()).as_dict()["passed"]
            True
        """
        return {
            "name": self.name,
            "form": self.form,
            "dtype": self.dtype,
            "passed": self.passed,
            "checks": [
                {"name": check.name} | {key: _plain(each) for key, each in check._asdict().items()}
                for check in self.checks
            ],
        }

    def __str__(self) -> str:
        lines = [f"{self.name}, {self.form} in {self.dtype}"]
        lines += [f"  {c.status:14} {c.name:18} {c.note}" for c in self.checks]
        return "\n".join(lines)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return str(value) if isinstance(value, Status) else value
