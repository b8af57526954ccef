"""How a fit ended, as a number that crosses jit and vmap."""

import enum


class SolverStatus(enum.IntEnum):
    """The last word of a solver; a fit is to be used as it stands where it is CONVERGED.

    Example:
        >>> import jax.numpy as jnp
        >>> SolverStatus(int(jnp.int32(2))).name
        'SEPARATED'
    """

    CONVERGED = 0
    MAX_STEPS = 1  # the steps were used up
    SEPARATED = 2  # the optimum lies at infinity: a hyperplane tells labels apart
    DIVERGED = 3  # nan among the data, or sums that overflow
    SINGULAR = 4  # more than one optimum, for columns depend on each other: the smallest is given
