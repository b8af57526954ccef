import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.data import Batch
from bcejax.training.entry import admit, largest_input

FLOAT32 = np.dtype("float32")


def bad(array, place, value):
    array = np.array(array)
    array[place] = value
    return array


@pytest.mark.parametrize("kind", [np.float64, np.float16, np.int64, bool, jnp.bfloat16])
def test_takes_any_numbers_and_casts_them(kind):
    inputs = np.array([[0, 1], [1, 0]]).astype(kind)
    batch = admit(Batch(inputs, np.array([0, 1]), np.array([1, 2])), "train", FLOAT32)
    assert [a.dtype for a in batch] == [FLOAT32] * 3
    np.testing.assert_array_equal(batch.inputs, inputs.astype(np.float32))


def test_takes_arrays_of_jax_and_plain_tuples(train):
    arrays = admit(jax.tree.map(jnp.float32, train), "train", FLOAT32)
    jax.tree.map(np.testing.assert_array_equal, admit(tuple(train), "train", FLOAT32), arrays)
    pair = admit((train.inputs, train.labels), "train", FLOAT32)
    assert pair.weights is None


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"inputs": np.ones(22)}, "train inputs must be (n, d), one row per example; got (22,)"),
        (
            {"inputs": np.ones((0, 3)), "labels": np.ones(0), "weights": None},
            "train inputs must hold an example and a column at least; got (0, 3)",
        ),
        (
            {"inputs": np.ones((22, 0))},
            "train inputs must hold an example and a column at least; got (22, 0)",
        ),
        (
            {"labels": np.ones((22, 1))},
            "train labels must be (22,), one per row of inputs (22, 3); got (22, 1)",
        ),
        (
            {"labels": np.ones(21)},
            "train labels must be (22,), one per row of inputs (22, 3); got (21,)",
        ),
        (
            {"weights": np.ones(2)},
            "train weights must be (22,), one per row of inputs (22, 3); got (2,)",
        ),
        (
            {"weights": np.full(22, 1e38)},
            "train weights add up to more than float32 holds: scale them",
        ),
        (
            {"inputs": bad(np.ones((22, 3)), (4, 1), np.nan)},
            "train inputs must be finite in float32; row 4, column 1 holds nan",
        ),
        (
            {"inputs": bad(np.ones((22, 3)), (0, 2), -np.inf)},
            "train inputs must be finite in float32; row 0, column 2 holds -inf",
        ),
        (
            {"inputs": bad(np.ones((22, 3)), (21, 0), 1e300)},
            "train inputs must be finite in float32; row 21, column 0 holds 1e+300",
        ),
        (
            {"weights": bad(np.ones(22), 3, np.inf)},
            "train weights must be finite in float32; row 3 holds inf",
        ),
        (
            {"weights": bad(np.ones(22), 5, -0.5)},
            "train weights must be 0 or more; row 5 holds -0.5",
        ),
        ({"weights": np.zeros(22)}, "train weights are all 0: nothing counts"),
    ],
)
def test_refuses_what_cannot_be_used_in_one_line(train, change, line):
    with pytest.raises(ValueError, match="train") as caught:
        admit(train._replace(**change), "train", FLOAT32)
    assert str(caught.value) == line


@pytest.mark.parametrize("labels", [2.0, -1.0, np.nan])
def test_labels_are_judged_as_everywhere(train, labels):
    with pytest.raises(ValueError, match="label") as caught:
        admit(train._replace(labels=np.full(22, labels)), "train", FLOAT32)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("batch", "line"),
    [
        (np.ones((22, 3)), "train must be a Batch(inputs, labels, weights), got ndarray"),
        (None, "train must be a Batch(inputs, labels, weights), got NoneType"),
        ((np.ones((2, 2)),), "train must be a Batch(inputs, labels, weights), got tuple"),
        (Batch(np.array([["a"]]), np.ones(1)), "train inputs must be numbers, got <U1"),
        (Batch(np.array([[None]]), np.ones(1)), "train inputs must be numbers, got object"),
        (
            Batch(np.ones((1, 1), complex), np.ones(1)),
            "train inputs must be numbers, got complex128",
        ),
    ],
)
def test_refuses_other_types_in_one_line(batch, line):
    with pytest.raises(TypeError) as caught:
        admit(batch, "train", FLOAT32)
    assert str(caught.value) == line


def test_validation_must_have_the_columns_of_train(train, validation):
    wide = validation._replace(inputs=np.ones((13, 4)))
    with pytest.raises(ValueError, match="validation") as caught:
        admit(wide, "validation", FLOAT32, train)
    assert str(caught.value) == "validation inputs must be (n, 3), as those of train; got (13, 4)"


def test_finds_the_largest_input():
    assert largest_input(Batch(np.array([[1.0, 2.0], [-9.0, 3.0]]), np.ones(2))) == (9.0, 0)
