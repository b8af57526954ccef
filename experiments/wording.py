"""Claims in words: what was found, what was allowed, and how much there is to spare."""

import math

from bcejax.commands import typeset
from experiments.folder import Run
from experiments.outcome import Claim

SIGNS = {"<=": "≤", "<": "<", ">=": "≥", ">": ">", "==": "="}


def value_words(claim: Claim) -> str:
    """What was found, with its unit: every digit where equality is claimed, else six."""
    return _number(claim.value, claim)


def bound_words(claim: Claim) -> str:
    """The relation and the bound, with its unit."""
    return f"{SIGNS[claim.relation]} {_number(claim.bound, claim)}"


def margin_words(claim: Claim) -> str:
    """How far inside its bound a claim is, or how far outside.

    Example: found 2.4 of 3 ulp is "20 %"; 1e-9 of 1e-5 is "10000 times"; an equality that holds
    is "exact"; where a sign differs or a number is 0, the distance itself.
    """
    if claim.relation == "==" and claim.holds:
        return "exact"
    small, large = sorted((abs(claim.value), abs(claim.bound)))
    if not claim.holds or claim.value * claim.bound <= 0:
        return _with_unit(typeset(claim.margin, ".3g"), claim)
    if large >= 10 * small:  # a percentage of the bound would say 100
        return f"{typeset(large / small, '.2g')} times"
    return f"{typeset(100 * claim.margin / abs(claim.bound), '.0f')} %"


def remark(run: Run) -> tuple[str, ...]:
    """A run on the front page: its answer, and the claim that decides or comes nearest to it."""
    if run.verdict is None:
        return (run.error.strip().splitlines()[-1],)
    return run.verdict.answer, _balance(run.verdict.claims)


def _balance(claims: tuple[Claim, ...]) -> str:
    failing = [claim for claim in claims if not claim.holds]
    if failing:
        return f"{len(failing)} of {len(claims)} claims fail. {_in_full(failing[0])}."
    hold = f"All {len(claims)} claims hold" if len(claims) > 1 else "Its claim holds"
    nearest = min(claims, key=_room)
    if nearest.relation == "==":
        return f"{hold}, exactly."
    return f"{hold}. Nearest to its bound: {_in_full(nearest)}, margin {margin_words(nearest)}."


def _in_full(claim: Claim) -> str:
    return f"{claim.text}: {value_words(claim)} {bound_words(claim)}"


def _room(claim: Claim) -> float:
    """Margin relative to the larger number; an equality that holds has none to lose."""
    scale = max(abs(claim.value), abs(claim.bound))
    if claim.relation == "==" or math.isinf(scale):
        return math.inf
    return claim.margin / scale if scale else 0.0


def _number(value: float, claim: Claim) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return _with_unit(typeset(int(value)), claim)
    return _with_unit(typeset(value, "" if claim.relation == "==" else ".6g"), claim)


def _with_unit(number: str, claim: Claim) -> str:
    return f"{number} {claim.unit}".rstrip()
