"""References of the tests: logits that hurt, and tail-safe closed forms in NumPy's longdouble.

The closed forms serve dense samples of float32 and below; test_reference.py holds them against
the oracle, which is exact and slower.
"""

import jax
import ml_dtypes
import numpy as np

BFLOAT16 = ml_dtypes.bfloat16
EDGE = {np.float32: 87.0, np.float64: 700.0}

# Where the sweep of every float32 logit (experiments/exhaustive_float32) and earlier samples found
# the largest errors of value, gradient, hessian, third derivative and sigmoid.
WORST = [
    *(0.3454505, -1.2776511, 2.044042, -3.4137194, -1.0919224, 80.05786, -27.362335, 0.5516478),
    *(-0.34568363, 0.3715285, -1.7262518, 0.4143774, 2.067186, -4.497315, -5.1902194, 3.4140024),
    *(1.0368012, 17.307858, 3.4007673, 1.0350037, 0.0032030637, -8.929915, 1.663695, -0.9962907),
    *(-14.2094269, -11.2261076, -10.4334736, -7.96463871, -5.19789505, -4.61883736),
    *(-3.80279231, -2.74285746, -2.42574358, -2.42349482, -1.73233378, -1.72953784),
    *(-1.03426158, -0.880150199, -0.34051159, -0.157345623, -0.0396766849, -0.0082124155),
    *(-0.00781195937, -0.00428953115, -0.00271457317, -0.00249175727, -0.00112809858),
    *(0.00249175727, 0.00428953115, 0.0110356882, 0.0291129053, 0.0396766849, 0.171033859),
    *(0.247862518, 0.251921475, 0.270200163, 0.360305369, 0.546867013, 0.880150199),
    *(1.29974699, 1.70471728, 2.06718612, 2.74285746, 3.40429688, 5.19789505, 6.92991447),
    *(7.96463871, 14.2094269),
]


def hard_logits(dtype, n, seed=0):
    """Both tails, around 0, next to 0, the binades, and where errors were largest."""
    draw = np.random.default_rng(seed)
    edge = EDGE[dtype]
    sign = draw.choice([-1.0, 1.0], n // 4)
    powers = 2.0 ** np.arange(-40, 7)
    parts = [
        draw.uniform(-edge, edge, n // 4),
        draw.normal(0, 3, n // 4),
        np.exp(draw.uniform(-60, np.log(edge), n // 4)) * sign,
        draw.uniform(-1, 1, n // 4),
        np.array(WORST),
        np.concatenate([powers, -powers, [0.0, -0.0, edge, -edge]]),
    ]
    logits = np.concatenate(parts).astype(dtype)
    return logits[np.abs(logits) <= edge]


def closed_form(quantity, logits, labels, pos_weight=1):
    """Value, gradient, hessian, third or sigmoid in longdouble, good to 1e-17 relative."""
    x, y, q = (np.asarray(each).astype(np.longdouble) for each in (logits, labels, pos_weight))
    with np.errstate(under="ignore"):
        e = np.exp(-np.abs(x))
    sigmoid = np.where(x >= 0, 1, e) / (1 + e)
    complement = np.where(x >= 0, e, 1) / (1 + e)
    hessian = (q * y + 1 - y) * sigmoid * complement
    if quantity == "value":
        positive, negative = np.where(x > 0, x, 0), np.where(x < 0, -x, 0)
        return q * y * negative + (1 - y) * positive + (q * y + 1 - y) * np.log1p(e)
    if quantity == "gradient":
        return (1 - y) * sigmoid - q * y * complement
    return {"sigmoid": sigmoid, "hessian": hessian, "third": -hessian * np.tanh(x / 2)}[quantity]


def x64_for(dtype):
    """A context in which arrays of that dtype exist, whatever JAX_ENABLE_X64 says."""
    return jax.enable_x64(np.dtype(dtype) == np.float64)
