"""Losses that are broken in one way each, and the check that must say so.

Each is ours with one fault put in: a derivative bent in the tails, a value at one point, a dtype
that is refused.  ``bent`` is 0 with all its derivatives 0 but one.
"""

import jax
import jax.numpy as jnp

from bcejax import bce_with_logits


def bent(order, coefficient):
    """A function that is 0, whose derivative of that order alone is ``coefficient``."""
    if order == 0:
        return lambda x: jax.lax.stop_gradient(coefficient(x))

    @jax.custom_jvp
    def flat(x):
        return jnp.zeros_like(x)

    flat.defjvp(lambda x, t: (flat(*x), bent(order - 1, coefficient)(*x) * t[0]))
    return flat


def tails(x):
    size = jnp.abs(x)
    return jnp.where((size > 5) & (size < 9), 0.05, 0.0).astype(x.dtype)


def in_tails(order):
    return lambda x, y: bce_with_logits(x, y) + bent(order, tails)(jnp.asarray(x))


def in_labels(x, y):
    tilt = bent(1, lambda labels: jnp.full_like(labels, 0.1))
    return bce_with_logits(x, y) + tilt(jnp.asarray(y, jnp.result_type(x)))


def rounded_labels(x, y):
    return bce_with_logits(x, jnp.asarray(y).astype(jnp.asarray(x).dtype))


def kinked(x, y):
    """The derivative of |x| at 0, as autodiff has it."""
    kink = bent(1, lambda logits: jnp.where(logits == 0, 0.5, 0.0).astype(logits.dtype))
    return bce_with_logits(x, y) + kink(jnp.asarray(x))


def lost_at_infinity(x, y):
    return jnp.where(jnp.isinf(x), jnp.nan, bce_with_logits(x, y))


def swallowed_nan(x, y):
    return jnp.where(jnp.isnan(x), 0, bce_with_logits(x, y))


def clipped_labels(x, y):
    y = jnp.asarray(y)
    return bce_with_logits(x, jnp.where(y > 1, 1, jnp.where(y < 0, 0, y)))


def masked_late(x, y, where=True):
    return jnp.where(where, bce_with_logits(x, y), 0)


@jax.custom_vjp
def reverse_alone(x, y):
    return bce_with_logits(x, y)


reverse_alone.defvjp(
    lambda x, y: jax.vjp(bce_with_logits, x, y),
    lambda pull, cotangent: pull(cotangent),
)


def other_when_eager(x, y):
    try:
        float(jnp.sum(x))
    except jax.errors.ConcretizationTypeError:
        return bce_with_logits(x, y)
    return bce_with_logits(x, y) + bent(0, tails)(jnp.asarray(x))


def other_in_pairs(x, y):
    return bce_with_logits(x, y) * (2 if jnp.shape(x) == (2,) else 1)


def unsigned_negated(x, y):
    y = jnp.asarray(y)
    return bce_with_logits(x, -(-y).astype(float) if y.dtype == jnp.uint8 else y)


def without_booleans(x, y):
    if isinstance(y, jax.Array) and y.dtype == bool:
        raise TypeError("labels must be numbers")
    return bce_with_logits(x, y)


def arrays_alone(x, y):
    return bce_with_logits(x.astype(x.dtype), y)


def broadcasting(x, y):
    return bce_with_logits(*jnp.broadcast_arrays(x, y))


def never_empty(x, y):
    if not jnp.size(x):
        raise ValueError("no examples")
    return bce_with_logits(x, y)


def strange_mean(x, y):
    return bce_with_logits(x, y).sum() / max(jnp.size(x), 1) ** 0.5


MUTANTS = {
    "value": in_tails(0),
    "gradient": in_tails(1),
    "hessian": in_tails(2),
    "third derivative": in_tails(3),
    "label gradient": in_labels,
    "label precision": rounded_labels,
    "logit 0": kinked,
    "certain answers": lost_at_infinity,
    "nan": swallowed_nan,
    "out of range": clipped_labels,
    "mask": masked_late,
    "forward mode": reverse_alone,
    "jit": other_when_eager,
    "vmap": other_in_pairs,
    "integer labels": unsigned_negated,
    "boolean labels": without_booleans,
    "Python numbers": arrays_alone,
    "shapes": broadcasting,
    "no examples": never_empty,
    "reduction": strange_mean,
}
