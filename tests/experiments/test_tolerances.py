import numpy as np
import pytest

from experiments.tolerances import ON_CPU, QUANTITIES, Pair, tolerance


@pytest.mark.parametrize("dtype", ON_CPU)
def test_here_the_promises_hold_as_they_are(dtype):
    for platform in (None, "cpu", "gpu"):
        np.testing.assert_equal(tolerance(dtype, platform), ON_CPU[dtype])
    assert list(ON_CPU[dtype].losses) == list(ON_CPU[dtype].highest) == list(QUANTITIES)


def test_another_device_widens_every_bound_of_a_dtype_and_no_other():
    wide, narrow = tolerance("float64", "tpu"), ON_CPU["float64"]
    assert wide.losses["hessian"] == Pair(64 * 2.5, 64 * 2.5)
    assert wide.highest["value"] == Pair(64, 128)
    assert wide[2:] == tuple(64 * np.array(narrow[2:]))
    assert tolerance("bfloat16", "tpu") == ON_CPU["bfloat16"]


def test_an_unknown_dtype_is_refused():
    with pytest.raises(ValueError, match="dtype 'int8' is not one of float64, float32"):
        tolerance("int8")
