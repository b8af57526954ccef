"""The oracle against decimal arithmetic, constants, series, symmetries and differentiation."""

import decimal
import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcejax.analysis import exact, exact_values, settle
from bcejax.analysis.quantities import DOMAINS, ON_LOGITS

DIGITS = 36  # 120 bits
LOG_2 = "0.69314718055994530941723212145817656807550013436025"
SIGMOID_1 = "0.73105857863000487925115924182183627436514464016506"


def as_decimal(value):
    sign, mantissa, exponent, _ = value._mpf_
    return decimal.Decimal((-1) ** sign * int(mantissa)) * decimal.Decimal(2) ** exponent


def textbook(x, y, q):
    """The formulas of the books in 500 decimal digits, by another implementation of exp and ln."""
    p = 1 / (1 + (-x).exp())
    c, h = q * y + 1 - y, p * (1 - p)
    value = -q * y * p.ln() - (1 - y) * (1 - p).ln()
    plain = -y * p.ln() - (1 - y) * (1 - p).ln()
    entropy = -sum(part * part.ln() for part in (y, 1 - y) if part)
    inner = {"entropy_gradient", "kl_label_gradient"} if y in (0, 1) else set()
    log_odds = (y / (1 - y)).ln() if not inner else decimal.Decimal(0)
    table = {
        "value": value,
        "gradient": (1 - y) * p - q * y * (1 - p),
        "hessian": c * h,
        "third": c * h * (1 - 2 * p),
        "fourth": c * h * (1 - 6 * h),
        "label_gradient": (1 - p).ln() - q * p.ln(),
        "pos_weight_gradient": -y * p.ln(),
        "entropy": entropy,
        "entropy_gradient": -log_odds,
        "kl": plain - entropy,
        "kl_label_gradient": log_odds - x,
    }
    return {name: each for name, each in table.items() if name not in inner}


def agree(got, want):
    """To 36 digits, or to what 500 decimal digits leave of a sum that cancels to 0."""
    with decimal.localcontext(prec=500):
        ten = decimal.Decimal(10)
        return abs(as_decimal(got) - want) <= abs(want) * ten**-DIGITS + ten**-450


logit = st.one_of(st.floats(-750, 750), st.floats(1e-50, 1e-3), st.sampled_from([0.0]))
label = st.one_of(st.sampled_from([0.0, 1.0, 0.5]), st.floats(2**-60, 1))


@settings(max_examples=25, deadline=None)
@given(logit, label, st.sampled_from([1.0, 0.25, 7.3]))
def test_agrees_with_decimal_arithmetic(x, y, q):
    with decimal.localcontext(prec=500):
        want = textbook(decimal.Decimal(x), decimal.Decimal(y), decimal.Decimal(q))
        assert set(want) | {"entropy_gradient", "kl_label_gradient"} == set(ON_LOGITS)
        for name, number in want.items():
            weight = {} if name.startswith(("entropy", "kl")) else {"pos_weight": q}
            assert agree(exact(name, x, y, **weight), number), name


@pytest.mark.parametrize(
    ("quantity", "x", "y", "want"),
    [
        ("value", 0, 0, LOG_2),
        ("value", 0, 0.5, LOG_2),
        ("entropy", 0, 0.5, LOG_2),
        ("gradient", 1, 0, SIGMOID_1),
        ("gradient", -1, 1, "-" + SIGMOID_1),
        ("hessian", 0, 1, "0.25"),
        ("fourth", 0, 1, "-0.125"),
    ],
)
def test_constants_to_36_digits(quantity, x, y, want):
    with mpmath.workprec(200):
        want = mpmath.mpf(want)
    assert mpmath.nstr(exact(quantity, x, y), DIGITS) == mpmath.nstr(want, DIGITS)


@pytest.mark.parametrize("quantity", ["gradient", "third", "kl", "label_gradient"])
def test_an_exact_zero_is_zero(quantity):
    assert exact(quantity, 0, 0.5) == 0


@pytest.mark.parametrize(
    ("quantity", "x", "y", "leading"),
    [  # first terms of the series in x
        ("third", 1e-300, 1, lambda x: -x / 8),
        ("label_gradient", 1e-300, 0.5, lambda x: -x),
        ("kl", 1e-120, 0.5, lambda x: x**2 / 8),
        ("kl", 5e-324, 0.5, lambda x: x**2 / 8),
        ("gradient", 5e-324, 0.5, lambda x: x / 4),
    ],
)
def test_small_logits_keep_their_digits(quantity, x, y, leading):
    with mpmath.workprec(200):
        ratio = exact(quantity, x, y) / leading(mpmath.mpf(x))
        assert abs(ratio - 1) < mpmath.mpf(2) ** -115


@pytest.mark.parametrize("x", [40.0, 232.8, 700.0, 745.2, 1e5, 1e300])
def test_tails_do_not_vanish(x):
    """100 digits give 1.43e-101 at 232.8 and 0 at 700."""
    with mpmath.workprec(200):
        tail = mpmath.exp(-mpmath.mpf(x))
        for name in ("value", "hessian"):
            relative = exact(name, x, 1) / tail - 1
            assert abs(relative) <= 2 * tail + mpmath.mpf(2) ** -115
        assert abs(exact("gradient", x, 1) / tail + 1) <= 2 * tail + mpmath.mpf(2) ** -115


@settings(max_examples=40, deadline=None)
@given(logit, label)
def test_mirror_symmetry(x, y):
    """l(x, y) = l(-x, 1 - y), for labels whose complement is a float64 too."""
    if 1 - (1 - y) != y:
        y = 1 - (1 - y)
    signs = {"value": 1, "gradient": -1, "hessian": 1, "third": -1, "fourth": 1, "kl": 1}
    for name, sign in signs.items():
        one, other = exact(name, x, y), exact(name, -x, 1 - y)
        with mpmath.workprec(200):
            assert abs(one - sign * other) <= abs(one) * mpmath.mpf(2) ** -115, name


CHAIN = ["value", "gradient", "hessian", "third", "fourth"]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(CHAIN)))
@pytest.mark.parametrize(
    ("x", "y", "q"), [(-3.7, 0.25, 1), (0.4, 1, 2.5), (30.0, 0, 1), (-60, 1, 3)]
)
def test_each_is_the_derivative_of_the_one_before(lower, higher, x, y, q):
    terms = ON_LOGITS[lower]
    with mpmath.workprec(1400):
        y_, q_ = mpmath.mpf(y), mpmath.mpf(q)
        slope = mpmath.diff(lambda t: mpmath.fsum(terms(mpmath.mp, t, y_, q_)), mpmath.mpf(x))
        assert abs(exact(higher, x, y, pos_weight=q) / slope - 1) < mpmath.mpf(2) ** -115


@pytest.mark.parametrize(
    ("domain", "point"),
    [("probs", 0.3), ("probs", 1e-30), ("log_probs", -1e-9), ("log_probs", -40)],
)
@pytest.mark.parametrize("y", [0, 0.25, 1])
def test_derivatives_on_probabilities(domain, point, y):
    table = DOMAINS[domain]
    with mpmath.workprec(1400):
        y_, x_ = mpmath.mpf(y), mpmath.mpf(point)

        def value(x, label):
            return mpmath.fsum(table["value"](mpmath.mp, x, label, 1))

        wanted = {
            "gradient": mpmath.diff(lambda x: value(x, y_), x_, h=x_ * mpmath.mpf(2) ** -700),
            "hessian": mpmath.diff(lambda x: value(x, y_), x_, 2, h=x_ * mpmath.mpf(2) ** -400),
            "label_gradient": value(x_, mpmath.mpf(1)) - value(x_, mpmath.mpf(0)),
        }
        if "third" in table:
            step = x_ * mpmath.mpf(2) ** -280
            wanted["third"] = mpmath.diff(lambda x: value(x, y_), x_, 3, h=step)
        for name, want in wanted.items():
            got = exact(name, point, y, domain=domain)
            assert abs(got - want) <= abs(want) * mpmath.mpf(2) ** -110, name


def test_domains_agree_where_they_meet():
    with mpmath.workprec(300):
        x = mpmath.mpf(2.5)
        p, u = 1 / (1 + mpmath.exp(-x)), -mpmath.log1p(mpmath.exp(-x))
        want = exact("value", 2.5, 0.3)
        for point, domain in [(p, "probs"), (u, "log_probs")]:
            assert abs(exact("value", point, 0.3, domain=domain) / want - 1) < mpmath.mpf(2) ** -115


INF = math.inf


@pytest.mark.parametrize(
    ("domain", "quantity", "x", "y", "want"),
    [
        ("logits", "value", INF, 1, 0),
        ("logits", "value", INF, 0, INF),
        ("logits", "value", -INF, 0.5, INF),
        ("logits", "gradient", INF, 0.25, 0.75),
        ("logits", "gradient", -INF, 1, -1),
        ("logits", "hessian", INF, 0, 0),
        ("logits", "third", -INF, 0, 0),
        ("logits", "label_gradient", INF, 0, -INF),
        ("logits", "kl", INF, 1, 0),
        ("logits", "entropy", 3, 1, 0),
        ("probs", "value", 0, 0, 0),
        ("probs", "value", 0, 1, INF),
        ("probs", "value", 1, 1, 0),
        ("probs", "gradient", 1, 1, -1),
        ("probs", "gradient", 0, 0, 1),
        ("probs", "gradient", 0, 0.5, -INF),
        ("probs", "hessian", 1, 0, INF),
        ("log_probs", "value", -INF, 0, 0),
        ("log_probs", "value", 0, 0, INF),
        ("log_probs", "value", 0, 1, 0),
        ("log_probs", "gradient", -INF, 0, 0),
        ("log_probs", "gradient", 0, 1, -1),
        ("log_probs", "gradient", 0, 0, INF),
    ],
)
def test_limits(domain, quantity, x, y, want):
    assert exact(quantity, x, y, domain=domain) == want


@pytest.mark.parametrize(
    ("domain", "x", "y"),
    [("logits", 0, math.nan), ("logits", math.nan, 0), ("logits", 1, -0.1), ("probs", 1.5, 1),
     ("probs", math.nan, 1), ("log_probs", 0.1, 1)],
)  # fmt: skip
def test_nan_outside_the_domain(domain, x, y):
    assert mpmath.isnan(exact("value", x, y, domain=domain))


def test_arrays_broadcast_and_stay_exact():
    logits = np.array([[0.5], [-3.0]], np.float32)
    got = exact_values("gradient", logits, np.array([0, 1, np.float32(0.3)]), pos_weight=2)
    assert got.shape == (2, 3)
    for i, x in enumerate(logits[:, 0]):
        for j, y in enumerate([0, 1, np.float32(0.3)]):
            want = exact("gradient", x, y, pos_weight=2)
            with mpmath.workprec(200):
                there = (mpmath.mpf(got.high[i, j]) + got.low[i, j]) * mpmath.mpf(2) ** int(
                    got.exponent[i, j]
                )
                assert abs(there / want - 1) < mpmath.mpf(2) ** -105


def test_the_working_precision_of_mpmath_is_left_alone():
    before = mpmath.mp.prec
    exact("kl", 5e-324, 0.5)
    assert mpmath.mp.prec == before


def test_settle_sees_what_a_sum_loses():
    with mpmath.workprec(3000):
        small = mpmath.mpf(10) ** -400
        want = mpmath.expm1(small) - small
    got = settle(lambda mp: [mp.exp(small), -1, -small])
    with mpmath.workprec(200):
        assert abs(got / want - 1) < mpmath.mpf(2) ** -115


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("slope", 0, 0), {}, "quantity 'slope' on logits is not one of value, gradient"),
        (("fourth", 0.5, 0), {"domain": "probs"}, "quantity 'fourth' on probs is not one of"),
        (("value", 0, 0), {"domain": "odds"}, "domain 'odds' is not one of logits, probs"),
        (("kl", 0, 0), {"pos_weight": 2}, "kl on logits takes no pos_weight, got 2"),
    ],
)
def test_bad_names_are_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        exact(*arguments, **options)
