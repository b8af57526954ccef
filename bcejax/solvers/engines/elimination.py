"""The inverse of a small hessian by elimination, also where columns depend on each other."""

import jax
import jax.numpy as jnp
from jax import lax


def invert_semidefinite(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The inverse of a hessian, and which columns do not depend on those before them.

    By elimination; a column that does depend leaves a pivot of 0, to 16 eps of its square.

    Args:
        matrix: (d, d), symmetric and positive semidefinite.

    Returns:
        (d, d), 0 in the rows and columns of dependent ones; and (d,) bool.

    Example:
        >>> invert_semidefinite(jnp.array([[2.0, 2.0], [2.0, 2.0]]))
        (Array([[0.5, 0. ],
               [0. , 0. ]], dtype=float32), Array([ True, False], dtype=bool))
    """
    d, eps = len(matrix), float(jnp.finfo(matrix.dtype).eps)
    diagonal = jnp.diagonal(matrix)
    scale = lax.rsqrt(jnp.where(diagonal > 0, diagonal, 1))
    rows = jnp.column_stack([matrix * scale * scale[:, None], jnp.eye(d, dtype=matrix.dtype)])
    usable = []
    for k in range(d):
        pivot = rows[k, k]
        usable.append(pivot > 16 * eps)
        row = jnp.where(usable[k], rows[k] / jnp.where(usable[k], pivot, 1), 0)
        rows = (rows - rows[:, k : k + 1] * row).at[k].set(row)
    independent = jnp.stack(usable)
    return jnp.where(independent, rows[:, d:], 0) * scale * scale[:, None], independent
