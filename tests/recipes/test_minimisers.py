"""Jaxopt and optimistix minimise the mean loss to the value that ``fit_logistic`` finds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax import bce_with_logits
from bcejax.solvers import fit_logistic

START = np.zeros(3), np.zeros(())
MISSING = "pip install 'bcejax[recipes]'"


def objective(params, batch):
    coefficients, intercept = params
    losses = bce_with_logits(batch.inputs @ coefficients + intercept, batch.labels)
    return losses.mean() + 0.01 / 2 * jnp.sum(coefficients**2)


def by_jaxopt(batch):
    jaxopt = pytest.importorskip("jaxopt", reason=MISSING)
    return jaxopt.LBFGS(objective, tol=1e-8).run(START, batch).params


def by_optimistix(batch):
    optimistix = pytest.importorskip("optimistix", reason=MISSING)
    solver = optimistix.BFGS(rtol=1e-9, atol=1e-9)
    return optimistix.minimise(objective, solver, START, args=batch).value


@pytest.mark.parametrize("minimise", [by_jaxopt, by_optimistix])
def test_it_ends_where_fit_logistic_does(minimise, batch):
    with jax.enable_x64(True):
        wide = jax.tree.map(jnp.float64, batch)
        value = float(jax.jit(objective)(minimise(wide), wide))
    assert abs(value - fit_logistic(batch.inputs, batch.labels, l2=0.01).value) <= 1e-8
