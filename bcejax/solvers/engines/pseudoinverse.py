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

    def sees(self, rows: jax.Array) -> jax.Array:
        """Which linear functions of the params, rows (m, p), no null direction moves, (m,) bool."""
        shares = rows / self.scale
        lengths, hidden = (
            jnp.sqrt(jnp.sum(each**2, axis=1)) for each in (shares, shares @ self.null)
        )
        return hidden <= jnp.finfo(self.null.dtype).eps ** 0.25 * lengths


def pseudo_invert(matrix: jax.Array) -> Pseudoinverse:
    """The generalised inverse of a Gram matrix, and what it does not see.

    Args:
        matrix: (p, p), symmetric and positive semidefinite.

    Returns:
        A ``Pseudoinverse``; nan throughout where the matrix is not finite.

    Example:
        >>> split = pseudo_invert(jnp.array([[2.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 4.0]]))
        >>> split.rank, split.sees(jnp.eye(3))
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
