"""Oracle: the definition of a partition, and counts within each class."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcejax.data import Batch, load_pima, split, split_rows, split_three_ways

MANY = st.integers(4, 60)


def a_batch(n, positives, weights=True):
    labels = np.arange(n) < positives
    rows = np.arange(n, dtype=np.float32)
    return Batch(rows[:, None], labels.astype(np.float32), rows if weights else None)


@settings(deadline=None)
@given(n=MANY, share=st.floats(0.2, 0.8), seed=st.integers(0, 2**70))
def test_parts_are_a_partition_with_rows_kept_together(n, share, seed):
    parts = split(a_batch(n, n // 2), validation=share, seed=seed, stratify=False)
    rows = np.concatenate([part.weights for part in parts])
    assert np.array_equal(np.sort(rows), np.arange(n))
    for part in parts:
        assert np.array_equal(part.inputs[:, 0], part.weights)
        assert np.array_equal(part.labels, part.weights < n // 2)
        assert np.all(np.diff(part.weights) > 0)
    assert abs(len(parts.validation.labels) - share * n) <= 0.5


@settings(deadline=None)
@given(positives=MANY, negatives=MANY, seed=st.integers(0, 99))
def test_each_class_is_divided_by_itself(positives, negatives, seed):
    parts = split_three_ways(
        a_batch(positives + negatives, positives), validation=0.25, test=0.25, seed=seed
    )
    for part, share in zip(parts, (0.5, 0.25, 0.25), strict=True):
        assert abs(part.labels.sum() - share * positives) <= 1
        assert abs((1 - part.labels).sum() - share * negatives) <= 1
    assert sum(len(part.labels) for part in parts) == positives + negatives


@settings(deadline=None)
@given(n=st.integers(10, 40), folds=st.integers(2, 5))
def test_equal_shares_are_folds(n, folds):
    rows = split_rows(np.zeros(n), [1 / folds] * folds)
    assert np.array_equal(np.sort(np.concatenate(rows)), np.arange(n))
    assert max(map(len, rows)) - min(map(len, rows)) <= 1


def test_pima_keeps_its_share_of_positives():
    train, validation = split(load_pima().batch, validation=0.2, seed=3)
    assert (len(train.labels), len(validation.labels)) == (614, 154)
    assert (train.labels.sum(), validation.labels.sum()) == (214, 54)


def test_soft_labels_are_cut_at_one_half():
    labels = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    first, second = split_rows(labels, [0.5, 0.5], seed=1)
    assert (labels[first] >= 0.5).sum() == (labels[second] >= 0.5).sum() == 2


def test_the_seed_alone_decides():
    batch = a_batch(50, 20)
    same = split(batch, seed=7), split(batch, seed=np.int64(7))
    jax.tree.map(np.testing.assert_array_equal, *same)
    other = split(batch, seed=8)
    assert not np.array_equal(same[0].train.weights, other.train.weights)


def test_the_rows_are_these_on_every_version():
    first, second = split_rows(np.zeros(10), [0.7, 0.3], seed=0)
    assert (first.tolist(), second.tolist()) == ([0, 1, 2, 3, 6, 7, 8], [4, 5, 9])
    keyed = split_rows(np.zeros(10), [0.7, 0.3], seed=jax.random.key(1))
    assert keyed[1].tolist() == [0, 2, 3]


def test_stratified_means_are_right_on_average():
    """Every row is as likely as any other to be held back: 400 seeds, z below 4."""
    n, times = 30, 400
    counts = np.zeros(n)
    for seed in range(times):
        counts[split_rows(np.arange(n) < 10, [0.8, 0.2], seed=seed)[1]] += 1
    z = (counts - 0.2 * times) / np.sqrt(times * 0.2 * 0.8)
    assert np.abs(z).max() < 4


def test_jax_arrays_come_back_as_numpy():
    batch = Batch(jnp.ones((10, 2)), jnp.arange(10) % 2)
    train, _ = split(batch)
    assert isinstance(train.inputs, np.ndarray)
    assert train.weights is None
    assert train.inputs.dtype == batch.inputs.dtype


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"validation": 0.0}, r"validation=0.0 must be positive and leave a share"),
        ({"validation": 1.0}, r"validation=1.0 must be positive and leave a share"),
        ({"validation": 20}, r"validation=20 must be positive and leave a share"),
        ({"validation": float("nan")}, r"validation=nan must be positive and leave"),
        ({"validation": 0.01}, r"a share of 0.01 of 12 rows of one class is no row.*stratify"),
        ({"validation": 0.01, "stratify": False}, r"share of 0.01 of 20 rows is no row: take"),
    ],
)
def test_bad_shares(kwargs, message):
    with pytest.raises(ValueError, match=message):
        split(a_batch(20, 8), **kwargs)


def test_bad_shares_of_three():
    with pytest.raises(ValueError, match=r"validation=0.5 and test=0.5 must be positive and leave"):
        split_three_ways(a_batch(20, 8), validation=0.5, test=0.5)


@pytest.mark.parametrize("shares", [[], [0.5, 0.6], [1.5, -0.5], [0.5, float("nan")]])
def test_bad_share_lists(shares):
    with pytest.raises(ValueError, match="shares must be positive and sum to 1"):
        split_rows(np.zeros(10), shares)


@pytest.mark.parametrize("seed", [-1, 1.0, True, "0", None])
def test_bad_seeds(seed):
    with pytest.raises(TypeError, match=r"seed must be a whole number >= 0 or a jax\.random\.key"):
        split(a_batch(20, 8), seed=seed)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (
            Batch(np.zeros((3, 2)), np.zeros((3, 1))),
            r"labels must be \(3,\) beside inputs \(3, 2\)",
        ),
        (Batch(np.zeros((3, 2)), np.zeros(3), np.ones(2)), r"weights must be \(3,\) .* got \(2,\)"),
        (
            Batch(np.zeros((0, 2)), np.zeros(0)),
            r"inputs must be \(n, d\) with n >= 1, got \(0, 2\)",
        ),
        (Batch(np.float32(1), np.zeros(1)), r"inputs must be \(n, d\) with n >= 1, got \(\)"),
    ],
)
def test_bad_batches(batch, message):
    with pytest.raises(ValueError, match=message):
        split(batch)


def test_labels_of_two_dimensions():
    with pytest.raises(ValueError, match=r"labels must be \(n,\), got \(4, 1\)"):
        split_rows(np.zeros((4, 1)), [0.5, 0.5])


def test_no_rows():
    with pytest.raises(ValueError, match="labels must hold a row at least"):
        split_rows(np.zeros(0), [0.5, 0.5])
