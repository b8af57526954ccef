"""Where a search over logits, labels and settings found the largest errors in float32.

The oracle is the same loss in float64, of which tests/losses/test_family.py knows the error, and
for the bi-tempered loss its definition.
"""

from functools import partial

import jax
import mpmath
import numpy as np
import pytest
from losses.family import bi_tempered, bi_tempered_terms

from bcejax import (
    asymmetric_loss,
    bi_tempered_loss,
    forward_corrected_loss,
    generalized_cross_entropy,
    sigmoid_focal_loss,
)
from bcejax.analysis import as_extended, ulp_error


def tempered(t1, t2):
    """Of temperatures that float32 has: the program depends on them."""
    return partial(bi_tempered_loss, t1=float(np.float32(t1)), t2=float(np.float32(t2)))


# loss, its settings, the point (logit, label, settings), bounds on value and gradient
ROWS = [
    (generalized_cross_entropy, ["q"], (-3.443297863006592, 0, 0.5334399342536926), 6.5, 6),
    (generalized_cross_entropy, ["q"], (0.18338914215564728, 0, 0.9998022317886353), 6.5, 6),
    (
        forward_corrected_loss,
        ["flip_positive", "flip_negative"],
        (-2.7609684467315674, 0, 0.009948880411684513, 7.43452474125661e-05),
        *(6.5, 7.5),
    ),
    (
        forward_corrected_loss,
        ["flip_positive", "flip_negative"],
        (-0.04430798068642616, 1, 0.4925706684589386, 0.006628305185586214),
        *(6.5, 7.5),
    ),
    (asymmetric_loss, ["gamma_neg"], (0.27151042222976685, 0, 3.992504119873047), 4, 7.5),
    (sigmoid_focal_loss, ["gamma"], (7.0644330978393555, 0.4943830668926239, 4.91919), 20, 20),
    (sigmoid_focal_loss, ["gamma"], (10.27075481414795, 0.4414955675601959, 4.966290), 20, 20),
    (tempered(0.99, 1.2), [], (2.2067642211914062, 0), 7, 7),
    (tempered(0.2, 4.0), [], (-1.4586856365203857, 0), 7, 7),
]


# temperatures, logit, label: value, gradient and second derivative of the bi-tempered loss
TEMPERED = [
    (0.180002, 1.017984, -65.91206359863281, 0),  # part of the value is subnormal
    (0.180002, 1.017984, 65.90743255615234, 1),
    (0.99172, 1.0, -81.86678314208984, 0),  # and of the second derivative
    (0.0, 4.0, 0.15408259630203247, 1),
    (0.0, 2.0566165447235107, 0.03426945209503174, 1),
    (0.0, 2.0566165447235107, 0.050532907247543335, 0),
    (1.0, 4.0, -0.1586383581161499, 0.1),
    (1.0, 1.19625, -2.6442668437957764, 0.9),
    (0.0, 12.0, -1.0519541501998901, 0),
    (0.150275, 12.0, 109.96697998046875, 1),
]


@pytest.mark.parametrize("row", TEMPERED)
def test_within_the_bounds_of_the_bi_tempered_loss(row):
    """In ulp of the largest term; the loss is linear in its label."""
    t1, t2, *point = row
    loss, single = tempered(t1, t2), np.float32(point)

    @jax.jit
    def derivatives(x, y):
        return loss(x, y), jax.grad(loss)(x, y), jax.hessian(loss)(x, y)

    got = derivatives(*single)
    with mpmath.workprec(400):
        x, y = (mpmath.mpf(float(each)) for each in single)
        temperatures = [float(np.float32(each)) for each in (t1, t2)]
        terms = bi_tempered_terms(*temperatures, mpmath.mp, x, y)
        terms["value"] = [bi_tempered(*temperatures, mpmath.mp, x, y)]
        bounds = (7, 8, 14) if t2 <= 4 else (7, 12, 15)
        for bound, name, result in zip(bounds, ("value", "gradient", "hessian"), got, strict=True):
            size = max(abs(mpmath.fsum(terms[name])), *map(abs, terms[name]))
            missed = abs(mpmath.mpf(float(result)) - mpmath.fsum(terms[name]))
            assert missed <= bound * float(np.spacing(np.float32(float(size)))), name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: getattr(row[0], "func", row[0]).__name__)
def test_within_the_bounds_that_are_stated(row):
    loss, names, point, *bounds = row
    margin = {"shift": 0.0625} if loss is asymmetric_loss else {}  # exact in float32

    @jax.jit
    def value_and_slope(x, y, *settings):
        given = dict(zip(names, settings, strict=True))
        return jax.value_and_grad(lambda x: loss(x, y, **given, **margin))(x)

    single = np.float32(point)
    with jax.enable_x64(True):
        exact = value_and_slope(*single.astype(np.float64))
        got = value_and_slope(*single)
    for result, truth, bound in zip(got, exact, bounds, strict=True):
        assert result.dtype == np.float32
        assert ulp_error(np.asarray(result), as_extended(np.asarray(truth))) <= bound
