"""Every measure of calibration, and one sample that holds all that can go wrong in one shape.

A new measure gets its line here; test_suite.py then holds it to what all of them promise.
"""

from functools import partial

import jax.numpy as jnp
import numpy as np

from bcejax import calibration as c

SIZE = 60  # one shape, so that each measure is compiled once: absent examples are masked


def curve(labels, **given):
    """The reliability curve, but for its edges and the number of examples, which copies change."""
    return c.reliability_curve(labels, **given, bins=5)[2:]


def isotonic_moments(labels, *, weights, where, **scores):
    """Weighted moments of the isotonic fit, which is itself one number per example."""
    fit = c.isotonic_regression(labels, weights=weights, where=where, **scores)
    counted = jnp.where(where, weights * jnp.stack([fit, fit**2, fit**3]), 0)
    return counted.sum(1) + 0 * fit[0]  # nan where the fit is


MEASURES = {
    "log score": c.log_score,
    "Brier score": c.brier_score,
    "area under the curve": c.roc_auc,
    "accuracy": c.accuracy,
    "reliability curve": curve,
    "binned error, width": partial(c.expected_calibration_error, bins=5),
    "binned error, mass, square": partial(
        c.expected_calibration_error, bins=4, strategy="mass", norm=2
    ),
    "binned error, debiased": partial(
        c.expected_calibration_error, bins=4, strategy="mass", debias=True
    ),
    "largest gap": partial(c.expected_calibration_error, bins=5, norm=np.inf, closed="right"),
    "isotonic fit": isotonic_moments,
    "smooth error": c.smooth_calibration_error,
    "kernel error, Laplacian": c.kernel_calibration_error,
    "kernel error, Gaussian": partial(c.kernel_calibration_error, kernel="gaussian"),
    "cumulative errors": c.cumulative_calibration_error,
    "isotonic decomposition, log": c.corp_decomposition,
    "isotonic decomposition, Brier": partial(c.corp_decomposition, score="brier"),
    "Murphy's decomposition": partial(c.murphy_decomposition, bins=5),
    "sweep error": partial(c.sweep_calibration_error, max_bins=8),
    "calibration line": c.calibration_regression,
    "Spiegelhalter": c.spiegelhalter_test,
    "Hosmer and Lemeshow": partial(c.hosmer_lemeshow_test, bins=4),
    "curve summary": c.calibration_curve_summary,
}


def sample(seed, count=SIZE // 3):
    """Labels, probabilities with ties and certain answers, whole weights 0 to 3."""
    rng = np.random.default_rng(seed)
    # on no edge of a bin, to which float32 and float64 round differently
    probs = (0.05 + 0.9 * np.round(rng.random(count), 1)).astype(np.float32)
    labels = (rng.random(count) < probs).astype(np.float32)
    labels[:4], probs[:4] = (0, 1, 0, 1), (0.3, 0.7, 0, 1)
    weights = rng.integers(0, 4, count).astype(np.float32)
    weights[:2] = 1
    return labels, probs, weights


def padded(labels, probs, weights=None):
    """The sample among SIZE examples, of which the others are nonsense under a mask."""
    n = len(labels)
    weights = np.ones(n, np.float32) if weights is None else weights

    def fill(values, nonsense):
        return np.concatenate([values, np.full(SIZE - n, nonsense)]).astype(np.float32)

    return {
        "labels": fill(labels, 7.0),
        "probs": fill(probs, np.nan),
        "weights": fill(weights, 5.0),
        "where": np.arange(SIZE) < n,
    }
