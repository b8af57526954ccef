# ruff: noqa: RUF001 (the signs that look like others are meant)
import math

import pytest

from experiments import Claim, Opening, Verdict
from experiments.folder import Run
from experiments.wording import balance, remark


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (Claim("", 2.4, "<=", 3, "ulp"), "2.4 ulp ≤ 3 ulp, 20 % to spare"),
        (Claim("", 1e-9, "<=", 1e-5), "1×10⁻⁹ ≤ 1×10⁻⁵, 10000 times inside"),
        (Claim("", 25.0, ">", 10, "times"), "25 times > 10 times, 150 % to spare"),
        (Claim("", 100, ">=", 1), "100 ≥ 1, 100 times inside"),
        (Claim("", 0, "<=", 3, "ulp"), "0 ulp ≤ 3 ulp, 3 ulp to spare"),
        (Claim("", -1, "<", 3), "−1 < 3, 4 to spare"),
        (Claim("", -4, "<=", -3), "−4 ≤ −3, 33 % to spare"),
        (Claim("", 3, "<=", 3), "3 ≤ 3"),
        (Claim("", 0.1 + 0.2, "==", 0.1 + 0.2), "0.30000000000000004 = 0.30000000000000004"),
        (Claim("", 1, "<=", math.inf), "1 ≤ ∞, ∞ to spare"),
        (Claim("", 4, "<=", 3, "ulp"), "found 4 ulp, claimed ≤ 3 ulp, missed by 1 ulp"),
        (Claim("", 3, "<", 3), "found 3, claimed < 3, missed by 0"),
        (Claim("", 2.5, "==", 3), "found 2.5, claimed = 3, missed by 0.5"),
        (Claim("", math.nan, "<=", 3), "found nan, claimed ≤ 3, missed by nan"),
    ],
)
def test_a_claim_in_words(claim, words):
    assert balance(claim) == words


def remarks(*claims, **rest):
    verdict = Verdict(claims, "Yes.") if claims else None
    return remark(Run("it", Opening("?", "", "", ()), "tiny", {}, {}, 0.0, verdict, **rest))


def test_the_claim_nearest_to_its_bound_is_named():
    far, near = Claim("far", 1, "<=", 9), Claim("near", 8, "<=", 9)
    exact = Claim("exact", 1, "==", 1)
    words = "All 3 claims hold; nearest to its bound: near: 8 ≤ 9, 11 % to spare."
    assert remarks(exact, far, near) == ("Yes.", words)


def test_claims_that_only_say_equal_hold_exactly():
    assert remarks(Claim("exact", 1, "==", 1)) == ("Yes.", "Its claim holds, exactly.")


def test_the_first_claim_that_fails_is_named():
    good, bad = Claim("good", 1, "<=", 9), Claim("bad", 10, "<=", 9)
    words = "1 of 2 claims fail: bad: found 10, claimed ≤ 9, missed by 1."
    assert remarks(good, bad) == ("Yes.", words)


def test_a_run_that_failed_says_why():
    assert remarks(error="ValueError: no") == ("ValueError: no",)
