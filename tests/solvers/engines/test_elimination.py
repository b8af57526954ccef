import jax
import numpy as np

from bcejax.solvers import invert_semidefinite


def test_inverse_of_a_hessian():
    root = np.random.default_rng(0).normal(size=(6, 4))
    with jax.enable_x64(True):
        inverse, independent = jax.jit(invert_semidefinite)(root.T @ root)
    assert independent.all()
    np.testing.assert_allclose(inverse, np.linalg.inv(root.T @ root), rtol=1e-11)
