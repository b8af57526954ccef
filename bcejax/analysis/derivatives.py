"""The ways in which autodiff can take one derivative, side by side.

For a function f of a vector x (d,) with gradient g, Hessian H, and a direction v:

    gradient          d passes forward with the unit vectors, or one pass backward
    hessian           each of the four orders of forward and backward, one inside the other
    hessian product   H v without H: forward over reverse, reverse over forward, reverse twice

On paper all ways to one derivative are equal. A custom rule can make them differ, and rounding
does; an experiment holds each against the closed form and against each other.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

Scalar = Callable[[jax.Array], jax.Array]
Derivative = Callable[[jax.Array], jax.Array]
Product = Callable[[jax.Array, jax.Array], jax.Array]


def gradients_of(f: Scalar) -> dict[str, Derivative]:
    """Each way to the gradient of a scalar function of a vector.

    Args:
        f: maps a float array (d,) to a scalar.

    Returns:
        Name to a function from x (d,) to the gradient (d,), in x's dtype; none is jitted.

    Example:
        >>> for name, gradient in gradients_of(lambda x: x[0] * x[1]).items():
        ...     print(name, gradient(jnp.array([2.0, 3.0])))
        grad [3. 2.]
        value_and_grad [3. 2.]
        vjp [3. 2.]
        jacrev [3. 2.]
        jacfwd [3. 2.]
        jvp [3. 2.]
        linearize [3. 2.]
    """
    return {
        "grad": jax.grad(f),
        "value_and_grad": lambda x: jax.value_and_grad(f)(x)[1],
        "vjp": lambda x: _pulled_back(f, x),
        "jacrev": jax.jacrev(f),
        "jacfwd": jax.jacfwd(f),
        "jvp": lambda x: jax.vmap(lambda unit: jax.jvp(f, (x,), (unit,))[1])(_units(x)),
        "linearize": lambda x: jax.vmap(jax.linearize(f, x)[1])(_units(x)),
    }


def hessians_of(f: Scalar) -> dict[str, Derivative]:
    """Each way to the Hessian of a scalar function of a vector.

    Args:
        f: maps a float array (d,) to a scalar, differentiable twice in every mode.

    Returns:
        Name to a function from x (d,) to the Hessian (d, d).

    Example:
        >>> sorted(hessians_of(jnp.sum))
        ['hessian', 'jacfwd(jacfwd)', 'jacfwd(jacrev)', 'jacrev(jacfwd)', 'jacrev(jacrev)', 'products']
        >>> print(hessians_of(lambda x: x[0] * x[1])["products"](jnp.ones(2)))
        [[0. 1.]
         [1. 0.]]
    """  # noqa: E501
    modes = {"jacfwd": jax.jacfwd, "jacrev": jax.jacrev}
    nested = {
        f"{outer}({inner})": modes[outer](modes[inner](f)) for outer in modes for inner in modes
    }
    product = hessian_products_of(f)["forward over reverse"]
    by_rows = jax.vmap(product, in_axes=(None, 0))
    return {"hessian": jax.hessian(f), **nested, "products": lambda x: by_rows(x, _units(x))}


def hessian_products_of(f: Scalar) -> dict[str, Product]:
    """Each way to the Hessian times a vector without the Hessian.

    Args:
        f: maps a float array (d,) to a scalar, differentiable twice in every mode.

    Returns:
        Name to a function from x (d,) and v (d,) to H v (d,).

    Example:
        >>> for name, product in hessian_products_of(lambda x: x[0] * x[1]).items():
        ...     print(name, product(jnp.ones(2), jnp.array([2.0, 3.0])))
        forward over reverse [3. 2.]
        reverse over forward [3. 2.]
        reverse over reverse [3. 2.]
    """

    def forward_over_reverse(x: jax.Array, v: jax.Array) -> jax.Array:
        return jax.jvp(jax.grad(f), (x,), (v,))[1]

    def reverse_over_forward(x: jax.Array, v: jax.Array) -> jax.Array:
        return jax.grad(lambda at: jax.jvp(f, (at,), (v,))[1])(x)

    def reverse_over_reverse(x: jax.Array, v: jax.Array) -> jax.Array:
        return jax.grad(lambda at: jnp.vdot(jax.grad(f)(at), v))(x)

    return {
        "forward over reverse": forward_over_reverse,
        "reverse over forward": reverse_over_forward,
        "reverse over reverse": reverse_over_reverse,
    }


def _units(x: jax.Array) -> jax.Array:
    return jnp.eye(x.size, dtype=x.dtype)


def _pulled_back(f: Scalar, x: jax.Array) -> jax.Array:
    value, pull = jax.vjp(f, x)
    return pull(jnp.ones_like(value))[0]
