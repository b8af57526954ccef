"""The uniform mixture against 50 digits."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from bcejax.calibration.calibrators.isotonic import IsotonicCalibration
from bcejax.calibration.calibrators.mixture import UniformMixture
from bcejax.calibration.calibrators.venn_abers import VennAbers

Y, X = [0, 1, 1, 0], [-2.0, 1.0, 2.0, 3.0]


def test_share_is_one_in_n_plus_1():
    assert UniformMixture.fit(Y, logits=X).params["share"] == pytest.approx(1 / 5)
    weighted = UniformMixture.fit(Y, logits=X, weights=[2, 3, 0, 1.0])
    assert weighted.params["share"] == pytest.approx(1 / 7)


def test_keeps_the_digits_of_every_logit():
    inner = IsotonicCalibration.fit(Y, logits=X)
    at = np.array([-np.inf, -50, -3, -1e-5, 0, 1e-3, 0.5, 8, 30, np.inf], np.float32)
    for share in (1e-7, 0.01, 0.5):
        table = {"lower": at, "upper": at, "logits": at, "count": jnp.int32(len(at))}
        step = IsotonicCalibration(table, inner.status)
        got = UniformMixture({"share": jnp.float32(share)}, inner.status, step)(at)
        with mpmath.workdps(50):
            e = mpmath.mpf(float(np.float32(share)))
            p = [(1 - e) / (1 + mpmath.exp(-mpmath.mpf(float(x)))) + e / 2 for x in at]
            want = [float(mpmath.log(each / (1 - each))) for each in p]
        np.testing.assert_allclose(got, want, rtol=3e-6)


def test_other_calibrators_and_their_options():
    fit = UniformMixture.fit(Y, logits=X, of=VennAbers)
    assert isinstance(fit.calibrator, VennAbers)
    with pytest.raises(TypeError, match="smoothing"):
        UniformMixture.fit(Y, logits=X, of=VennAbers, smoothing=1)


def test_is_a_pytree():
    fit = UniformMixture.fit(Y, logits=X)
    same = jax.tree.map(lambda leaf: leaf, fit)
    np.testing.assert_array_equal(same(jnp.array(X)), fit(jnp.array(X)))
