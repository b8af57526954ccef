"""Derivatives of a fit against finite refits, in everything that it depends on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.solvers import fit_logistic
from bcejax.solvers.arguments import as_problem
from bcejax.solvers.engines.firth import firth_value
from bcejax.solvers.implicit import optimal
from bcejax.solvers.problem import Problem

N, D = 24, 3
RNG = np.random.default_rng(3)
POINT = {
    "inputs": RNG.normal(size=(N, D)),
    "labels": RNG.random(N),
    "weights": RNG.random(N) + 0.2,
    "offset": RNG.normal(size=N),
    "l2": 0.05,
    "l1": 0.02,
}


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def refit(point):
    """On the host, to the last digits."""
    fit = fit_logistic(**point, tol=1e-14, solver="proximal_newton" if point["l1"] else "newton")
    assert fit.gradient_norm < 1e-13
    return np.append(fit.coefficients, fit.intercept)


def firth_refit(point):
    """Newton on the value itself."""
    problem = jax.tree.map(jnp.asarray, as_problem(**point))
    params = jnp.zeros(D + 1)
    for _ in range(20):
        params = params - jnp.linalg.solve(FIRTH_HESSIAN(problem, params), SLOPES(problem, params))
    assert jnp.max(jnp.abs(SLOPES(problem, params))) < 1e-13
    return np.asarray(params)


SLOPES = jax.jit(jax.grad(firth_value, argnums=1))
FIRTH_HESSIAN = jax.jit(jax.hessian(firth_value, argnums=1))


def derivative_of(gradient):
    """The change of optimal params along a change of the point."""

    @jax.jit
    def derivative(params, point, along):
        def at(point):
            return optimal(params, as_problem(**point), gradient)

        return jax.jvp(at, (point,), (along,))[1]

    return derivative


@pytest.mark.parametrize(
    ("refitted", "gradient", "l1", "names"),
    [
        (refit, Problem.gradient, 0.0, ["inputs", "labels", "weights", "offset", "l2"]),
        (refit, Problem.gradient, 0.05, ["inputs", "labels", "weights", "offset", "l2", "l1"]),
        (firth_refit, SLOPES, 0.0, ["inputs", "labels", "weights", "offset", "l2"]),
    ],
    ids=["l2", "l1", "firth"],
)
def test_derivatives_are_those_of_refits(refitted, gradient, l1, names):
    point = POINT | {"l1": l1}
    params = refitted(point)
    assert (params == 0).sum() == (1 if l1 else 0)
    derivative = derivative_of(gradient)
    rng, step = np.random.default_rng(4), 1e-5
    for name in names:
        along = {key: np.zeros_like(value) for key, value in point.items()}
        along[name] = rng.normal(size=np.shape(point[name]))
        ends = [refitted({k: point[k] + t * step * along[k] for k in point}) for t in (1, -1)]
        want = (ends[0] - ends[1]) / (2 * step)
        got = derivative(*jax.tree.map(jnp.asarray, (params, point, along)))
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-8, err_msg=name)


def test_second_derivatives_are_those_of_refits():
    point = POINT | {"l1": 0.0}
    params = jnp.asarray(refit(point))

    def at(l2):
        return optimal(params, as_problem(**(point | {"l2": l2})))

    second = jax.jit(jax.jacfwd(jax.jacrev(at)))(jnp.asarray(point["l2"]))
    low, middle, high = (refit(point | {"l2": 0.05 + t * 1e-3}) for t in (-1, 0, 1))
    np.testing.assert_allclose(second, (low - 2 * middle + high) / 1e-6, rtol=1e-3)


def test_reverse_mode_passes_through_a_fit_under_vmap_and_jit():
    point = {key: jnp.asarray(value) for key, value in POINT.items() if key != "l1"}

    def score(l2, weights):
        fit = fit_logistic(**(point | {"l2": l2, "weights": weights}), tol=1e-13)
        return fit.coefficients[0] + fit.value

    both = jax.value_and_grad(score, argnums=(0, 1))
    l2s = 0.05 + 1e-4 * jnp.array([-1.0, 0.0, 1.0])
    values, (in_l2, in_weights) = jax.jit(jax.vmap(both, (0, None)))(l2s, point["weights"])
    np.testing.assert_allclose(in_l2[1], (values[2] - values[0]) / 2e-4, rtol=1e-5)
    # only ratios of weights count
    np.testing.assert_allclose(in_weights[1] @ point["weights"], 0, atol=1e-12)
    step = 1e-5 * (np.arange(N) == 3)
    ends = [
        fit_logistic(**(POINT | {"l1": 0.0, "weights": POINT["weights"] + t * step}), tol=1e-14)
        for t in (1, -1)
    ]
    scores = [fit.coefficients[0] + fit.value for fit in ends]
    np.testing.assert_allclose(in_weights[1][3], (scores[0] - scores[1]) / 2e-5, rtol=1e-5)


@pytest.mark.parametrize("firth", [False, True], ids=["plain", "firth"])
def test_derivatives_in_a_weight_of_0_are_those_of_refits(firth):
    given = {name: POINT[name].copy() for name in ("inputs", "labels", "offset")}
    weights = POINT["weights"] * (np.arange(N) >= 4)

    def coefficients(weights):
        return fit_logistic(**given, weights=weights, l2=0.05, tol=1e-12, firth=firth).coefficients

    got = jax.jacrev(coefficients)(jnp.asarray(weights))
    for row in range(4):
        step = 1e-4 * (np.arange(N) == row)
        here, near, far = (coefficients(weights + k * step) for k in range(3))
        want = (4 * near - far - 3 * here) / 2e-4  # from one side
        np.testing.assert_allclose(got[:, row], want, rtol=1e-5, atol=1e-6)
    given["labels"][:2], given["offset"][:2] = [np.nan, 7], [np.inf, 1e300]
    here = jax.jacrev(coefficients)(jnp.asarray(weights))
    assert jnp.all(jnp.isfinite(here))
    np.testing.assert_allclose(here[:, 2:], got[:, 2:], rtol=1e-12, atol=1e-14)
