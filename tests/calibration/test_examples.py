"""The one door: shapes, masks, weights, and every bad input with its message."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.calibration import expected_calibration_error, reliability_curve
from bcejax.calibration.examples import as_examples

NAN = np.nan
HALVES, HUGE, TINY = (np.full(2, each, np.float32) for each in (0.5, 3e38, 1e-42))


def test_shapes_are_flattened_and_weights_spread():
    examples = as_examples(np.ones((2, 3), int), probs=np.full((2, 3), 0.5), weights=[1, 2, 3])
    np.testing.assert_array_equal(examples.labels, np.ones(6))
    np.testing.assert_array_equal(examples.weights, [1, 2, 3, 1, 2, 3])
    assert examples.logits is None


def test_a_single_number_is_one_example():
    assert as_examples(1, probs=0.5).labels.shape == (1,)


@pytest.mark.parametrize("labels", [[True, False], [1, 0], [1.0, 0.0], np.uint8([1, 0])])
def test_labels_of_any_type(labels):
    np.testing.assert_array_equal(as_examples(labels, probs=[0.75, 0.5]).residuals(), [0.25, -0.5])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_scores_keep_their_dtype_and_work_in_float32_or_wider(dtype):
    with jax.enable_x64(True):
        examples = as_examples([1.0], probs=jnp.array([0.25], dtype))
        assert examples.probs.dtype == dtype
        assert examples.labels.dtype == jnp.promote_types(dtype, jnp.float32)
        assert examples.residuals().dtype == examples.labels.dtype


@pytest.mark.parametrize(
    "absent",
    [{"where": [True, False, True]}, {"weights": [1.0, 0.0, 1.0]}],
    ids=["where", "weight"],
)
@pytest.mark.parametrize("bad", [NAN, 85.0, -3.0, np.inf])
def test_whatever_lies_under_a_mask_is_ignored(absent, bad):
    labels, probs = np.array([1, bad, 0]), np.array([0.75, bad, 0.5])
    for call in (as_examples, jax.jit(as_examples)):
        examples = call(labels=labels, probs=probs, **absent)
        np.testing.assert_array_equal(examples.weights, [1, 0, 1])
        np.testing.assert_array_equal(np.asarray(examples.residuals())[[0, 2]], [0.25, -0.5])
        assert np.all(np.isfinite(examples.residuals()))
    if not np.isinf(bad):
        assert np.isfinite(as_examples(labels, logits=probs, **absent).residuals()).all()


def test_the_derivative_in_a_weight_of_0_is_that_of_the_example():
    def error(weights):
        return expected_calibration_error([1, 1, 0], probs=PROBS, weights=weights, bins=1)

    PROBS = jnp.array([0.25, 0.5, 0.75])
    # sum w r / sum w, r = .75, .5, -.75, at w = 1, 0, 0: (r_i - .75) / 1
    np.testing.assert_allclose(jax.grad(error)(jnp.array([1.0, 0.0, 0.0])), [0, -0.25, -1.5])


def test_residuals_of_logits_keep_their_digits():
    residual = as_examples([1.0, 0.0], logits=[20.0, -20.0]).residuals()
    np.testing.assert_allclose(residual, [np.exp(-20.0), -np.exp(-20.0)], rtol=1e-6)


@pytest.mark.parametrize("measure", [expected_calibration_error, reliability_curve])
@pytest.mark.parametrize(
    ("labels", "options", "error", "message"),
    [
        ([1, 0], {}, ValueError, "give exactly one of logits= and probs=; neither came"),
        ([1, 0], {"probs": [0.5, 0.5], "logits": [0.0, 0.0]}, ValueError, "probs=; both came"),
        ([1, 0], {"probs": [0.5]}, ValueError, r"labels have shape \(2,\) and probs \(1,\); they"),
        ([[1], [0]], {"logits": [0.5, 1.0]}, ValueError, r"shape \(2, 1\) and logits \(2,\); they"),
        ([], {"probs": []}, ValueError, "labels and probs are empty; calibration needs one"),
        ([1, 0], {"probs": [1, 0]}, TypeError, "probs have dtype int32; they must be floating"),
        ([1, 0], {"probs": [85.0, 10.0]}, ValueError, "divide percentages by 100"),
        ([1, 0], {"probs": [0.5, -0.1]}, ValueError, r"probs lie in \[0, 1\]"),
        ([1, 0], {"probs": [0.5, NAN]}, ValueError, "probs hold nan at 1 of 2 places"),
        ([1, 0], {"logits": [0.5, NAN]}, ValueError, "logits hold nan: drop these examples or"),
        ([1, NAN], {"probs": [0.5, 0.5]}, ValueError, "labels hold nan at 1 of 2 places"),
        ([0, 1, 2], {"probs": [0.5] * 3}, ValueError, "this is the binary loss"),
        ([1, -1], {"probs": [0.5] * 2}, ValueError, r"\(labels \+ 1\) / 2"),
        ([1, 0], {"probs": [0.5] * 2, "weights": [1, -1]}, ValueError, "weights must be finite"),
        ([1, 0], {"probs": [0.5] * 2, "weights": [1, NAN]}, ValueError, "weights must be finite"),
        ([1, 0], {"probs": [0.5] * 2, "weights": [1, 1, 1]}, ValueError,
         r"weights with shape \(3,\) cannot be broadcast to the labels' \(2,\)"),
        ([1, 0], {"probs": [0.5] * 2, "where": [[True], [False]]}, ValueError,
         r"where with shape \(2, 1\) cannot be broadcast to the labels' \(2,\)"),
        ([1, 0], {"probs": [0.5] * 2, "where": [1, 0]}, TypeError, "where has dtype int32; it"),
        ([1, 0], {"probs": HALVES, "weights": HUGE}, ValueError, "weights add up to too"),
        ([1, 0], {"probs": HALVES, "weights": TINY}, ValueError, "weights add up to too"),
        ([1, 0], {"probs": [0.5] * 2, "where": False}, ValueError, "no example counts: each is"),
        ([1, 0], {"probs": [0.5] * 2, "weights": 0}, ValueError, "no example counts: each is"),
        ([1, 0], {"probs": [0.5] * 2, "bins": 0}, ValueError, "bins is 0; there must be 1 or more"),
        ([1, 0], {"probs": [0.5] * 2, "bins": 2.5}, TypeError, "bins is 2.5; it must be an"),
        ([1, 0], {"probs": [0.5] * 2, "bins": True}, TypeError, "bins is True; it must be an"),
        ([1, 0], {"probs": [0.5] * 2, "closed": "both"}, ValueError, "closed 'both' is not one of"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(measure, labels, options, error, message):
    with jax.enable_x64(False), pytest.raises(error, match=message) as caught:
        measure(labels, **options)
    assert "\n" not in str(caught.value)


def test_advice_looks_only_at_what_counts():
    """Under the mask stand zeros; the labels are 1 and 2 all the same."""
    with pytest.raises(ValueError, match="labels - 1"):
        as_examples([1, 2, 0], probs=[0.5] * 3, where=[True, True, False])


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        ([1.0, 2.0], {"probs": [0.5, 0.5]}),
        ([1.0, NAN], {"probs": [0.5, 0.5]}),
        ([1.0, 0.0], {"probs": [0.5, 1.1]}),
        ([1.0, 0.0], {"probs": [0.5, NAN]}),
        ([1.0, 0.0], {"logits": [0.5, NAN]}),
        ([1.0, 2.0], {"logits": [0.5, 0.5]}),
        ([1.0, 0.0], {"probs": [0.5, 0.5], "weights": [1.0, -1.0]}),
        ([1.0, 0.0], {"probs": [0.5, 0.5], "where": [False, False]}),
    ],
)
@pytest.mark.parametrize("norm", [1, 2, np.inf])
def test_traced_bad_values_give_nan_and_not_a_plausible_number(labels, options, norm):
    arrays = {name: jnp.array(each) for name, each in options.items()}
    error = jax.jit(lambda y, given: expected_calibration_error(y, **given, norm=norm))
    assert jnp.isnan(error(jnp.array(labels), arrays))


def test_values_within_rounding_of_the_interval_are_taken():
    probs = np.float32([1 + 2**-23, -(2.0**-23)])
    curve = reliability_curve([1, 0], probs=probs, bins=2)
    np.testing.assert_array_equal(curve.mean_prob, [0, 1])
