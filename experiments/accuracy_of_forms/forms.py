"""The ways in which people write the binary cross-entropy of a logit, each with its derivatives.

On paper all are one function.  For a logit x, a label y and p = sigmoid(x),

    -y log p - (1 - y) log(1 - p)  =  log(1 + exp(x)) - x y  =  max(x, 0) - x y + log1p(exp(-|x|))

Derivatives are those that autodiff makes of the formula, with nothing but the formula to go by.
xgboost, which brings its own, is typed here after its source (logistic_obj.h and math.h).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bcejax.losses import bce_with_logits

QUANTITIES = ("value", "gradient", "hessian", "third")
Dtype = Literal["float32", "float64", "bfloat16", "float16"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)
OURS, HIGHEST = "bcejax", "bcejax, highest"
OPTAX, XGBOOST = "optax", "xgboost's formula"
TENSORFLOW, NUMPYRO_FORMULA = "TensorFlow's formula", "max(x, 0) - xy + log1p(e^-|x|)"
LOG_P, LOG_P_EPS, CLIPPED = "log p", "log(p + 1e-7)", "log p, p clipped"
LOG_EXP, SOFTPLUS, SIGNED = "log(1 + e^x) - xy", "softplus(x) - xy", "softplus((1 - 2y)x)"
LOG1P_WITHOUT = "max(x, 0) - xy + log(1 + e^-|x|)"
ONE_WHERE, LOG_SIGMOID = "where(x > 0, ..., ...)", "(1 - y)x - log_sigmoid(x)"
TWO_TERMS = "w|x| + log1p(e^-|x|)"

Loss = Callable[[jax.Array, jax.Array], jax.Array]
Found = Mapping[str, np.ndarray]  # quantity to numbers of the logits' shape


class Form(NamedTuple):
    """One way to the loss: what it gives for logits (n,) and labels (n,) of one dtype."""

    derivatives: Callable[[np.ndarray, np.ndarray], Mapping[str, Any]]
    dtypes: tuple[str, ...] = DTYPES
    soft: bool = True  # whether it takes labels between 0 and 1

    def __call__(self, logits: np.ndarray, labels: np.ndarray) -> Found:
        """What it offers of the four quantities, each rounded once to the logits' dtype."""
        found = self.derivatives(logits, labels)
        return {
            name: np.asarray(found[name]).astype(logits.dtype)
            for name in QUANTITIES
            if name in found
        }


def by_autodiff(loss: Loss) -> Callable[..., dict[str, jax.Array]]:
    """A loss of one example with its first three derivatives in the logit, mapped over all."""
    gradient = jax.grad(loss)
    hessian = jax.jacfwd(gradient)
    ways = dict(zip(QUANTITIES, (loss, gradient, hessian, jax.jacfwd(hessian)), strict=True))
    return jax.jit(lambda x, y: {name: jax.vmap(way)(x, y) for name, way in ways.items()})


def log_p(x: jax.Array, y: jax.Array) -> jax.Array:
    """The definition, as it stands in textbooks."""
    p = jax.nn.sigmoid(x)
    return -y * jnp.log(p) - (1 - y) * jnp.log(1 - p)


def log_p_eps(x: jax.Array, y: jax.Array) -> jax.Array:
    """The definition with something added, so that the log is finite."""
    p = jax.nn.sigmoid(x)
    return -y * jnp.log(p + 1e-7) - (1 - y) * jnp.log(1 - p + 1e-7)


def clipped(x: jax.Array, y: jax.Array) -> jax.Array:
    """The definition of a p that was moved into [1e-7, 1 - 1e-7], as Keras does with probs."""
    p = jnp.clip(jax.nn.sigmoid(x), 1e-7, 1 - 1e-7)
    return -y * jnp.log(p) - (1 - y) * jnp.log(1 - p)


def one_where(x: jax.Array, y: jax.Array) -> jax.Array:
    """Each sign of the logit has its formula, but both see every logit."""
    right = (1 - y) * x + jnp.log1p(jnp.exp(-x))
    return jnp.where(x > 0, right, jnp.log1p(jnp.exp(x)) - x * y)


def tensorflow(x: jax.Array, y: jax.Array) -> jax.Array:
    """sigmoid_cross_entropy_with_logits of nn_impl.py: selects in place of max and |x|."""
    positive = x >= 0
    relu = jnp.where(positive, x, jnp.zeros_like(x))
    return relu - x * y + jnp.log1p(jnp.exp(jnp.where(positive, -x, x)))


def two_terms(x: jax.Array, y: jax.Array) -> jax.Array:
    """Two terms that are never negative: w is the weight of the label that x leans away from."""
    w = jnp.where(x > 0, 1 - y, y)
    return w * jnp.abs(x) + jnp.log1p(jnp.exp(-jnp.abs(x)))


def xgboost(x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Gradient and hessian of binary:logistic; the objective has no value."""
    one, tiny = np.float32(1), np.float32(1e-16)
    p = one / (one + np.exp(np.minimum(-x, np.float32(88.7))) + tiny)
    return {"gradient": p - y, "hessian": np.maximum(p * (one - p), tiny)}


LOSSES: dict[str, Loss] = {
    OURS: bce_with_logits,
    HIGHEST: partial(bce_with_logits, accuracy="highest"),
    OPTAX: optax.sigmoid_binary_cross_entropy,
    TENSORFLOW: tensorflow,
    TWO_TERMS: two_terms,
    NUMPYRO_FORMULA: lambda x, y: jnp.maximum(x, 0) - x * y + jnp.log1p(jnp.exp(-jnp.abs(x))),
    LOG1P_WITHOUT: lambda x, y: jnp.maximum(x, 0) - x * y + jnp.log(1 + jnp.exp(-jnp.abs(x))),
    ONE_WHERE: one_where,
    LOG_SIGMOID: lambda x, y: (1 - y) * x - jax.nn.log_sigmoid(x),
    SOFTPLUS: lambda x, y: jax.nn.softplus(x) - x * y,
    SIGNED: lambda x, y: jax.nn.softplus((1 - 2 * y) * x),
    LOG_EXP: lambda x, y: jnp.log(1 + jnp.exp(x)) - x * y,
    CLIPPED: clipped,
    LOG_P_EPS: log_p_eps,
    LOG_P: log_p,
}

FORMS: dict[str, Form] = {
    name: Form(by_autodiff(loss), soft=name != SIGNED) for name, loss in LOSSES.items()
} | {XGBOOST: Form(xgboost, dtypes=("float32",))}
