import numpy as np
import pytest
from reference import closed_form, hard_logits

from bcejax.analysis import exact_values, ulp_error


@pytest.mark.parametrize("quantity", ["value", "gradient", "hessian", "third"])
@pytest.mark.parametrize("label", [0.0, 1.0, 0.3])
def test_closed_forms_are_good_to_float64(quantity, label):
    x = hard_logits(np.float32, 400)
    got = closed_form(quantity, x, label, 2.5)
    want = exact_values(quantity, x, label, pos_weight=2.5)
    scale = np.abs(closed_form("sigmoid", x, label)) if quantity == "gradient" else 0
    error = np.abs(got.astype(np.float64) - want.float64())
    assert (error <= 2.0**-50 * np.maximum(np.abs(want.float64()), scale)).all()


def test_hard_logits_cover_both_edges():
    for dtype in (np.float32, np.float64):
        x = hard_logits(dtype, 100)
        assert x.dtype == dtype
        assert x.min() == -x.max() == {np.float32: -87, np.float64: -700}[dtype]
        assert (x == 0).any()
        assert ulp_error(x, x.astype(np.longdouble).astype(np.float64)).max() == 0
