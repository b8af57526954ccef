import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcejax.training import epoch_order


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), epoch=st.integers(0, 2**40), n=st.integers(1, 300))
def test_is_a_permutation_that_the_arguments_decide(seed, epoch, n):
    order = epoch_order(jax.random.key(seed), epoch, n)
    assert order.dtype == np.int32
    assert sorted(order.tolist()) == list(range(n))
    assert np.array_equal(order, epoch_order(jax.random.key(seed), epoch, n))


def test_differs_between_epochs_and_between_keys():
    orders = {
        tuple(epoch_order(jax.random.key(seed), epoch, 20).tolist())
        for seed in range(10)
        for epoch in range(10)
    }
    assert len(orders) == 100


def test_is_uniform():
    first = [epoch_order(jax.random.key(0), epoch, 4)[0] for epoch in range(4000)]
    # 1000 of each expected, with standard deviation 27.
    assert np.abs(np.bincount(first, minlength=4) - 1000).max() < 5 * 27


def test_old_keys_are_the_same_keys():
    for seed in (0, 3):
        new, old = jax.random.key(seed), jax.random.PRNGKey(seed)
        assert np.array_equal(epoch_order(new, 1, 9), epoch_order(old, 1, 9))


def test_keys_of_four_words():
    key = jax.random.key(0, impl="rbg")
    assert sorted(epoch_order(key, 0, 9).tolist()) == list(range(9))


@pytest.mark.parametrize("key", [0, None, 1.5, "a", np.zeros(2), np.zeros(3, np.uint32)])
def test_refuses_what_is_no_key(key):
    with pytest.raises(TypeError, match=r"^key must be one random key, such as jax\.random\.key"):
        epoch_order(key, 0, 5)


def test_refuses_many_keys():
    with pytest.raises(TypeError, match=r"^key must be one random key"):
        epoch_order(jax.random.split(jax.random.key(0), 3), 0, 5)
