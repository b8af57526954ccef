"""Counts of resamples: their law, and what they do not depend on."""

import jax
import numpy as np
import pytest
from jax.extend.random import threefry_2x32
from scipy import stats

from bcejax.data.resampling import index_below, resample_counts, resampling, threefry

N, M = 12, 4000
KEY = jax.random.key(3)


@pytest.fixture(scope="module")
def counts():
    return np.asarray(resample_counts(resampling(KEY, np.ones(N, bool)), 0, M))


def test_every_resample_draws_as_many_as_there_are(counts):
    assert counts.dtype == np.int32
    assert (counts.sum(axis=1) == N).all()


def test_the_law_is_multinomial(counts):
    cells = np.bincount(counts[:, 0], minlength=6)[:6]
    law = stats.binom.pmf(np.arange(6), N, 1 / N)
    assert stats.chisquare(cells, law / law.sum() * cells.sum()).pvalue > 1e-3
    covariance = np.cov(counts.T)
    want = np.eye(N) - 1 / N
    # a covariance of M draws is sure to about 1 / sqrt(M)
    assert np.abs(covariance - want).max() < 5 * np.sqrt(2 / M)


def test_examples_are_drawn_alike(counts):
    assert stats.chisquare(counts.sum(axis=0)).pvalue > 1e-3


def test_a_resample_depends_on_no_other(counts):
    draws = resampling(KEY, np.ones(N, bool))
    assert np.array_equal(resample_counts(draws, 17, 3), counts[17:20])


def test_precision_makes_no_difference(counts):
    with jax.enable_x64(True):
        draws = resampling(KEY, np.ones(N, bool))
        assert np.array_equal(resample_counts(draws, 0, 5), counts[:5])


def test_the_key_chooses(counts):
    other = resample_counts(resampling(jax.random.key(4), np.ones(N, bool)), 0, 9)
    assert not np.array_equal(other, counts[:9])


def test_what_is_absent_is_never_drawn():
    present = np.arange(N) % 3 > 0
    counts = np.asarray(resample_counts(resampling(KEY, present), 0, M))
    assert (counts[:, ~present] == 0).all()
    assert (counts.sum(axis=1) == present.sum()).all()
    assert stats.chisquare(counts[:, present].sum(axis=0)).pvalue > 1e-3


def test_an_index_is_the_upper_half_of_a_64_bit_product():
    random = np.random.default_rng(0).integers(0, 2**32, 500, dtype=np.uint32)
    bits = np.append(random, [0, 2**32 - 1]).astype(np.uint32)
    for bound in (1, 3, 40_000, 70_001, 2**31 - 1):
        found = jax.jit(index_below)(bits, np.uint32(bound))
        np.testing.assert_array_equal(found, bits.astype(np.uint64) * np.uint64(bound) >> 32)


def test_words_are_those_of_jax():
    key, *counters = np.random.default_rng(0).integers(0, 2**32, (3, 2), dtype=np.uint32)
    words = np.concatenate(jax.jit(threefry)(key, *counters))
    assert np.array_equal(words, threefry_2x32(key, np.concatenate(counters)))


def test_what_int32_cannot_number_is_refused():
    draws = resampling(KEY, np.ones(4, bool))
    with pytest.raises(ValueError, match=r"count must be below 2\^31 / 4, .* got 536870912"):
        resample_counts(draws, 0, 2**29)
