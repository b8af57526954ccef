"""Binary cross-entropy on logits, with its derivatives in closed form.

For a logit x, a label y in [0, 1] and a weight c of label 1 (``pos_weight``, 1 unless given), with
s(x) = 1 / (1 + exp(-x)) and softplus(x) = log(1 + exp(x)),

    loss         l = c y softplus(-x) + (1 - y) softplus(x) = w |x| + t log1p(exp(-|x|))
    gradient     dl/dx = (1 - y) s(x) - c y s(-x)           = +-(w - t q),  on paper s(x) - y
    hessian      d2l/dx2 = t s(x) s(-x)
    in labels    dl/dy = c softplus(-x) - softplus(x)       = -x where c = 1
    in c         dl/dc = y softplus(-x)

where w is the weight of the label that x leans away from (1 - y if x > 0, else c y), q = s(-|x|)
the probability of that label, and t = c y + 1 - y the weight of both.  On paper s(x) - y cancels:
in float32 it is 0 for y = 1 from x = 17 on, where the truth is -4e-8; w - t q keeps its digits.

One rule per function, each in terms of the functions of bcejax.numerics.logistic, makes every
derivative of every order right, at infinite logits too.  At an infinite logit the coefficient of
the label's tangent is held at finfo.max, so that a zero tangent stays zero.

Source: I. Goodfellow, Y. Bengio and A. Courville, Deep Learning (2016), section 6.2.2.2.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from bcejax.losses.arguments import check_broadcast, check_real
from bcejax.losses.fast import fast_gradient, fast_hessian, fast_value
from bcejax.losses.highest import highest_gradient, highest_hessian, highest_value
from bcejax.losses.programs import Given, elementwise, evaluate
from bcejax.losses.settings import PosWeight
from bcejax.numerics import (
    finite,
    sigmoid,
    softplus,
    within,
)


class _Forms(NamedTuple):
    """How value, gradient and hessian are computed from logits, labels and pos_weight or None.

    The value is given labels as they came, and judges them itself: see ``within``.
    """

    value: Callable[..., jax.Array]
    gradient: Callable[..., jax.Array]
    hessian: Callable[..., jax.Array]


_FORMS = {
    None: _Forms(fast_value, fast_gradient, fast_hessian),
    "highest": _Forms(highest_value, highest_gradient, highest_hessian),
}


class Derivatives(NamedTuple):
    """Loss, first and second derivative in the logit; one shape and dtype.

    Example:
        >>> found = bce_value_gradient_hessian(jnp.zeros(1), jnp.ones(1))
        >>> found.value, found.gradient / found.hessian
        (Array([0.6931472], dtype=float32), Array([-2.], dtype=float32))
    """

    value: jax.Array
    gradient: jax.Array
    hessian: jax.Array


def bce_with_logits(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    pos_weight: ArrayLike | None = None,
    label_smoothing: ArrayLike = 0.0,
    where: ArrayLike | None = None,
    accuracy: Literal["highest"] | None = None,
) -> jax.Array:
    """Binary cross-entropy of each logit, in nats: -log of what it gives the label.

        l(x, y) = c y log(1 + exp(-x)) + (1 - y) log(1 + exp(x)),   c = pos_weight

    Drop-in for ``optax.sigmoid_binary_cross_entropy``, right in the tails, in every derivative
    and at +-inf.

    Args:
        logits: floats of any shape; +-inf is a certain answer.
        labels: numbers in [0, 1] or booleans, same shape as the logits: nothing broadcasts.  One
            outside [0, 1] by more than 4 eps gives nan.
        pos_weight: factor on the y = 1 term, >= 0, broadcast to the logits' shape; inf is held at
            finfo.max / 2, so that labels 0 do not see it.
        label_smoothing: share, in [0, 1], by which labels are moved towards 1/2.
        where: booleans, broadcast to the logits' shape; False gives loss 0 and gradient 0,
            whatever lies there.
        accuracy: None for fast, or "highest" for faithfully rounded, also the first two
            derivatives.

    Returns:
        Losses >= 0 of the logits' shape and dtype, float32 for lower precision: 0 for a right
        certain answer, inf for a wrong one, nan for a nan.  Gradients go back in the logits' dtype.

    Raises:
        TypeError: logits are not floats, labels not real numbers, or where not boolean.
        ValueError: shapes differ, label_smoothing lies outside [0, 1], or accuracy is something
            else.

    Accuracy:
        For |x| <= 87 in float32 and |x| <= 700 in float64: value 3 ulp; gradient 1 ulp for
        labels 0 and 1, and for soft ones 1 ulp of the larger of sigmoid and gradient (near
        sigmoid(x) = y the gradient is 0); second derivative 2.5 ulp, third 5.  With pos_weight
        value 5; gradient 2 for labels 0 and 1, and for soft ones 4 ulp of the larger of its two
        terms; second derivative 3.5, third 5.5.  Soft labels, also times pos_weight, are 1e-30
        or more here (1e-290 in float64), and results not subnormal.
        From float16 and bfloat16 logits the loss and the gradient, rounded once to their dtype,
        are 0.501 ulp (tests/losses/test_from_logits.py).
        With accuracy="highest" value, gradient and second derivative are faithfully rounded, 1
        ulp, with soft labels and pos_weight too; a soft label's gradient is within 2 ulp and
        2^-44 of the larger of its two terms (2^-96 in float64), or the smallest normal number,
        so that it has digits next to its zero (tests/losses/test_highest.py).

    Example:
        >>> bce_with_logits(jnp.array([0.0, 100.0, -100.0]), jnp.array([1, 1, 1]))
        Array([  0.6931472,   0.       , 100.       ], dtype=float32)
        >>> jax.grad(jax.grad(bce_with_logits))(20.0, 0)
        Array(2.0611537e-09, dtype=float32, weak_type=True)
    """
    given = _given(logits, labels, label_smoothing, where)
    return evaluate(_bce, given, _weight(pos_weight, given), judge=False, accuracy=accuracy)


def bce_gradient(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    pos_weight: ArrayLike | None = None,
    label_smoothing: ArrayLike = 0.0,
    where: ArrayLike | None = None,
    accuracy: Literal["highest"] | None = None,
) -> jax.Array:
    """First derivative of ``bce_with_logits`` in each logit; arguments as there.

        dl/dx = (1 - y) s(x) - c y s(-x)

    Returns:
        Gradients in [-c, 1], same shape as the logits, float32 or wider.

    Accuracy:
        As stated for ``bce_with_logits``.

    Example:
        >>> bce_gradient(jnp.array([0.0, 20.0]), jnp.array([0, 1]))
        Array([ 5.0000000e-01, -2.0611537e-09], dtype=float32)
    """
    given = _given(logits, labels, label_smoothing, where)
    return evaluate(_gradient, given, _weight(pos_weight, given), accuracy=accuracy)


def bce_hessian(
    logits: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    pos_weight: ArrayLike | None = None,
    label_smoothing: ArrayLike = 0.0,
    where: ArrayLike | None = None,
    accuracy: Literal["highest"] | None = None,
) -> jax.Array:
    """Second derivative of ``bce_with_logits`` in each logit; arguments as there.

        d2l/dx2 = (c y + 1 - y) s(x) s(-x)

    Without ``pos_weight`` the label drops out and may be left out.

    Returns:
        Numbers >= 0, same shape as the logits, float32 or wider.

    Raises:
        ValueError: pos_weight without labels; else as ``bce_with_logits``.

    Accuracy:
        As stated for ``bce_with_logits``.

    Example:
        >>> bce_hessian(jnp.array([0.0, 20.0]))
        Array([2.5000000e-01, 2.0611537e-09], dtype=float32)
    """
    if labels is None:
        if pos_weight is not None:
            raise ValueError("pos_weight weighs label 1: pass the labels too")
        labels = jnp.zeros(jnp.shape(logits))
    given = _given(logits, labels, label_smoothing, where)
    return evaluate(_hessian, given, _weight(pos_weight, given), accuracy=accuracy)


def bce_value_gradient_hessian(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    pos_weight: ArrayLike | None = None,
    label_smoothing: ArrayLike = 0.0,
    where: ArrayLike | None = None,
    accuracy: Literal["highest"] | None = None,
) -> Derivatives:
    """Loss, gradient and hessian of each logit at once; arguments as ``bce_with_logits``.

    Returns:
        ``Derivatives(value, gradient, hessian)``, what Newton's method and boosting ask for.

    Accuracy:
        As stated for ``bce_with_logits``.

    Example:
        >>> value, gradient, hessian = bce_value_gradient_hessian(jnp.zeros(1), jnp.ones(1))
        >>> gradient, hessian
        (Array([-0.5], dtype=float32), Array([0.25], dtype=float32))
    """
    given = _given(logits, labels, label_smoothing, where)
    return evaluate(_derivatives, given, _weight(pos_weight, given), accuracy=accuracy)


def _given(logits, labels, label_smoothing, where):  # type: ignore[no-untyped-def]
    return elementwise(logits, labels, name="logits", label_smoothing=label_smoothing, where=where)


def _weight(pos_weight: ArrayLike | None, given: Given) -> PosWeight | None:
    if pos_weight is None:
        return None
    real = check_real(pos_weight, "pos_weight")
    return PosWeight(check_broadcast(real, given.shape, "pos_weight", "logits"))


def _derivatives(
    x: jax.Array, y: jax.Array, c: jax.Array | None, accuracy: str | None
) -> Derivatives:
    return Derivatives(*(f(x, y, c, accuracy) for f in (_bce, _gradient, _hessian)))


def _forms(accuracy: str | None) -> _Forms:
    if accuracy not in _FORMS:
        raise ValueError(f"accuracy {accuracy!r} is neither None nor 'highest'")
    return _FORMS[accuracy]


@partial(jax.custom_jvp, nondiff_argnums=(3,))
def _bce(x: jax.Array, y: jax.Array, c: jax.Array | None, accuracy: str | None) -> jax.Array:
    return _forms(accuracy).value(x, y, c)


@_bce.defjvp
def _bce_jvp(accuracy, primals, tangents):  # type: ignore[no-untyped-def]
    # behind barriers, lest XLA store what value and gradient have in common
    x, y, c = jax.tree.map(lax.optimization_barrier, primals)
    y = within(y, 0.0, 1.0)
    value, dot = _bce(*primals, accuracy), _gradient(x, y, c, accuracy) * tangents[0]
    if c is None:
        return value, dot + (0 * y - finite(x)) * tangents[1]
    miss = finite(softplus(-x))
    in_labels = 0 * y + finite(c * miss - softplus(x))
    return value, dot + in_labels * tangents[1] + y * miss * tangents[2]


@partial(jax.custom_jvp, nondiff_argnums=(3,))
def _gradient(x: jax.Array, y: jax.Array, c: jax.Array | None, accuracy: str | None) -> jax.Array:
    return _forms(accuracy).gradient(x, y, c)


@_gradient.defjvp
def _gradient_jvp(accuracy, primals, tangents):  # type: ignore[no-untyped-def]
    x, y, c = primals
    gradient, dot = _gradient(x, y, c, accuracy), _hessian(x, y, c, accuracy) * tangents[0]
    if c is None:
        return gradient, dot - tangents[1]
    in_labels = (1 - c) * sigmoid(-x) - 1
    return gradient, dot + in_labels * tangents[1] - y * sigmoid(-x) * tangents[2]


@partial(jax.custom_jvp, nondiff_argnums=(3,))
def _hessian(x: jax.Array, y: jax.Array, c: jax.Array | None, accuracy: str | None) -> jax.Array:
    return _forms(accuracy).hessian(x, y, c)


@_hessian.defjvp
def _hessian_jvp(accuracy, primals, tangents):  # type: ignore[no-untyped-def]
    return _hessian(*primals, accuracy), jax.jvp(fast_hessian, primals, tangents)[1]
