"""Where the arrays of a training run lie on a mesh of D devices.

The axes of the mesh say it; they are "data", "params", or both.

    batch    its rows are divided over all D devices
    data     whole on each device, which reads its rows of each batch from its own copy
    state    whole on each device; along an axis "params", each large array is divided

All that computes is XLA's partitioner.  Each device takes losses and gradient of its own rows, and
an all-reduce adds the gradients.  Along "params", a step first puts the parameters together and
then updates on each device its own part of parameters and optimizer: per step 2 (D - 1) / D times
the bytes of the gradient leave each device, and half as many again where parameters are divided.
A batch that D does not divide is padded by XLA, which leaves the padding out of every sum; so batch
statistics and dropout are those of the whole batch too.

With P float32 parameters, Adam and an axis "params" of F devices, a device holds 12 P / F bytes
between steps and up to 8 P more during one.

References:
    Y. Xu et al., GSPMD: general and scalable parallelization for ML computation graphs (2021).
    S. Rajbhandari et al., ZeRO: memory optimizations toward training trillion parameter models
    (2020).
"""

import zlib
from collections.abc import Mapping
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.lax import with_sharding_constraint
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

Tree = TypeVar("Tree")

DATA, PARAMS = "data", "params"
# Below, putting an array together again takes longer than dividing it saves.
_LARGE = 1024
# Bytes that are copied in less time than device_put takes to start.
_SMALL = 2**18
_ALIGNMENT = 64  # bytes


def check_mesh(mesh: Mesh | None) -> Mesh | None:
    """The mesh with axes that XLA's partitioner manages; None is one device.

    Raises:
        TypeError: not a mesh.
        ValueError: its axes have other names, it leaves out some of several processes, or
            ``jax.set_mesh`` has set another.
    """
    if mesh is None:
        return None
    if not isinstance(mesh, Mesh):
        raise TypeError(f"mesh must be a jax.sharding.Mesh, got {mesh!r}")
    names = mesh.axis_names
    if not names or not set(names) <= {DATA, PARAMS}:
        raise ValueError(f"mesh axes must be named 'data', 'params' or both, got {names}")
    processes = len(_processes(mesh))
    if processes not in (1, jax.process_count()):
        raise ValueError(
            f"mesh must hold devices of one process or of all {jax.process_count()}; "
            f"got those of {processes}"
        )
    mesh = Mesh(mesh.devices, names, axis_types=(AxisType.Auto,) * len(names))
    check_context(mesh)
    return mesh


def check_context(mesh: Mesh) -> None:
    """Refuse another mesh than that of ``jax.set_mesh``, where JAX takes no arrays of others.

    Raises:
        ValueError: another is set, or this one with axes of another type.
    """
    around = jax.sharding.get_abstract_mesh()
    if not around.empty and around != mesh.abstract_mesh:
        raise ValueError(
            f"jax.set_mesh has set {around}; here it must be {mesh.abstract_mesh}, or none"
        )


def divided(batch: Tree, mesh: Mesh | None) -> Tree:
    """Inside a program: arrays whose rows are divided over all devices."""
    if mesh is None:
        return batch
    rows = NamedSharding(mesh, PartitionSpec(mesh.axis_names))
    return jax.tree.map(lambda array: with_sharding_constraint(array, rows), batch)


def whole(tree: Tree, mesh: Mesh | None) -> Tree:
    """Inside a program: arrays that are whole on each device."""
    if mesh is None:
        return tree
    return with_sharding_constraint(tree, NamedSharding(mesh, PartitionSpec()))


def at_rest(state: Tree, mesh: Mesh | None) -> Tree:
    """Inside a program: the arrays of a state as they lie between steps."""
    if mesh is None:
        return state
    return jax.tree.map(lambda a: with_sharding_constraint(a, _resting(a, mesh)), state)


def _resting(array: jax.Array, mesh: Mesh) -> NamedSharding:
    """Along "params", the longest axis that it divides; whole without one."""
    parts = dict(mesh.shape).get(PARAMS, 1)
    axes = [axis for axis, length in enumerate(array.shape) if length % parts == 0]
    if parts == 1 or array.size < _LARGE or not axes:
        return NamedSharding(mesh, PartitionSpec())
    longest = max(axes, key=lambda axis: array.shape[axis])
    return NamedSharding(mesh, PartitionSpec(*(None,) * longest, PARAMS))


def place(tree: Tree, mesh: Mesh | None) -> Tree:
    """Arrays of this process, whole on each device.

    Without a mesh, large arrays are put on the default device, and small ones left to the call of
    a program, which takes them faster than ``device_put`` does.
    """
    if mesh is None:
        return jax.tree.map(_on_default, tree)
    return jax.tree.map(lambda array: _put(array, NamedSharding(mesh, PartitionSpec())), tree)


def place_state(state: Tree, mesh: Mesh | None) -> Tree:
    """The arrays of a state as they lie between steps, in copies that may be donated."""
    if mesh is None:
        return state
    return _copied(jax.tree.map(lambda array: _put(array, _resting(array, mesh)), state), mesh)


_copied = jax.jit(at_rest, static_argnums=1)


def shaped(array: jax.Array | np.ndarray, mesh: Mesh | None) -> jax.ShapeDtypeStruct:
    """The array without its numbers, and on one device without its place."""
    everywhere = None if mesh is None else NamedSharding(mesh, PartitionSpec())
    sharding = everywhere and getattr(array, "sharding", everywhere)
    return jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=sharding)


def _on_default(array: Any) -> Any:
    if isinstance(array, jax.Array) and len(array.sharding.device_set) > 1:
        array = np.asarray(array)
    if array.nbytes <= _SMALL:
        return array
    # On a CPU device_put takes an array of NumPy's that starts where XLA's arrays do as it is, and
    # copies any other, more slowly than NumPy does.  jnp.asarray copies twice.
    return jax.device_put(array if isinstance(array, jax.Array) else _aligned(array))


def _aligned(array: np.ndarray) -> np.ndarray:
    """A copy that starts at a multiple of 64 bytes."""
    room = np.empty(array.nbytes + _ALIGNMENT, np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    copy = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _put(array: Any, sharding: NamedSharding) -> jax.Array:
    if is_key(array):
        words = _put(jax.random.key_data(array), NamedSharding(sharding.mesh, PartitionSpec()))
        return jax.random.wrap_key_data(words, impl=jax.random.key_impl(array))
    if isinstance(array, jax.Array) and not array.is_fully_addressable:
        return jax.device_put(array, sharding)  # it is on the mesh already
    # device_put would send the array to each process to compare it; check_alike does with less.
    host = np.asarray(array)
    return jax.make_array_from_callback(host.shape, sharding, host.__getitem__)


def on_host(array: jax.Array) -> np.ndarray:
    """The whole array in this process; every process must ask for it."""
    if array.is_fully_addressable or array.is_fully_replicated:
        return np.asarray(array)
    return np.asarray(multihost_utils.process_allgather(array, tiled=True))


def is_key(array: Any) -> bool:
    """Whether it holds random keys."""
    return jax.dtypes.issubdtype(getattr(array, "dtype", None), jax.dtypes.prng_key)


def spans_processes(mesh: Mesh | None) -> bool:
    """Whether several processes train together."""
    return mesh is not None and len(_processes(mesh)) > 1


def _processes(mesh: Mesh) -> set[int]:
    return {device.process_index for device in mesh.devices.flat}


def is_first(mesh: Mesh | None) -> bool:
    """Whether this process speaks for all that train together."""
    return not spans_processes(mesh) or jax.process_index() == 0


def largest(number: int, mesh: Mesh | None) -> int:
    """The largest of the processes' numbers; without others, the number."""
    if not spans_processes(mesh):
        return number
    return int(multihost_utils.process_allgather(np.int32(number)).max())


def check_alike(given: Mapping[str, Any], mesh: Mesh | None) -> None:
    """Refuse processes that were called with different arguments.

    Args:
        given: arguments by their names, each a pytree of arrays, numbers and texts.
        mesh: what they train on.

    Raises:
        ValueError: an argument differs; raised in every process.
    """
    if not spans_processes(mesh):
        return
    mine = np.array([_checksum(tree) for tree in given.values()], np.uint32)
    every = multihost_utils.process_allgather(mine)
    for name, column in zip(given, every.T, strict=True):
        if (column != column[0]).any():
            raise ValueError(f"{name} must be the same in every process, but differs")


def _checksum(tree: Any) -> int:
    total = 0
    for leaf in jax.tree.leaves(tree):
        words = jax.random.key_data(leaf) if is_key(leaf) else leaf
        array = on_host(words) if isinstance(words, jax.Array) else np.asarray(words)
        for part in (f"{array.shape} {array.dtype}".encode(), array.tobytes()):
            total = zlib.crc32(part, total)
    return total
