"""Where the audit looks: every region, numbers of the dtype, normal results at the edges."""

import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.analysis.auditing.points import FAR, exact_at, points_of

LABELS = (0.0, 1.0, 0.25, 0.9)
dtypes = pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])


@dtypes
@pytest.mark.parametrize("form", ["logits", "probs"])
def test_all_numbers_are_of_the_dtype(form, dtype):
    points = points_of(form, LABELS, np.dtype(dtype))
    for numbers in points[:2]:
        np.testing.assert_array_equal(np.array(numbers).astype(dtype).astype(float), numbers)
    assert len(points.scores) == len(points.labels) == len(points.regions) < 1000
    scores = np.array(points.scores)
    assert (scores != 0).all()  # logit 0 has its own check
    assert form == "logits" or ((scores > 0) & (scores < 1)).all()


@dtypes
def test_the_tails_reach_to_the_last_normal_result(dtype):
    points = points_of("logits", (1.0,), np.dtype(dtype))
    regions, scores = np.array(points.regions), np.array(points.scores)
    tail = scores[regions == "right tail"]
    smallest = float(jnp.finfo(dtype).smallest_normal)
    assert smallest < np.exp(-tail.max()) < smallest**0.97
    assert scores[regions == FAR].max() < float(jnp.finfo(dtype).max)
    assert {"left tail", "around 0"} < set(points.regions)
    assert np.abs(scores[regions == "around 0"]).min() < float(jnp.finfo(dtype).eps)


@dtypes
def test_a_soft_label_is_looked_at_where_its_gradient_vanishes(dtype):
    points = points_of("logits", LABELS, np.dtype(dtype))
    near = points.where(np.array(points.regions) == "near sigmoid(x) = y")
    assert set(near.labels) == {float(np.array(y).astype(dtype)) for y in (0.25, 0.9)}
    gradient = exact_at("gradient", "logits", near.scores, near.labels).float64()
    assert (np.abs(gradient) < 100 * float(jnp.finfo(dtype).eps)).all()


def test_the_oracle_is_asked_once():
    points = points_of("probs", (0.25,), np.dtype("float32"))
    first = exact_at("hessian", "probs", points.scores, points.labels)
    assert exact_at("hessian", "probs", points.scores, points.labels) is first
