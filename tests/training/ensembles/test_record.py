"""What an ensemble says, against its members one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy.special import expit

from bcejax.models import MLP
from bcejax.training import init_state
from bcejax.training.ensembles import Ensemble, decompose_entropy, mean_logits

INPUTS = np.random.default_rng(0).normal(size=(240, 3))  # and four members: as in test_averaging.py


@pytest.fixture(scope="module")
def ensemble():
    states = jax.vmap(lambda key: init_state(MLP(3, (4,), rngs=nnx.Rngs(key))))(
        jax.random.split(jax.random.key(0), 4)
    )
    return Ensemble(states, None)


def test_the_members_one_by_one(ensemble):
    logits = ensemble.logits(INPUTS)
    alone = [ensemble.model(i)(np.float32(INPUTS)) for i in range(ensemble.n_models)]
    np.testing.assert_allclose(logits, np.stack(alone), rtol=1e-5, atol=1e-6)
    assert len({float(each[0]) for each in alone}) == 4
    probs = expit(np.asarray(logits, np.float64))
    np.testing.assert_allclose(ensemble.probs(INPUTS), probs, rtol=1e-6)
    np.testing.assert_allclose(ensemble.mean_probs(INPUTS), probs.mean(0), rtol=1e-6)
    np.testing.assert_allclose(ensemble.spread(INPUTS), probs.std(0), rtol=1e-5)
    np.testing.assert_array_equal(ensemble.mean_logits(INPUTS), mean_logits(logits))
    jax.tree.map(
        np.testing.assert_array_equal, ensemble.uncertainty(INPUTS), decompose_entropy(logits)
    )


def test_a_member_is_its_own(ensemble):
    model = ensemble.model(1)
    before = np.asarray(ensemble.logits(INPUTS))
    model.output.bias[...] = jnp.ones(1, jnp.float32)
    np.testing.assert_array_equal(ensemble.logits(INPUTS), before)
    for i in (-1, 4):
        with pytest.raises(ValueError, match=rf"^i must be from 0 to 3, got {i}"):
            ensemble.model(i)
    with pytest.raises(TypeError, match="integer"):
        ensemble.model(0.5)


def test_it_is_a_pytree(ensemble):
    last = jax.tree.map(lambda a: a[3:], ensemble)
    np.testing.assert_allclose(last.logits(INPUTS), ensemble.logits(INPUTS)[3:], atol=1e-5)
    compiled = jax.jit(lambda e: e.mean_logits(INPUTS))(ensemble)
    np.testing.assert_allclose(compiled, ensemble.mean_logits(INPUTS), atol=1e-5)
