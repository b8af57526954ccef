"""Claims in words: what was found, what was allowed, and how much there is to spare."""

import math

from bcejax.commands import typeset
from bcejax.commands.typesetting import raise_powers
from experiments.folder import Run
from experiments.outcome import Claim

SIGNS = {"<=": "≤", "<": "<", ">=": "≥", ">": ">", "==": "="}


def balance(claim: Claim) -> str:
    """What was found, what was claimed, and the margin."""
    found, bound = _number(claim.value, claim), _number(claim.bound, claim)
    if not claim.holds:
        missed = _number(-claim.margin, claim)
        return f"found {found}, claimed {SIGNS[claim.relation]} {bound}, missed by {missed}"
    return f"{found} {SIGNS[claim.relation]} {bound}{_spare(claim)}"


def remark(run: Run) -> tuple[str, ...]:
    """A run on the front page: its answer, and the claim that decides or comes nearest to it."""
    if run.verdict is None:
        return (run.error,)
    claims, answer = run.verdict.claims, raise_powers(run.verdict.answer)
    failing = [claim for claim in claims if not claim.holds]
    if failing:
        count = f"{len(failing)} of {len(claims)} claims fail"
        return answer, f"{count}: {failing[0].text}: {balance(failing[0])}."
    count = f"All {len(claims)} claims hold" if len(claims) > 1 else "Its claim holds"
    nearest = min(claims, key=_room)
    if nearest.relation == "==":
        return answer, f"{count}, exactly."
    return answer, f"{count}; nearest to its bound: {nearest.text}: {balance(nearest)}."


def _spare(claim: Claim) -> str:
    """How far inside its bound a claim is: a share of the bound, or how many times."""
    if claim.relation == "==" or claim.margin == 0:
        return ""
    small, large = sorted((abs(claim.value), abs(claim.bound)))
    if claim.value * claim.bound <= 0 or math.isinf(large):
        return f", {_number(claim.margin, claim)} to spare"
    if large >= 10 * small:  # a share of the bound would say 100 %
        return f", {typeset(float(f'{large / small:.2g}'))} times inside"
    return f", {typeset(100 * claim.margin / abs(claim.bound), '.0f')} % to spare"


def _room(claim: Claim) -> float:
    """Margin relative to the larger number; an equality that holds has none to lose."""
    scale = max(abs(claim.value), abs(claim.bound))
    if claim.relation == "==" or math.isinf(scale):
        return math.inf
    return claim.margin / scale if scale else 0.0


def _number(value: float, claim: Claim) -> str:
    """With its unit: every digit where equality is claimed, else four that count."""
    if value.is_integer() and abs(value) < 1e15:
        return f"{typeset(int(value))} {claim.unit}".rstrip()
    return f"{typeset(value, '' if claim.relation == '==' else '.4g')} {claim.unit}".rstrip()
