"""Jaxopt minimises the mean loss to the value that ``fit_logistic`` finds."""

import jax
import jax.numpy as jnp
import pytest

from bcejax import bce_with_logits
from bcejax.solvers import fit_logistic

jaxopt = pytest.importorskip("jaxopt", reason="pip install 'bcejax[recipes]'")


def objective(params, batch):
    coefficients, intercept = params
    losses = bce_with_logits(batch.inputs @ coefficients + intercept, batch.labels)
    return losses.mean() + 0.01 / 2 * jnp.sum(coefficients**2)


def test_it_ends_where_fit_logistic_does(batch):
    with jax.enable_x64(True):
        wide = jax.tree.map(jnp.float64, batch)
        solver = jaxopt.LBFGS(objective, tol=1e-8)
        found = solver.run((jnp.zeros(3), jnp.zeros(())), wide)
    best = fit_logistic(batch.inputs, batch.labels, l2=0.01).value
    assert abs(float(found.state.value) - best) <= 1e-8
