import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax import check_labels, check_probs
from bcejax.numerics import is_traced

GOOD = [[0, 1], [True, False], np.array([0.25, 1.0]), jnp.array([0, 1], jnp.bfloat16), [], 0.5, 1]


@pytest.mark.parametrize("values", GOOD, ids=str)
def test_good_values_come_back_as_they_were(values):
    assert check_labels(values) is values
    assert check_probs(values) is values


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([2, 0, 1, 2], "classes 0, 1, 2: this is the binary loss; .*softmax_cross_entropy"),
        (list(range(10)), r"classes 0, 1, 2, 3, 4, \.\.\.: this is the binary loss"),
        (list(range(5)), "classes 0, 1, 2, 3, 4: this is the binary loss"),
        (list(range(6)), r"classes 0, 1, 2, 3, 4, \.\.\.: this is the binary loss"),
        (list(range(1000)), r"classes 0, 1, 2, 3, 4, \.\.\.: this is the binary loss"),
        (list(range(1001)), r"found 0.0 to 1000.0$"),
        ([1, 2, 3], "classes 1, 2, 3: this is the binary loss"),
        ([0.5, 1.5, 2.5], r"found 0.5 to 2.5: divide"),
        ([2, 4, 6], r"found 2.0 to 6.0: divide"),
        ([-1, -1], r"map them with \(labels \+ 1\) / 2"),
        ([-1, -0.5, 1], r"found -1.0 to 1.0$"),
        ([2, 2], "map them with labels - 1"),
        ([1, 1.5, 2], r"found 1.0 to 2.0$"),
        ([0.0, 100.0], "found 0.0 to 100.0: divide percentages by 100"),
        ([0.0, 100.5], r"found 0.0 to 100.5$"),
        ([-0.5, 85.0], r"found -0.5 to 85.0$"),
        ([-1, 1], r"map them with \(labels \+ 1\) / 2"),
        ([1, 2, 2], "map them with labels - 1"),
        ([85.0, 10.0, 0.0], "found 0.0 to 85.0: divide percentages by 100"),
        ([0.0, -0.1], r"found -0.1\d* to 0.0$"),
        ([0.0, np.inf], r"found 0.0 to inf$"),
        ([[0.0, np.nan], [np.nan, 1]], "hold nan at 2 of 4 places, first at index 0, 1"),
    ],
)
def test_bad_labels_are_told_what_to_do(labels, message):
    with pytest.raises(ValueError, match=message):
        check_labels(labels)
    with pytest.raises(ValueError, match=message):
        check_labels(jnp.asarray(labels, jnp.float32))


@pytest.mark.parametrize(
    ("probs", "message"),
    [
        ([85.0, 10.0], "divide percentages by 100"),
        ([2.0, 0.5], r"found 0.5 to 2.0$"),
        ([3.0, 0.0], r"found 0.0 to 3.0: divide"),
        ([0.5, -3.0], "found -3.0 to 0.5: logits go to the functions that take logits"),
        ([0.5, -0.25], "found -0.25 to 0.5: logits go"),
        ([np.nan], "probs hold nan at 1 of 1 places"),
        ([0.0, 1.5], r"found 0.0 to 1.5$"),
        ([1e300], r"found 1e\+300 to 1e\+300$"),
    ],
)
def test_bad_probs_are_told_what_to_do(probs, message):
    with pytest.raises(ValueError, match=message):
        check_probs(probs)


@pytest.mark.parametrize("values", [["0", "1"], [1j], np.array([None, 1])], ids=str)
def test_not_numbers(values):
    with pytest.raises(TypeError, match="labels must be real numbers"):
        check_labels(values)


def test_rounding_is_forgiven_in_the_dtype_that_rounded():
    with pytest.raises(ValueError, match="lie in"):
        check_probs(np.float64([1.0000002]))
    for dtype in (np.float32, np.float64):
        eps = np.finfo(dtype).eps
        assert check_probs(np.array([1 + 4 * eps, -4 * eps], dtype)) is not None
        for beyond in (1 + 5 * eps, -5 * eps):
            with pytest.raises(ValueError, match="lie in"):
                check_probs(np.array([beyond], dtype))


def test_names_are_the_callers():
    with pytest.raises(ValueError, match=r"^column spam hold nan"):
        check_labels([np.nan], name="column spam")


def test_tracers_have_no_values_but_a_dtype():
    assert jax.jit(check_labels)(jnp.array([7.0])) == 7
    with pytest.raises(TypeError, match="real numbers"):
        jax.jit(check_labels)(jnp.array([1j]))


def test_one_tracer_among_values_is_enough():
    assert jax.jit(lambda traced: is_traced(np.zeros(2), [traced]))(1.0)
    assert not is_traced(np.zeros(2), [1.0])
