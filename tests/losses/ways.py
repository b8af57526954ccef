"""Every way to the loss and its derivatives in the logit, as one table.

Each takes logits (n,), labels (n,) and a pos_weight (n,) or None, and gives (n,).
"""

import jax
import jax.numpy as jnp
import numpy as np

from bcejax import bce_gradient, bce_hessian, bce_value_gradient_hessian, bce_with_logits


def loss(x, y, c=None):
    return bce_with_logits(x, y, pos_weight=c)


def gradient(x, y, c=None):
    return bce_gradient(x, y, pos_weight=c)


def hessian(x, y, c=None):
    return bce_hessian(x, y, pos_weight=c)


def at_once(place):
    return lambda x, y, c=None: bce_value_gradient_hessian(x, y, pos_weight=c)[place]


def pushed(f):
    """The derivative by one jvp with a tangent of ones."""
    return lambda x, y, c=None: jax.jvp(lambda v: f(v, y, c), (x,), (jnp.ones_like(x),))[1]


def pulled(f):
    """The derivative by one vjp with a cotangent of ones."""

    def derivative(x, y, c=None):
        out, pull = jax.vjp(lambda v: f(v, y, c), x)
        return pull(jnp.ones_like(out))[0]

    return derivative


def summed(f):
    """The derivative by the gradient of the sum."""
    return lambda x, y, c=None: jax.grad(lambda v: f(v, y, c).sum())(x)


def linearized(f):
    return lambda x, y, c=None: jax.linearize(lambda v: f(v, y, c), x)[1](jnp.ones_like(x))


def each(derivative):
    """The derivative of one example, mapped over all in one program."""
    return jax.jit(jax.vmap(derivative))


WAYS = {
    "value": {"bce_with_logits": loss, "bce_value_gradient_hessian": at_once(0)},
    "gradient": {
        "bce_gradient": gradient,
        "bce_value_gradient_hessian": at_once(1),
        "grad": jax.vmap(jax.grad(loss)),
        "grad of the sum": summed(loss),
        "jacfwd": jax.vmap(jax.jacfwd(loss)),
        "jacrev": jax.vmap(jax.jacrev(loss)),
        "jvp": pushed(loss),
        "vjp": pulled(loss),
        "linearize": linearized(loss),
    },
    "hessian": {
        "bce_hessian": hessian,
        "bce_value_gradient_hessian": at_once(2),
        "grad(bce_gradient)": jax.vmap(jax.grad(gradient)),
        "hessian": jax.vmap(jax.hessian(loss)),
        "grad(grad)": jax.vmap(jax.grad(jax.grad(loss))),
        "jacfwd(jacfwd)": jax.vmap(jax.jacfwd(jax.jacfwd(loss))),
        "jacrev(jacfwd)": jax.vmap(jax.jacrev(jax.jacfwd(loss))),
        "jvp of vjp": pushed(pulled(loss)),
        "vjp of jvp": pulled(pushed(loss)),
        "vjp of vjp": pulled(pulled(loss)),
    },
    "third": {
        "grad(bce_hessian)": jax.vmap(jax.grad(hessian)),
        "hessian(bce_gradient)": jax.vmap(jax.hessian(gradient)),
        "grad(grad(grad))": jax.vmap(jax.grad(jax.grad(jax.grad(loss)))),
        "jacfwd(hessian)": jax.vmap(jax.jacfwd(jax.hessian(loss))),
        "jvp of jvp of jvp": pushed(pushed(pushed(loss))),
    },
}
MOST = 2048  # points
ROWS = [(quantity, way) for quantity, ways in WAYS.items() for way in ways]


@jax.jit
def _every_way(x, y, c):
    return {(quantity, way): WAYS[quantity][way](x, y, c) for quantity, way in ROWS}


def every_way(x, y, c=None):
    """All of the table at a few points: a dictionary from (quantity, way) to an array.

    Points are repeated up to a fixed number, so that all calls share one compilation.
    """
    padded = [None if each is None else np.resize(each, MOST) for each in (x, y, c)]
    assert len(x) <= MOST
    return {row: np.asarray(got)[: len(x)] for row, got in _every_way(*padded).items()}
