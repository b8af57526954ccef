"""The lowess curve against statsmodels and a loop, and the quantiles of its distances."""

import jax
import numpy as np
import pytest

from bcejax.calibration.regression.curve import calibration_curve_summary

N = 60
I = np.arange(N)  # noqa: E741
LOGITS = 3 * np.sin(1.7 * I + 0.3) + 0.2 * np.cos(5 * I)
PROBS = 1 / (1 + np.exp(-LOGITS))
LABELS = np.float64(1 / (1 + np.exp(-0.7 * LOGITS - 0.4)) > (I * 0.6180339887498949) % 1)
WEIGHTS = 1.0 + I % 3
# statsmodels 0.15.0, lowess(frac=2/3, it=0) at the 60 probabilities: mean, median and greatest
# distance from them, and the curve at the examples 0, 17 and 40
PEER = [0.0803339027705763, 0.07973189030745136, 0.164603932037308]
PEER_CURVE = {0: 0.7623892208885723, 17: 0.1807225430529054, 40: 0.23212434570486504}


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def loop(t, labels, probs, weights, share=2 / 3):
    """The line around t by weighted least squares."""
    gap = np.abs(probs - t)
    order = np.argsort(gap)
    rank = np.searchsorted(np.cumsum(weights[order]), share * weights.sum() - 1e-9)
    kernel = weights * np.clip(1 - (gap / gap[order][rank]) ** 3, 0, 1) ** 3
    root = np.sqrt(kernel)
    design = np.column_stack([np.ones(N), probs - t])
    return np.linalg.lstsq(root[:, None] * design, root * labels, rcond=None)[0][0]


def test_it_is_statsmodels_lowess():
    summary = calibration_curve_summary(LABELS, probs=PROBS)
    np.testing.assert_allclose([summary.ici, summary.e50, summary.emax], PEER, rtol=1e-6)
    for k, value in PEER_CURVE.items():
        at = np.interp(PROBS[k], summary.probs, summary.curve)
        np.testing.assert_allclose(at, value, rtol=1e-6)


def test_weighted_it_is_the_loop_at_as_many_points_as_asked_for():
    summary = calibration_curve_summary(LABELS, probs=PROBS, weights=WEIGHTS, points=25)
    assert summary.curve.shape == (25,)
    for t, value in zip(summary.probs, summary.curve, strict=True):
        np.testing.assert_allclose(value, loop(float(t), LABELS, PROBS, WEIGHTS), rtol=1e-9)
    fine = calibration_curve_summary(LABELS, probs=PROBS, weights=WEIGHTS)
    np.testing.assert_allclose(summary[:4], fine[:4], atol=1e-2)


def test_e90_is_the_mean_of_two_where_it_falls_between():
    summary = calibration_curve_summary(LABELS, probs=PROBS)
    distance = np.sort(np.abs(PROBS - np.interp(PROBS, summary.probs, summary.curve)))
    np.testing.assert_allclose(summary.e50, distance[29:31].mean(), rtol=1e-12)
    np.testing.assert_allclose(summary.e90, distance[53:55].mean(), rtol=1e-12)


def test_a_true_line_is_found_exactly():
    summary = calibration_curve_summary(0.2 + 0.5 * PROBS, probs=PROBS)
    np.testing.assert_allclose(summary.curve, 0.2 + 0.5 * summary.probs, rtol=1e-10)


def test_equal_scores_certain_scores_and_one_example():
    equal = calibration_curve_summary(LABELS, probs=np.full(N, 0.3))
    np.testing.assert_allclose(equal[:4], np.abs(LABELS.mean() - 0.3), rtol=1e-12)
    certain = calibration_curve_summary(LABELS, probs=(PROBS > 0.5).astype(float))
    shares = [LABELS[PROBS <= 0.5].mean(), LABELS[PROBS > 0.5].mean()]
    assert np.isfinite(certain.curve).all()
    np.testing.assert_allclose(np.asarray(certain.curve)[[0, -1]], shares, atol=0.5)
    one = calibration_curve_summary(LABELS, probs=PROBS, weights=np.float64(I == 7))
    np.testing.assert_allclose(one.ici, np.abs(LABELS[7] - PROBS[7]), rtol=1e-12)


def test_labels_have_derivatives():
    def ici(t):
        return calibration_curve_summary(LABELS * (1 - t), probs=PROBS).ici

    numeric = (ici(0.1 + 1e-5) - ici(0.1 - 1e-5)) / 2e-5
    np.testing.assert_allclose(jax.grad(ici)(0.1), numeric, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"points": 1}, ValueError, "points is 1; there must be 2 or more"),
        ({"points": 2.5}, TypeError, "points is 2.5; it must be an integer"),
        ({"share": 0}, ValueError, r"share 0 does not lie in \(0, 1\]"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        calibration_curve_summary(LABELS, probs=PROBS, **options)
