"""One sample for all parametric calibrators, and the proof that a fit to it is the best.

The loss is convex, so params are optimal where, in exact enough arithmetic, its derivative is 0 in
every free param and every positive one, and not negative in a param that is held at 0.
"""

import numpy as np

N = 40
RNG = np.random.default_rng(11)
LOGITS = np.float64(np.float32(RNG.normal(0.3, 2.5, N)))
LABELS = (RNG.random(N) < 1 / (1 + np.exp(-0.5 * LOGITS - 0.2))).astype(float)
WEIGHTS = RNG.integers(0, 4, N).astype(float)
SOFT = RNG.random(N)


def derivative(columns, params, labels, weights):
    """Of the loss in each param, relative to the sum of its absolute terms."""
    F = np.column_stack([np.broadcast_to(f, labels.shape) for f in columns]).astype(np.longdouble)
    p = 1 / (1 + np.exp(-F @ np.asarray(params, np.longdouble)))
    terms = (weights * (p - labels))[:, None] * F
    return terms.sum(0) / np.abs(terms).sum(0)


def assert_optimal(columns, params, labels, weights, *, signed=(), tolerance=1e-13):
    slope = derivative(columns, params, labels, weights)
    for k, each in enumerate(slope):
        if k in signed and params[k] == 0:
            assert each >= -tolerance
        else:
            assert abs(each) <= tolerance
    assert all(params[k] >= 0 for k in signed)
