"""Laplace's approximation: a Gaussian with the inverse Hessian of ``jax.hessian`` as covariance.

Around its mode the posterior of a logistic regression under a Gaussian prior of precision n l2 is
nearly Gaussian; the Hessian of minus the log density is n times that of the penalised mean loss.
"""

import jax
import jax.numpy as jnp
import numpy as np

from bcejax import bce_with_logits
from bcejax.solvers import covariance, fit_logistic


def negative_log_density(params, batch, l2):
    """Up to a constant; the last of the params is the intercept, which has a flat prior."""
    losses = bce_with_logits(batch.inputs @ params[:-1] + params[-1], batch.labels)
    return losses.sum() + len(batch.labels) * l2 / 2 * jnp.sum(params[:-1] ** 2)


def test_its_covariance_is_that_of_the_solver(batch):
    batch = jax.tree.map(np.float64, batch)
    fit = fit_logistic(batch.inputs, batch.labels, l2=0.01)
    mode = np.append(fit.coefficients, fit.intercept)
    with jax.enable_x64(True):
        slope = jax.jit(jax.grad(negative_log_density))(mode, batch, 0.01)
        hessian = jax.jit(jax.hessian(negative_log_density))(mode, batch, 0.01)
    assert np.abs(slope).max() < 1e-10
    theirs = covariance(fit, batch.inputs, batch.labels, l2=0.01, kind="posterior")
    np.testing.assert_allclose(np.linalg.inv(hessian), theirs, rtol=1e-10)
