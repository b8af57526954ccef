"""Many models in one program, shared out to the devices.

    while epochs are left and a model still learns:
        one epoch of every model                the program of one, under vmap
        those that had stopped stay as they were

The loop stands outside the vmap, so that an order of the examples that all models share is one
array in it, and each batch is gathered once for all.  A device has its share of the models and
nothing to tell the others, so nothing is sent between devices (shard_map).

A learning rate that differs from model to model is an array, and an optimizer of optax holds its
rate as a constant; so the rate is kept in the optimizer's memory, and the optimizer made anew
from it where a step is traced.

Of small models a step is a row of small operations, whose time is that of moving numbers.  So
with batches in common their linear layers compute with the units first (``units_first``), and the
default optimizer takes all parameters of a model as one array.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import lax
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P
from jax.typing import ArrayLike

from bcejax.training.ensembles.products import units_first
from bcejax.training.passes import Data
from bcejax.training.program import Plan, Run, next_epoch, start_run
from bcejax.training.records import Figures, Status
from bcejax.training.state import ADAM, TrainState, first_state, split_model
from bcejax.training.stopping import Tree, select

MakeModel: TypeAlias = Callable[[nnx.Rngs], nnx.Module]
MakeOptimizer: TypeAlias = Callable[[ArrayLike], optax.GradientTransformation]

# ADAM for each of many models of few parameters: three operations for all arrays of a model instead
# of three for each.  From thousands of parameters on it is slower.
_JOINED_ADAM, _FEW = optax.flatten(ADAM), 2**10

# LLVM takes vectors of 256 bits where a processor has 512.  Models side by side fill those.
_OPTIONS = {"cpu": {"xla_cpu_prefer_vector_width": 512}}

AXIS = "models"  # of the mesh
MODELS, ALIKE = P(AXIS), P()  # shared out by the first axis, the same everywhere


class Rated(NamedTuple):
    """The memory of an optimizer whose learning rate is data."""

    rate: jax.Array
    memory: optax.OptState


# One object for each function, or every call would compile anew.
@functools.lru_cache
def rated(make_optimizer: MakeOptimizer) -> optax.GradientTransformation:
    """The optimizer that a function of a learning rate makes, with the rate in its memory."""

    def init(params: optax.Params) -> Rated:
        return Rated(jnp.ones(()), make_optimizer(1.0).init(params))

    def update(
        updates: optax.Updates, state: Rated, params: optax.Params | None = None, **extra: Any
    ) -> tuple[optax.Updates, Rated]:
        made = optax.with_extra_args_support(make_optimizer(state.rate))
        updates, memory = made.update(updates, state.memory, params, **extra)
        return updates, Rated(state.rate, memory)

    return optax.GradientTransformationExtraArgs(init, update)


@functools.partial(
    jax.jit,
    static_argnames=("n_models", "make_model", "optimizer", "loss", "early_stopping", "mesh"),
)
def start_members(  # type: ignore[no-untyped-def]
    key, rates, *, n_models, make_model, optimizer, loss, early_stopping, mesh
):
    """The runs of all models before their first epoch.

    Args:
        key: a random key, split into one for each model's ``nnx.Rngs``.
        rates: (n_models,) learning rates for an optimizer of ``rated``, or None.
        n_models: how many models.
        make_model: makes one model.
        optimizer: of all.
        loss: of all.
        early_stopping: of each by itself, or None.
        mesh: of the one axis AXIS.

    Returns:
        A ``Run`` whose arrays have a first axis (m, ...), the models by ``places_of``.
    """
    keys, places = jax.random.split(key, n_models), places_of(n_models, mesh)
    keys, rates = jax.tree.map(lambda array: array[places], (keys, rates))

    def start(key: jax.Array, rate: jax.Array | None) -> Run:
        state = first_state(_joined(split_model(make_model(nnx.Rngs(key)), optimizer, loss)))
        if rate is not None:
            memory = state.opt_state._replace(rate=rate.astype(state.dtype))
            state = dataclasses.replace(state, opt_state=memory)
        return start_run(state, early_stopping)

    return _share_out(jax.vmap(start), mesh, (MODELS, MODELS))(keys, rates)


def places_of(n_models: int, mesh: Mesh) -> np.ndarray:
    """Which model lies where: the last one again, until every device has as many."""
    return np.minimum(np.arange(-(-n_models // mesh.size) * mesh.size), n_models - 1)


def _joined(state: TrainState) -> TrainState:
    """The same, but that ADAM is to hold its memory of a small model as one array."""
    params = jax.tree.leaves(state.params)
    small = sum(map(jnp.size, params)) <= _FEW and len(set(map(jnp.result_type, params))) == 1
    if state.optimizer is not ADAM or not small:
        return state
    return dataclasses.replace(state, optimizer=_JOINED_ADAM)


def advance_members(
    runs: Run,
    weights: ArrayLike | None,
    data: Data,
    order: ArrayLike,
    epochs: ArrayLike,
    *,
    plan: Plan,
    mesh: Mesh,
) -> tuple[Run, Figures]:
    """The runs after up to ``epochs`` more epochs, and their figures.

    Args:
        runs: of m models; consumed.
        weights: (m, n), in place of the training weights; None leaves these.
        data: for all.
        order: (rows, n) for all models, or (rows, m, n).
        epochs: (), how many rows to use.
        plan: what is compiled in.
        mesh: as the runs lie.

    Returns:
        The runs, and figures (m, rows), nan in the epochs that a model did not finish.
    """
    advanced: tuple[Run, Figures] = program_on(mesh)(
        runs, weights, data, order, epochs, plan=plan, mesh=mesh
    )
    return advanced


def program_on(mesh: Mesh) -> jax.stages.Wrapped:
    """What ``advance_members`` compiles for the devices of a mesh."""
    return _program_on(mesh.devices.flat[0].platform)


@functools.cache
def _program_on(platform: str) -> jax.stages.Wrapped:
    return jax.jit(
        _advance,
        static_argnames=("plan", "mesh"),
        donate_argnames="runs",
        compiler_options=_OPTIONS.get(platform),
    )


def _advance(runs, weights, data, order, epochs, *, plan, mesh):  # type: ignore[no-untyped-def]
    shared = order.ndim == 2
    one = jax.vmap(
        functools.partial(_one_epoch, plan=plan, shared=shared),
        in_axes=(0, 0, None, None if shared else 0),
    )

    def train(runs, weights, data, order, epochs):  # type: ignore[no-untyped-def]
        most = jnp.minimum(epochs, len(order))

        def goes_on(carry: tuple[jax.Array, Run, Figures]) -> jax.Array:
            return (carry[0] < most) & (carry[1].status == Status.RUNNING).any()

        def body(carry: tuple[jax.Array, Run, Figures]) -> tuple[jax.Array, Run, Figures]:
            row, runs, figures = carry
            runs, new = one(runs, weights, data, order[row])
            return row + 1, runs, jax.tree.map(lambda f, x: f.at[:, row].set(x), figures, new)

        blank = jnp.full((len(runs.epoch), len(order)), jnp.nan, runs.state.dtype)
        unseen = None if data.validation is None else blank
        start = (jnp.int32(0), runs, Figures(blank, blank, unseen, unseen))
        return lax.while_loop(goes_on, body, start)[1:]

    specs = (MODELS, MODELS, ALIKE, ALIKE if shared else P(None, AXIS), ALIKE)
    return _share_out(train, mesh, specs)(runs, weights, data, order, epochs)


def _one_epoch(
    run: Run, weights: jax.Array | None, data: Data, order: jax.Array, plan: Plan, shared: bool
) -> tuple[Run, Figures]:
    if weights is not None:
        data = data._replace(train=data.train._replace(weights=weights))
    turned = run
    if shared:
        batch = jax.tree.map(lambda array: array[: plan.batch_size], data.train)
        turned = _regraphed(run, units_first(run.state, batch).graphdef)
    after, figures = next_epoch(turned, data, order, plan)
    after = _regraphed(after, run.state.graphdef)
    nothing = jax.tree.map(lambda x: jnp.full_like(x, jnp.nan), figures)
    return select(run.status == Status.RUNNING, (after, figures), (run, nothing))


def _regraphed(tree: Tree, graphdef: nnx.GraphDef) -> Tree:
    """The same with every state of a model on another graph."""

    def is_state(node: object) -> bool:
        return isinstance(node, TrainState)

    return jax.tree.map(
        lambda node: dataclasses.replace(node, graphdef=graphdef) if is_state(node) else node,
        tree,
        is_leaf=is_state,
    )


def _share_out(function, mesh, in_specs):  # type: ignore[no-untyped-def]
    return jax.shard_map(function, mesh=mesh, in_specs=in_specs, out_specs=MODELS, check_vma=False)
