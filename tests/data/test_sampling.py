"""Oracle: the uniform law, by z-scores under a fixed key, and certainty at great logits."""

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.data.sampling import draw_labels, uniform

KEY = jax.random.key(2026)
N = 40_000


def test_uniform_numbers_reach_far_below_the_grid_of_float32():
    u = np.asarray(uniform(KEY, (N,)), float)
    assert u.min() > 0
    assert u.max() <= 1
    tiny = u[u < 2.0**-9]  # where a float32 resolves 2^-33 and finer
    assert np.mean(tiny * 2.0**32 % 1 != 0) > 0.4
    assert abs(u.mean() - 0.5) * np.sqrt(12 * N) < 4
    assert abs((u < 2.0**-6).mean() - 2.0**-6) < 4 * np.sqrt(2.0**-6 / N)


def test_labels_of_great_logits_never_miss():
    logits = jnp.repeat(jnp.array([-jnp.inf, -200.0, 200.0, jnp.inf]), 1000)
    labels = draw_labels(KEY, logits[:, None], logits).batch.labels
    np.testing.assert_array_equal(labels, logits > 0)


def test_probability_at_the_tie_is_one_half():
    draw = draw_labels(KEY, jnp.zeros((N, 1)), jnp.zeros(N))
    assert abs(draw.batch.labels.sum() - N / 2) < 4 * np.sqrt(N / 4)
