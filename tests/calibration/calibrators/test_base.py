"""The interface: doors, dtypes, pytrees, and the promises that all parametric ones keep."""

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


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def values(calibrator):
    return np.array([float(each) for _, each in sorted(calibrator.params.items())])


def same(one, other, rtol=1e-10):
    np.testing.assert_allclose(values(one), values(other), rtol=rtol, atol=1e-12)
    assert one.status == other.status


@pytest.mark.parametrize("kind", PARAMETRIC)
class TestEvery:
    def test_order_masks_copies_and_scale_of_weights(self, kind):
        whole = kind.fit(LABELS, logits=LOGITS, weights=WEIGHTS)
        order = np.random.default_rng(0).permutation(N)
        same(kind.fit(LABELS[order], logits=LOGITS[order], weights=WEIGHTS[order]), whole)
        hidden = np.where(WEIGHTS == 0, NAN, LOGITS)
        same(kind.fit(LABELS, logits=hidden, weights=WEIGHTS), whole)
        same(kind.fit(LABELS, logits=hidden, weights=np.where(WEIGHTS == 0, NAN, WEIGHTS),
                      where=WEIGHTS > 0), whole)  # fmt: skip
        few = np.arange(N) < 8
        copies = [np.repeat(each[few], 5) for each in (LABELS, LOGITS)]
        same(kind.fit(copies[0], logits=copies[1]),
             kind.fit(LABELS, logits=LOGITS, weights=np.where(few, 5.0, 0)))  # fmt: skip

    def test_probs_are_logits(self, kind):
        probs = 1 / (1 + np.exp(-LOGITS))
        same(kind.fit(LABELS, probs=probs), kind.fit(LABELS, logits=LOGITS), rtol=1e-9)

    def test_jit_and_vmap_are_the_eager_loop(self, kind):
        def fit(weights):
            return kind.fit(LABELS, logits=LOGITS, weights=weights)

        folds = jnp.stack([WEIGHTS, jnp.where(jnp.arange(N) < 10, 0.0, 1.0)])
        batch = jax.jit(jax.vmap(fit))(folds)
        for k, weights in enumerate(folds):
            same(jax.tree.map(lambda each, k=k: each[k], batch), fit(weights))
        mapped = jax.vmap(lambda one: one(LOGITS))(batch)
        np.testing.assert_allclose(mapped[1], fit(folds[1])(LOGITS), rtol=1e-9, atol=1e-12)

    def test_float32_from_logits_is_float64_rounded(self, kind):
        narrow = kind.fit(LABELS, logits=np.float32(LOGITS), weights=WEIGHTS)
        wide = kind.fit(LABELS, logits=LOGITS, weights=WEIGHTS)
        assert {each.dtype for each in narrow.params.values()} == {np.dtype("float32")}
        np.testing.assert_allclose(values(narrow), values(wide), rtol=1e-5, atol=1e-6)
        assert narrow.status == wide.status

    def test_certain_scores_take_no_part_and_stay_certain(self, kind):
        logits = np.where(np.arange(N) < 3, [np.inf, -np.inf, np.inf] + [0] * (N - 3), LOGITS)
        fitted = kind.fit(LABELS, logits=logits)
        same(fitted, kind.fit(LABELS, logits=LOGITS, weights=np.where(np.arange(N) < 3, 0.0, 1.0)))
        if fitted.status == CalibratorStatus.CONVERGED:
            np.testing.assert_array_equal(fitted(jnp.array([np.inf, -np.inf])), [np.inf, -np.inf])
        nothing = kind.fit(LABELS, logits=np.full(N, np.inf))
        assert np.isnan(values(nothing)).all()
        assert nothing.status == CalibratorStatus.MAX_STEPS

    def test_traced_bad_values_give_nan(self, kind):
        fit = jax.jit(lambda y, x, w: kind.fit(y, logits=x, weights=w))
        bad = np.append(LABELS[1:], 2.0), np.append(LOGITS[1:], NAN), np.append(WEIGHTS[1:], -1.0)
        good = LABELS, LOGITS, WEIGHTS
        for k in range(3):
            arguments = [*good[:k], bad[k], *good[k + 1 :]]
            assert np.isnan(values(fit(*arguments)))[0]
        assert np.isnan(values(fit(LABELS, LOGITS, 0 * WEIGHTS))).all()

    def test_one_example_and_one_class_are_fits_with_a_status(self, kind):
        for labels, weights in ((LABELS, np.arange(N) == 0), (LABELS, LABELS), (SOFT, WEIGHTS)):
            fitted = kind.fit(labels, logits=LOGITS, weights=weights.astype(float))
            assert np.isfinite(values(fitted)).all()
            assert fitted.status in (CalibratorStatus.CONVERGED, CalibratorStatus.AT_BOUND)

    def test_implicit_derivative_is_that_of_refits(self, kind):
        @jax.jit
        def loss(shift):
            fitted = kind.fit(SOFT, logits=LOGITS + shift * jnp.sin(LOGITS), weights=WEIGHTS)
            return jnp.sum(fitted(LOGITS) ** 2)

        h = 1e-4
        wanted = (loss(h) - loss(-h)) / (2 * h)
        np.testing.assert_allclose(jax.jit(jax.grad(loss))(0.0), wanted, rtol=1e-6)


FITTED = AffineScaling({"slope": jnp.float32(2.0), "intercept": jnp.float32(1.0)}, jnp.int32(0))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
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
