"""NumPyro: ``factor`` adds minus the loss to a model's log density.

The loss is minus the log-likelihood of a Bernoulli label, so that this is the model that
``Bernoulli(logits=...)`` describes, with weights and soft labels as a bonus.
"""

import jax
import numpy as np
import pytest

from bcejax import bce_with_logits

numpyro = pytest.importorskip("numpyro", reason="pip install 'bcejax[recipes]'")
from numpyro import distributions as dist  # noqa: E402
from numpyro.infer.util import log_density  # noqa: E402


def logits_of(inputs):
    return inputs @ numpyro.sample("w", dist.Normal(0, 1).expand([3]).to_event(1))


def with_factor(inputs, labels):
    losses = bce_with_logits(logits_of(inputs), labels)
    numpyro.factor("labels", -losses.sum())


def with_bernoulli(inputs, labels):
    numpyro.sample("labels", dist.Bernoulli(logits=logits_of(inputs)), obs=labels)


def test_the_density_is_that_of_a_bernoulli_and_so_is_its_gradient(batch, gradient_on_paper):
    w = np.float32([0.5, -0.3, 2.0])
    (one, slope), (other, _) = (
        jax.jit(jax.value_and_grad(lambda w, m=m: log_density(m, batch[:2], {}, {"w": w})[0]))(w)
        for m in (with_factor, with_bernoulli)
    )
    np.testing.assert_allclose(one, other, rtol=1e-6)
    on_paper, _ = gradient_on_paper(w, 0.0)
    np.testing.assert_allclose(slope, -len(batch.labels) * on_paper - w, rtol=1e-4)
