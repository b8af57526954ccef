"""Predictions are those of the formulas, checks are judged by what they pass, claims can fail."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import finite_differences
from experiments.finite_differences import checks, steps
from experiments.finite_differences.checks import CHEX_MEAN, FORWARD, REVERSE, SCALARS, ULP
from experiments.finite_differences.courses import (
    COMPLEX_STEP,
    WAYS,
    course,
    courses_of,
    modulus_errors,
)

LOGITS = np.linspace(-4, 4, 16)


@pytest.fixture(scope="module")
def courses():
    with jax.enable_x64(True):
        return courses_of(LOGITS)


@pytest.fixture(scope="module")
def shares():
    return checks.passing_shares((1, 300))


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


# --- steps --------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_large_steps_err_as_the_formula_says(courses, way):
    """Where h^p is small and rounding smaller: to a part in twenty."""
    each = courses[way, "float64"]
    seen = (each.steps <= 0.1) & (each.errors >= 100 * each.predicted.min())
    seen &= each.steps > 2 * each.steps[each.predicted_best]
    assert seen.sum() > 3
    np.testing.assert_allclose(each.errors[seen] / each.predicted[seen], 1, rtol=0.05)


@pytest.mark.parametrize("way", [way for way in WAYS if way != COMPLEX_STEP])
def test_small_steps_err_as_rounding_says(courses, way):
    each = courses[way, "float64"]
    seen = each.steps < each.steps[each.predicted_best] / 16
    ratio = each.errors[seen] / each.predicted[seen]
    assert seen.sum() > 5
    assert 1 / 4 < ratio.min() <= ratio.max() < 4


def test_amplifications_are_those_of_the_weights():
    """Root sums of squares of the textbook weights."""
    weights = {
        "forward": [-1, 1],
        "central": [-1 / 2, 1 / 2],
        "five-point": [1 / 12, -2 / 3, 2 / 3, -1 / 12],
    }
    for name, each in weights.items():
        assert WAYS[name].amplification == pytest.approx(np.sqrt(np.sum(np.square(each))))


def test_the_claims_on_steps_hold(courses):
    with jax.enable_x64(True):
        claims = list(steps.claims_on_steps(courses, LOGITS))
    assert [claim for claim in claims if not claim.holds] == []
    assert len(claims) == 3 * 5 + 3 + 1


def test_a_wrong_prediction_is_seen(courses):
    wrong = {
        key: each._replace(predicted=each.predicted * each.steps) for key, each in courses.items()
    }
    with jax.enable_x64(True):
        claims = list(steps.claims_on_steps(wrong, LOGITS))
    assert sum(not claim.holds for claim in claims) >= 6


def test_the_modulus_is_wrong_at_every_logit():
    """What comes is the derivative of max(x, 0) - x, the rest is lost."""
    with jax.enable_x64(True):
        wrong = modulus_errors(LOGITS)
    right = -1 / (1 + np.exp(LOGITS))
    np.testing.assert_allclose(wrong, np.abs((LOGITS > 0) - 1 - right) / np.abs(right), 1e-6)


def test_a_course_in_float32_ends_at_its_digits():
    with jax.enable_x64(True):
        each = course("central", LOGITS.astype(np.float32))
    assert each.dtype == "float32"
    assert each.steps[-1] > np.finfo(np.float32).eps
    assert each.autodiff < 1e-7 < each.errors.min()


# --- checks -------------------------------------------------------------------------------------


def test_the_faulty_loss_is_faulty_by_its_share():
    x = jnp.float32([0.5, -2])
    right = jax.grad(lambda x: checks.faulty(x, 0.0).sum())(x)
    wrong = jax.grad(lambda x: checks.faulty(x, 0.5).sum())(x)
    np.testing.assert_allclose(wrong, 1.5 * right, rtol=2e-7)
    np.testing.assert_array_equal(checks.faulty(x, 0.5), checks.faulty(x, 0.0))


def test_what_passes(shares):
    """The tolerances of check_grads and chex by the number of elements, as in their sources."""
    assert shares[FORWARD][0] < 0.02
    assert 0.5 < shares[FORWARD][1] < 3
    assert shares[CHEX_MEAN][0] < 0.05
    assert shares[CHEX_MEAN][1] > 5
    assert max(*shares[REVERSE], *shares[SCALARS]) < 0.05
    assert max(shares[ULP]) < 2e-7


def test_the_claims_on_checks_hold_and_can_fail(shares):
    assert all(claim.holds for claim in checks.claims_on_checks(shares, (1, 300)))
    turned = {name: each[::-1] for name, each in shares.items()}
    failed = [claim for claim in checks.claims_on_checks(turned, (1, 300)) if not claim.holds]
    assert len(failed) == 6


@pytest.mark.parametrize("limit", [0.0, 1e-3, 0.7])
def test_bisection_finds_where_a_check_begins_to_raise(limit):
    logits = checks.logits_of(4)
    right = jax.grad(lambda x: checks.faulty(x, 0.0).sum())(logits)

    def check(f, x):
        off = jax.grad(lambda x: f(x).sum())(x) / right - 1
        assert np.abs(off).max() <= limit + 1e-6

    found = checks.largest_passing(check, logits)
    assert found <= limit + 2e-6
    assert limit <= found * 2**0.25 + 1e-6


def test_a_check_that_refuses_the_right_gradient_passes_none():
    def never(f, x):
        raise AssertionError

    assert np.isnan(checks.largest_passing(never, checks.logits_of(1)))


def test_the_answer_names_what_passes(courses, shares):
    answer, details = finite_differences.answer_of(courses, shares, (1, 300))
    assert "on 300 in float32 forward check_grads passes" in answer
    floor = courses["five-point", "float64"].errors.min()
    assert f"five-point {floor:.0e}," in details[0]
    assert 5e-14 < floor < 5e-13
