"""The interface: doors, dtypes, pytrees, and the promises that all parametric ones keep."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.calibrators.optimality import LABELS, LOGITS, SOFT, WEIGHTS, N

from bcejax.calibration.calibrators.affine import AffineScaling
from bcejax.calibration.calibrators.base import CalibratorStatus
from bcejax.calibration.calibrators.beta import BetaCalibration
from bcejax.calibration.calibrators.platt import PlattScaling
from bcejax.calibration.calibrators.temperature import TemperatureScaling

PARAMETRIC = [TemperatureScaling, PlattScaling, AffineScaling, BetaCalibration]
NAN = np.nan


@pytest.fixture(autouse=True, scope="module")
def _wide():
    with jax.enable_x64(True):
        yield


def values(calibrator):
    return np.array([float(each) for _, each in sorted(calibrator.params.items())])


def same(one, other, rtol=1e-10):
    np.testing.assert_allclose(values(one), values(other), rtol=rtol, atol=1e-12)
    assert one.status == other.status


def cases():
    """Labels, logits, weights and mask, all of one shape, so that each kind is compiled once."""
    order, few = np.random.default_rng(0).permutation(N), np.arange(N) < 8
    absent, first = WEIGHTS == 0, np.arange(N) < 3
    hidden = np.where(absent, NAN, LOGITS)
    certain = np.where(first, [np.inf, -np.inf, np.inf] + [0] * (N - 3), LOGITS)
    extreme = np.where(first, [-40, 30, 50] + [0] * (N - 3), LOGITS)
    rows = {
        "whole": (LABELS, LOGITS, WEIGHTS),
        "order": (LABELS[order], LOGITS[order], WEIGHTS[order]),
        "hidden": (LABELS, hidden, WEIGHTS),
        "masked": (LABELS, hidden, np.where(absent, NAN, WEIGHTS), ~absent),
        "copies": (np.repeat(LABELS[few], 5), np.repeat(LOGITS[few], 5), np.ones(N)),
        "weights": (LABELS, LOGITS, np.where(few, 5.0, 0)),
        "certain": (LABELS, certain, np.ones(N)),
        "uncertain": (LABELS, LOGITS, np.where(first, 0.0, 1.0)),
        "extreme": (LABELS, extreme, np.ones(N)),
        "nothing": (LABELS, np.full(N, np.inf), np.ones(N)),
        "one example": (LABELS, LOGITS, 1.0 * (np.arange(N) == 0)),
        "one class": (LABELS, LOGITS, LABELS),
        "soft": (SOFT, LOGITS, WEIGHTS),
        "bad label": (np.append(LABELS[1:], 2.0), LOGITS, WEIGHTS),
        "bad logit": (LABELS, np.append(LOGITS[1:], NAN), WEIGHTS + 1),
        "bad weight": (LABELS, LOGITS, np.append(WEIGHTS[1:], -1.0)),
        "no weight": (LABELS, LOGITS, 0 * WEIGHTS),
    }
    return {name: (*row, np.ones(N, bool))[:4] for name, row in rows.items()}


CASES = cases()
AT = np.append([np.inf, -np.inf], LOGITS)


@pytest.fixture(scope="module", params=PARAMETRIC, ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def fits(kind):
    """By case: the calibrator and its answers, from one jitted vmap, beside a lane that is well."""

    @jax.jit
    @partial(jax.vmap, in_axes=(0, None, 0, None))
    def together(labels, logits, weights, where):
        fitted = kind.fit(labels, logits=logits, weights=weights, where=where)
        return fitted, fitted(jnp.asarray(AT))

    def lane(labels, logits, weights, where):
        both = together(np.stack([LABELS, labels]), logits, np.stack([WEIGHTS, weights]), where)
        return jax.tree.map(lambda each: each[1], jax.device_get(both))

    return {name: lane(*case) for name, case in CASES.items()}


class TestEvery:
    @pytest.mark.parametrize(
        ("name", "other"),
        [("order", "whole"), ("hidden", "whole"), ("masked", "whole"), ("copies", "weights"),
         ("certain", "uncertain")],
    )  # fmt: skip
    def test_order_absence_copies_and_certain_scores_do_not_matter(self, fits, name, other):
        same(fits[name][0], fits[other][0])

    @pytest.mark.parametrize("kind", [TemperatureScaling], indirect=True)
    @pytest.mark.parametrize("name", ["whole", "uncertain", "one class"])
    def test_jit_and_vmap_are_the_eager_loop(self, kind, fits, name):
        labels, logits, weights, _ = CASES[name]
        eager = kind.fit(labels, logits=logits, weights=weights)
        same(fits[name][0], eager)
        np.testing.assert_allclose(fits[name][1], eager(AT), rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize("kind", [BetaCalibration], indirect=True)
    @pytest.mark.parametrize("name", ["whole", "extreme"])
    def test_float32_from_logits_is_float64_rounded(self, kind, fits, name):
        labels, logits, weights, _ = CASES[name]
        narrow, wide = kind.fit(labels, logits=np.float32(logits), weights=weights), fits[name][0]
        assert {each.dtype for each in narrow.params.values()} == {np.dtype("float32")}
        np.testing.assert_allclose(values(narrow), values(wide), rtol=1e-5, atol=1e-6)
        assert narrow.status == wide.status

    def test_certain_scores_stay_certain(self, fits):
        fitted, answers = fits["certain"]
        if fitted.status == CalibratorStatus.CONVERGED:
            np.testing.assert_array_equal(answers[:2], [np.inf, -np.inf])
        nothing, _ = fits["nothing"]
        assert np.isnan(values(nothing)).all()
        assert nothing.status == CalibratorStatus.MAX_STEPS

    def test_traced_bad_values_give_nan(self, fits):
        for name in ("bad label", "bad logit", "bad weight"):
            assert np.isnan(values(fits[name][0]))[0]
        assert np.isnan(values(fits["no weight"][0])).all()

    def test_one_example_and_one_class_are_fits_with_a_status(self, fits):
        for name in ("one example", "one class", "soft"):
            fitted, _ = fits[name]
            assert np.isfinite(values(fitted)).all()
            assert fitted.status in (CalibratorStatus.CONVERGED, CalibratorStatus.AT_BOUND)

    @pytest.mark.parametrize(
        "kind", [TemperatureScaling, PlattScaling, AffineScaling, BetaCalibration], indirect=True
    )
    def test_implicit_derivative_is_that_of_refits(self, kind):
        @jax.jit
        @jax.value_and_grad
        def loss(shift):
            fitted = kind.fit(SOFT, logits=LOGITS + shift * jnp.sin(LOGITS), weights=WEIGHTS)
            return jnp.sum(fitted(LOGITS) ** 2)

        h = 1e-4
        wanted = (loss(h)[0] - loss(-h)[0]) / (2 * h)
        np.testing.assert_allclose(loss(0.0)[1], wanted, rtol=1e-6)


FITTED = AffineScaling({"slope": jnp.float32(2.0), "intercept": jnp.float32(1.0)}, jnp.int32(0))


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_dtype_and_shape_are_kept_from_float32_on(dtype):
    mapped = FITTED(jnp.zeros((2, 3), dtype))
    assert mapped.dtype == jnp.promote_types(dtype, jnp.float32)
    np.testing.assert_array_equal(mapped, np.ones((2, 3)))


def test_probs_come_from_either_scale():
    wanted = 1 / (1 + np.exp(-3.0))
    np.testing.assert_allclose(FITTED.probs(logits=jnp.array([1.0])), wanted, rtol=1e-6)
    np.testing.assert_allclose(FITTED.probs(probs=jnp.array([0.5, 0, 1.0])),
                               [1 / (1 + np.exp(-1.0)), 0, 1], rtol=1e-6)  # fmt: skip
    assert jnp.isnan(jax.jit(lambda p: FITTED.probs(probs=p))(1.1))


def test_it_is_a_pytree_that_crosses_jit():
    doubled = jax.jit(lambda calibrator: jax.tree.map(lambda each: 2 * each, calibrator))(FITTED)
    assert isinstance(doubled, AffineScaling)
    assert doubled.params["slope"] == 4


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: FITTED(jnp.array([1])), TypeError, "logits have dtype int64; they must be float"),
        (FITTED.probs, ValueError, "give exactly one of logits= and probs=; neither"),
        (lambda: FITTED.probs(logits=0.0, probs=0.5), ValueError, "probs=; both came"),
        (lambda: FITTED.probs(probs=[85.0]), ValueError, "divide percentages by 100"),
        (lambda: BetaCalibration.fit([1, 0], probs=[0.5, 0.5], variant="mab"), ValueError,
         "variant 'mab' is not one of 'abm', 'am', 'ab', 'a'"),
        (lambda: PlattScaling.fit([1, 2], probs=[0.5, 0.5]), ValueError, "binary|labels"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(call, error, message):
    with pytest.raises(error, match=message):
        call()
