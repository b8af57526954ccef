"""The inverse of a Gram matrix on the directions that it sees.

With s_j = sqrt(M_jj), or 1 where that is 0, M / (s s') has a diagonal of 1, so that the units of
the columns play no part.  Its eigenvectors of eigenvalue 0, to 64 p eps, span the null directions:
what the columns cannot tell.  On the others it is inverted.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Pseudoinverse(NamedTuple):
    """A generalised inverse M^- (M M^- M = M), and what M does not see."""

    inverse: jax.Array  # (p, p)
    null: jax.Array  # (p, p), the projection on the null directions of M / (s s')
    scale: jax.Array  # (p,), s

    @property
    def rank(self) -> jax.Array:
        """How many directions M sees, in the dtype of M."""
        return len(self.null) - jnp.round(jnp.trace(self.null))

    @property
    def known(self) -> jax.Array:
        """Which params no null direction moves, (p,) bool."""
        return jnp.diagonal(self.null) < jnp.sqrt(jnp.finfo(self.null.dtype).eps)


def pseudo_invert(matrix: jax.Array) -> Pseudoinverse:
    """The generalised inverse of a Gram matrix, and what it does not see.

    Args:
        matrix: (p, p), symmetric and positive semidefinite.

    Returns:
        A ``Pseudoinverse``; nan throughout where the matrix is not finite.

    Example:
        >>> split = pseudo_invert(jnp.array([[2.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 4.0]]))
        >>> split.rank, split.known
        (Array(2., dtype=float32), Array([False, False,  True], dtype=bool))
    """
    diagonal = jnp.diagonal(matrix)
    scale = jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1))
    values, vectors = jnp.linalg.eigh(matrix / scale / scale[:, None])
    seen = values > 64 * len(matrix) * jnp.finfo(matrix.dtype).eps
    inverse = (vectors * jnp.where(seen, 1 / jnp.where(seen, values, 1), 0)) @ vectors.T
    hidden = vectors * ~seen
    judged = jnp.where(jnp.all(jnp.isfinite(matrix)), 0, jnp.nan)
    inverse = inverse / scale / scale[:, None]
    return Pseudoinverse(inverse + judged, hidden @ hidden.T + judged, scale)
