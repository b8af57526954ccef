"""The chi-square law against SciPy's."""

import jax
import numpy as np
import pytest
from scipy.stats import chi2

from bcejax.numerics import chi_square_survival


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-5), ("float64", 1e-10)])
def test_survival_is_scipys(dtype, rtol):
    with jax.enable_x64(True):
        statistic, degrees = np.meshgrid(
            [0, 1e-3, 0.5, 2, 10, 40, 120, np.inf, np.nan], [1, 2, 8, 15]
        )
        ours = chi_square_survival(statistic.astype(dtype), degrees)
        assert ours.dtype == dtype
        wanted = chi2.sf(statistic.astype(dtype).astype(float), degrees)
        seen = ~(wanted <= 1e-30) | np.isinf(statistic)
        np.testing.assert_allclose(ours[seen], wanted[seen], rtol=rtol)


def test_no_law_has_fewer_degrees_than_none():
    assert chi_square_survival(1.0, 0) == 0
    assert np.isnan(chi_square_survival(1.0, -1))
