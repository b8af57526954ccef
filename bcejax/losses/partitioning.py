"""Sums over many devices, whatever the mesh says of its axes."""

from collections.abc import Callable

import jax
from jax.sharding import NamedSharding, PartitionSpec


def by_partitioner(function: Callable[..., jax.Array], *arrays: object) -> jax.Array:
    """``function(*arrays)``, a number, which XLA's partitioner divides over the devices.

    On axes of ``AxisType.Explicit`` JAX wants to be told where the rows of each intermediate array
    lie, and takes no slice of divided ones; the number at the end is whole everywhere.

    Example:
        >>> by_partitioner(jax.numpy.sum, jax.numpy.ones(3))
        Array(3., dtype=float32)
    """
    meshes = (jax.typeof(array).sharding.mesh for array in jax.tree.leaves(arrays))
    mesh = next((each for each in meshes if each.explicit_axes), None)
    if mesh is None:
        return function(*arrays)
    whole = NamedSharding(mesh, PartitionSpec())
    number: jax.Array = jax.sharding.auto_axes(
        function, axes=mesh.explicit_axes, out_sharding=whole
    )(*arrays)
    return number
