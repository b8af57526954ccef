"""Oracle: the stated truth, by z-scores under fixed keys.

A z-score is (observed - stated) / its standard deviation; 4 is passed by chance once in 16000.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.data import (
    draw_interaction,
    draw_logistic,
    draw_noisy,
    draw_rare,
    draw_separable,
)

KEY = jax.random.key(2026)
N = 100_000
DRAWS = {
    "logistic": lambda key, n: draw_logistic(key, n, (1.5, -2.0), intercept=-0.5),
    "interaction": lambda key, n: draw_interaction(key, n, 3),
    "rare": lambda key, n: draw_rare(key, n, rate=0.02),
    "clean": lambda key, n: draw_noisy(key, n).clean,
    "noisy": lambda key, n: draw_noisy(key, n).noisy,
    "separable": draw_separable,
}


def z_score(values, probs, by=1.0):
    """Of sum(by (y - p)), given the truth p."""
    values, probs = np.asarray(values, float), np.asarray(probs, float)
    spread = np.sqrt(np.sum(by**2 * probs * (1 - probs)))
    return np.sum(by * (values - probs)) / spread


def as_float64(draw):
    return jax.tree.map(lambda array: np.asarray(array, np.float64), draw)


@pytest.fixture(scope="module")
def draws():
    return {name: as_float64(draw(KEY, N)) for name, draw in DRAWS.items()}


@pytest.mark.parametrize("name", [name for name in DRAWS if name != "separable"])
def test_labels_follow_the_stated_probabilities(draws, name):
    batch, probs, logits = draws[name]
    nearest = np.round(4 * np.clip(logits, -3, 3))
    bins = [nearest == middle for middle in np.unique(nearest)]
    bys = [1.0, logits, *batch.inputs.T, np.prod(batch.inputs, axis=1), *bins]
    assert max(abs(z_score(batch.labels, probs, by)) for by in bys) < 4


@pytest.mark.parametrize("name", DRAWS)
def test_records_are_whole_and_of_one_dtype(name):
    draw = DRAWS[name](KEY, 50)
    dtype = jnp.zeros(0).dtype
    assert {leaf.dtype for leaf in jax.tree.leaves(draw)} == {dtype}
    assert draw.probs.shape == draw.logits.shape == draw.batch.labels.shape == (50,)
    assert set(np.unique(draw.batch.labels)) <= {0, 1}
    assert draw.batch.weights is None


@pytest.mark.parametrize("name", DRAWS)
def test_probs_are_the_sigmoid_of_the_logits(draws, name):
    exact = 1 / (1 + np.exp(-draws[name].logits))
    eps = float(jnp.finfo(jnp.zeros(0).dtype).eps)
    np.testing.assert_allclose(draws[name].probs, exact, rtol=4 * eps)


@pytest.mark.parametrize("name", DRAWS)
def test_the_key_alone_decides(name):
    draw = DRAWS[name]
    first, again = draw(KEY, 20), draw(KEY, 20)
    jax.tree.map(np.testing.assert_array_equal, first, again)
    other = draw(jax.random.key(1), 20)
    assert not np.array_equal(first.batch.inputs, other.batch.inputs)


@pytest.mark.parametrize("name", DRAWS)
def test_draws_under_jit_and_vmap_over_keys(name):
    draw = DRAWS[name]
    keys = jax.random.split(KEY, 3)
    many = jax.jit(jax.vmap(lambda key: draw(key, 20)))(keys)
    for i, key in enumerate(keys):
        alone = draw(key, 20)
        np.testing.assert_array_equal(many.batch.labels[i], alone.batch.labels)
        np.testing.assert_allclose(many.probs[i], alone.probs, rtol=1e-5)


def test_inputs_are_standard_normal(draws):
    inputs = draws["logistic"].batch.inputs
    assert np.abs(inputs.mean(axis=0)).max() * np.sqrt(N) < 4
    assert np.abs((inputs**2).mean(axis=0) - 1).max() * np.sqrt(N / 2) < 4
    assert abs(np.mean(inputs[:, 0] * inputs[:, 1])) * np.sqrt(N) < 4


def test_logistic_logits_are_linear(draws):
    batch, _, logits = draws["logistic"]
    want = batch.inputs @ [1.5, -2.0] - 0.5
    eps = float(jnp.finfo(jnp.zeros(0).dtype).eps)
    magnitude = np.abs(batch.inputs) @ [1.5, 2.0] + 0.5
    assert np.all(np.abs(logits - want) <= 4 * eps * magnitude)


def test_interaction_is_blind_to_linear_models_and_not_to_products(draws):
    """At zero coefficients the score of every feature is 0 within chance; of x1 x2 it is not."""
    inputs, labels = draws["interaction"].batch[:2]
    half = np.full(N, 0.5)
    scores = [z_score(labels, half, by) for by in (1.0, *inputs.T)]
    assert np.abs(scores).max() < 4
    assert z_score(labels, half, inputs[:, 0] * inputs[:, 1]) > 40


def test_interaction_has_the_stated_strength(draws):
    inputs = draws["interaction"].batch.inputs
    want = 3 * inputs[:, 0] * inputs[:, 1]
    np.testing.assert_allclose(draws["interaction"].logits, want, rtol=1e-6)


@pytest.mark.parametrize("rate", [0.5, 0.02, 1e-3])
def test_rare_draws_have_the_stated_rate(rate):
    _, probs, _ = as_float64(draw_rare(KEY, N, rate=rate))
    z = (probs.mean() - rate) / (probs.std() / np.sqrt(N))
    assert abs(z) < 4


def test_flips_happen_at_the_stated_rates():
    noisy, clean = draw_noisy(KEY, N, flip_positive=0.3, flip_negative=0.05)
    before, after = np.asarray(clean.batch.labels), np.asarray(noisy.batch.labels)
    np.testing.assert_array_equal(noisy.batch.inputs, clean.batch.inputs)
    for label, rate in ((1, 0.3), (0, 0.05)):
        flipped = (before != after)[before == label]
        assert abs(z_score(flipped, np.full(flipped.shape, rate))) < 4
        # whatever x is: the flips know nothing of the probability
        by = np.asarray(clean.probs, float)[before == label] - 0.5
        assert abs(z_score(flipped, np.full(flipped.shape, rate), by)) < 4


@pytest.mark.parametrize(("r", "q"), [(0.3, 0.05), (0.0, 0.1), (0.2, 0.0), (0.0, 0.0), (0.99, 0.0)])
def test_noisy_truth_is_the_mixture(r, q):
    noisy, clean = as_float64(draw_noisy(KEY, 500, flip_positive=r, flip_negative=q))
    p = 1 / (1 + np.exp(-clean.logits))
    not_p = 1 / (1 + np.exp(clean.logits))
    one, zero = (1 - r) * p + q * not_p, r * p + (1 - q) * not_p
    eps = float(jnp.finfo(jnp.zeros(0).dtype).eps)
    bound = 4 * eps * (1 + np.abs(np.log(one)) + np.abs(np.log(zero)))
    assert np.all(np.abs(noisy.logits - np.log(one / zero)) <= bound)
    assert np.all(np.abs(noisy.probs / one - 1) <= bound)


def test_separable_draws_are_separated_by_the_margin():
    w = np.array([2.0, -1.0, 0.5])
    batch, probs, logits = as_float64(draw_separable(KEY, N, w, margin=0.25))
    distance = (2 * batch.labels - 1) * (batch.inputs @ w) / np.linalg.norm(w)
    assert distance.min() >= 0.25 - 1e-5
    assert distance.min() < 0.251
    np.testing.assert_array_equal(probs, batch.labels)
    np.testing.assert_array_equal(logits, np.where(batch.labels == 1, np.inf, -np.inf))
    assert abs(z_score(batch.labels, np.full(N, 0.5))) < 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw_logistic(KEY, 0), "examples is 0; there must be 1 or more"),
        (lambda: draw_logistic(KEY, 5, ()), r"coefficients must be \(d,\) finite numbers"),
        (lambda: draw_logistic(KEY, 5, [[1.0]]), r"coefficients must be \(d,\) finite numbers"),
        (lambda: draw_logistic(KEY, 5, (np.nan,)), r"finite numbers with d >= 1, got \(nan,\)"),
        (lambda: draw_logistic(KEY, 5, intercept=np.inf), "intercept must be finite, got inf"),
        (lambda: draw_interaction(KEY, 5, strength=np.nan), "strength must be finite, got nan"),
        (lambda: draw_separable(KEY, 5, margin=np.inf), "margin must be finite, got inf"),
        (lambda: draw_interaction(KEY, 5, 1), "features is 1; there must be 2 or more"),
        (lambda: draw_rare(KEY, 5, rate=0.0), r"rate must lie in \(0, 1\), got 0.0"),
        (lambda: draw_rare(KEY, 5, rate=1), r"rate must lie in \(0, 1\), got 1"),
        (lambda: draw_rare(KEY, 5, (60.0,)), "coefficients must have length at most 50, got 60"),
        (lambda: draw_noisy(KEY, 5, flip_positive=-0.1), "flip_positive and flip_negative must be"),
        (lambda: draw_noisy(KEY, 5, flip_positive=0.6, flip_negative=0.4), "a sum below 1"),
        (lambda: draw_noisy(KEY, 5, flip_negative=float("nan")), "a sum below 1"),
        (lambda: draw_separable(KEY, 5, (0.0, 0.0)), "coefficients must not all be 0"),
        (lambda: draw_separable(KEY, 5, margin=-1.0), "margin must be >= 0, got margin -1"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
