r"""The term of which Kullback-Leibler divergences are sums, with its digits.

    D(a, b) = a log(a / b) - a + b >= 0,    D(0, b) = b.

For two Bernoulli or binomial laws the linear parts cancel, so KL = D(p, q) + D(1 - p, 1 - q).  Near
a = b the logarithm cancels against the rest; with u = (b - a) / a and v = u / (2 + u),

    D / a = u - log(1 + u) = v (u - 2 v^2 (1/3 + v^2/5 + v^4/7 + ...)).

Source: C. Loader, Fast and accurate computation of binomial probabilities (2000).
"""

import jax
import jax.numpy as jnp

_TERMS = {"float32": 5, "float64": 12}  # of the series, v^2 < 0.032


def kl_term(a: jax.Array, b: jax.Array, gap: jax.Array) -> jax.Array:
    """a log(a / b) - a + b, elementwise; no derivative is meant to pass.

    Args:
        a: floats >= 0, float32 or float64.
        b: floats > 0, same shape; 0 where a is 0 gives 0.
        gap: b - a, which the caller knows with more digits.

    Returns:
        Numbers >= 0 of that shape.

    Accuracy: 8 ulp where b/a is 1e-6 to 1e6, given a gap that is right
    (tests/numerics/test_divergences.py).

    Example:
        >>> b, gap = jnp.array([0.25, 1.001]), jnp.array([0.25, 1e-3])
        >>> kl_term(jnp.array([0.0, 1.0]), b, gap).round(9)
        Array([2.5e-01, 5.0e-07], dtype=float32)
    """
    u = gap / a
    v = u / (2 + u)
    square, odd = v * v, jnp.zeros_like(v)
    for k in range(2 * _TERMS[v.dtype.name] + 1, 1, -2):
        odd = odd * square + 1 / k
    near = v * (u - 2 * square * odd)
    far = u - jnp.log(b / a)
    return jnp.where(a == 0, gap, a * jnp.where(jnp.abs(u) < 0.3, near, far))
