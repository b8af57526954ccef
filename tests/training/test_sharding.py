"""Training on meshes of eight simulated devices, in one process, held against one device."""

import json
import re

import devices
import jax
import numpy as np
import pytest
from jax.sharding import AbstractMesh, AxisType, Mesh
from jax.sharding import PartitionSpec as P

from bcejax.training import fit, fit_ensemble, sharding

SCRIPT = """
    import json, os, signal, sys
    import jax, jax.numpy as jnp, numpy as np, optax
    from flax import nnx
    from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec as P
    from bcejax.data import Batch
    from bcejax.models import MLP
    from bcejax.training import EarlyStopping, fit, fitting, loop

    signal.signal(signal.SIGINT, signal.default_int_handler)
    devices = np.array(jax.devices())
    MESHES = {
        "data": Mesh(devices, ("data",)),
        "params": Mesh(devices, ("params",)),
        "both": jax.make_mesh((4, 2), ("data", "params")),
    }
    # 150 = 3 * 44 + 18: neither a batch, nor the short one, nor the validation set divides by 8
    rng = np.random.default_rng(0)
    train = Batch(rng.normal(size=(150, 24)), rng.random(150).round(), rng.uniform(0.5, 2, 150))
    judged = Batch(rng.normal(size=(13, 24)), rng.random(13).round())
    sgd, stop = optax.sgd(0.1, momentum=0.9), EarlyStopping(9, restore_best=False)

    class Noisy(nnx.Module):
        def __init__(self, rngs):
            self.norm = nnx.BatchNorm(24, rngs=rngs)
            self.dropout = nnx.Dropout(0.5, rngs=rngs)
            self.linear = nnx.Linear(24, 1, rngs=rngs)

        def __call__(self, inputs):
            return self.linear(self.dropout(self.norm(inputs)))[..., 0]

    loops, Loop = [], fitting.Loop
    fitting.Loop = lambda *arguments: loops.append(Loop(*arguments)) or loops[-1]

    def run(mesh=None, make=lambda: MLP(24, (64,), nnx.tanh, rngs=nnx.Rngs(0)), model=None,
            batch=train, **more):
        model = make() if model is None else model
        options = {"epochs": 5, "validation": judged, "early_stopping": stop} | more
        history = fit(
            model, batch, optimizer=sgd, batch_size=44, key=jax.random.key(0),
            mesh=MESHES.get(mesh), progress=False, **options,
        )
        return model, history

    def off(one, two):
        columns = ("loss", "accuracy", "validation_loss", "validation_accuracy")
        pairs = [(getattr(one[1], c), getattr(two[1], c)) for c in columns]
        pairs = [pair for pair in pairs if pair[0] is not None]
        trees = (jax.tree.leaves(nnx.state(m, nnx.Not(nnx.RngKey))) for m, _ in (one, two))
        pairs += zip(*trees, strict=True)
        return max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in pairs)

    def parts(array):
        return list(array.sharding.shard_shape(array.shape))

    found, one, folder = {}, run(), sys.argv[1]
    for mesh in MESHES:
        there = run(mesh)
        found[mesh] = {
            "off": off(there, one),
            "program": loops[-1].lowered().compile().as_text(),
            "kernel": parts(there[0].hidden[0].kernel[...]),
            "memory": [parts(a) for a in jax.tree.leaves(loops[-1].run.state.opt_state)],
            "again": off(run(mesh), there),
            "message": there[1].message,
        }
    noisy = {"make": lambda: Noisy(nnx.Rngs(0)), "validation": None, "early_stopping": None}
    found["noisy"] = off(run("data", **noisy), run(**noisy))

    explicit = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Explicit,))
    columns = NamedSharding(explicit, P(None, "data"))
    spread = train._replace(inputs=jax.device_put(np.float32(train.inputs), columns))
    found["spread"] = {mesh: off(run(mesh, batch=spread), run(mesh)) for mesh in (None, "data")}

    run(epochs=2, checkpoint=folder + "/one")
    found["to mesh"] = off(run("data", checkpoint=folder + "/one"), one)
    run("params", epochs=2, checkpoint=folder + "/mesh")
    found["to one"] = off(run(checkpoint=folder + "/mesh"), one)
    run("both", epochs=2, checkpoint=folder + "/same")
    found["to same"] = off(run("both", checkpoint=folder + "/same"), run("both"))

    # a model that was trained on a mesh goes on there, predicts, and goes on without one
    there, again = run("params")[0], run(model=one[0])
    found["predicts"] = float(jnp.abs(there(train.inputs) - run()[0](train.inputs)).max())
    found["goes on"] = off(run("params", model=there), again)

    draw = loop.draw_order
    def drawing(words, epoch, n):
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return draw(words, epoch, n)
    loop.draw_order, loop._VISIT = drawing, 0.0
    model = MLP(24, (64,), nnx.tanh, rngs=nnx.Rngs(0))
    try:
        run("params", model=model)
    except KeyboardInterrupt:
        loop.draw_order = draw
        history = run("params", epochs=3)
        found["interrupted"] = off((model, history[1]), history)
    print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return json.loads(devices.run(8, SCRIPT, tmp_path_factory.mktemp("m")))


meshes = pytest.mark.parametrize("mesh", ["data", "params", "both"])


@meshes
def test_a_mesh_gives_what_one_device_gives(found, mesh):
    assert found[mesh]["off"] <= 1e-6
    assert found[mesh]["message"].startswith("finished 5 epochs; the model holds epoch 5: loss")


@meshes
def test_a_mesh_gives_the_same_bits_again(found, mesh):
    assert found[mesh]["again"] == 0


def test_batch_statistics_and_dropout_are_those_of_the_whole_batch(found):
    assert found["noisy"] <= 1e-6


@pytest.mark.parametrize("start", [0, 1])
def test_large_arrays_are_copied_to_the_default_device_wherever_they_start(start):
    room = np.arange(2.0**17, dtype=np.float32)
    rows = {"many": room[start:], "few": room[:4]}
    placed = sharding.place(rows, None)
    assert isinstance(placed["many"], jax.Array)
    assert placed["few"] is rows["few"]
    room[:] = -1
    np.testing.assert_array_equal(placed["many"], np.arange(start, 2.0**17))


def test_data_may_lie_on_devices_of_their_own(found):
    assert found["spread"] == {"null": 0, "data": 0}


def operations(program):
    """What is sent between devices: kinds, and shapes of the results."""
    kinds = "all-reduce|all-gather|reduce-scatter|collective-permute|all-to-all"
    lines = re.findall(rf"= (\S.*?) ({kinds})(?:-start)?\(", program)
    return [(kind, re.findall(r"\w+\[([\d,]*)\]", shapes)) for shapes, kind in lines]


def test_a_step_adds_up_the_gradient_and_sends_nothing_else(found):
    sent = operations(found["data"]["program"])
    assert {kind for kind, _ in sent} == {"all-reduce"}
    shapes = sorted(shape for _, each in sent for shape in each if shape)
    # two steps, one of them for the short batch; XLA may turn a kernel round
    assert [s for s in shapes if s not in ("24,64", "64,24", "1,64", "64,1")] == [
        "1",
        "1",
        "64",
        "64",
    ]
    assert len(shapes) == 8


@pytest.mark.parametrize("mesh", ["params", "both"])
def test_divided_parameters_are_put_together_and_no_batch_is(found, mesh):
    sent = operations(found[mesh]["program"])
    gathered = {shape for kind, shapes in sent if kind == "all-gather" for shape in shapes}
    assert gathered
    assert gathered <= {"24,64", "64,24"}
    assert {kind for kind, _ in sent} <= {"all-gather", "all-reduce", "reduce-scatter"}
    lengths = {int(n) for _, shapes in sent for shape in shapes for n in shape.split(",") if n}
    assert lengths.isdisjoint({150, 132, 44, 18, 13, 48, 16})


@pytest.mark.parametrize(("mesh", "part"), [("data", 64), ("params", 8), ("both", 32)])
def test_the_axes_say_what_is_divided(found, mesh, part):
    assert found[mesh]["kernel"] == [24, part]
    # the optimizer's memory too; vectors and the small kernel of the output are whole
    assert sorted(found[mesh]["memory"]) == sorted([[24, part], [64], [64, 1], [1]])


@pytest.mark.parametrize("way", ["to mesh", "to one"])
def test_a_checkpoint_goes_on_elsewhere_to_rounding(found, way):
    assert found[way] <= 1e-6


def test_a_checkpoint_goes_on_where_it_was_bit_for_bit(found):
    assert found["to same"] == 0


def test_a_model_that_was_trained_on_a_mesh_can_be_used(found):
    assert found["predicts"] <= 1e-6
    assert found["goes on"] <= 1e-6


def test_ctrl_c_leaves_the_last_finished_epoch(found):
    assert found["interrupted"] == 0


@pytest.mark.parametrize(
    ("shape", "spec"),
    [
        ((64, 48), P("params")),
        ((48, 64), P(None, "params")),
        ((4096,), P("params")),
        ((101, 64), P(None, "params")),  # 101 is odd
        ((101, 31), P()),
        ((16, 16), P()),  # too small to be worth it
        ((), P()),
    ],
)
def test_the_longest_axis_that_divides_is_divided(shape, spec):
    mesh = AbstractMesh((4, 2), ("data", "params"))
    assert sharding._resting(np.zeros(shape, np.float32), mesh).spec == spec
    mesh = AbstractMesh((4,), ("data",))
    assert sharding._resting(np.zeros(shape, np.float32), mesh).spec == P()


@pytest.mark.parametrize(
    ("mesh", "error", "line"),
    [
        (8, TypeError, "mesh must be a jax.sharding.Mesh, got 8"),
        (("x",), ValueError, "mesh axes must be named 'data', 'params' or both, got ('x',)"),
    ],
)
def test_refuses_other_meshes_in_one_line(make_model, train, key, mesh, error, line):
    if isinstance(mesh, tuple):
        mesh = Mesh(np.array(jax.devices()[:1]), mesh)
    with pytest.raises(error) as caught:
        fit(make_model(), train, key=key, mesh=mesh)
    assert str(caught.value) == line


def test_refuses_another_mesh_than_the_one_that_is_set(make_model, train, key):
    here = np.array(jax.devices()[:1])
    one, other = (
        Mesh(here, ("data",), axis_types=(each,)) for each in (AxisType.Auto, AxisType.Explicit)
    )
    with jax.set_mesh(one):
        assert fit(make_model(), train, key=key, mesh=other, progress=False).epochs == 10
    line = r"^jax\.set_mesh has set AbstractMesh\('data': 1, axis_types=\(Explicit,\).*, or none$"
    with jax.set_mesh(other):
        with pytest.raises(ValueError, match=line):
            fit(make_model(), train, key=key, mesh=other)
        with pytest.raises(ValueError, match=line):
            fit_ensemble(lambda rngs: make_model(), train, n_models=2, key=key)


def test_refuses_a_mesh_that_leaves_out_some_processes(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 3)
    mesh = Mesh(np.array(jax.devices()[:1]), ("data",))
    assert sharding.check_mesh(mesh) is not None  # of this process alone
    device = jax.devices()[0]
    monkeypatch.setattr(
        sharding, "_processes", lambda mesh: {device.process_index, device.process_index + 1}
    )
    line = "mesh must hold devices of one process or of all 3; got those of 2"
    with pytest.raises(ValueError, match=f"^{line}$"):
        sharding.check_mesh(mesh)


@pytest.fixture
def together(monkeypatch):
    """As if another process trained along, whose numbers are ours and ``more``."""

    def join(more):
        monkeypatch.setattr(sharding, "spans_processes", lambda mesh: True)
        monkeypatch.setattr(
            sharding.multihost_utils, "process_allgather", lambda a: np.stack([a, a + more])
        )

    return join


def test_processes_heed_the_largest_number(together):
    assert sharding.largest(3, None) == 3
    together(2)
    assert sharding.largest(3, None) == 5


def test_refuses_arguments_that_differ_between_processes(together, train, key):
    given = {"model": {"a": key}, "train": train, "validation": None, "settings": "5 32"}
    sharding.check_alike(given, None)
    together(np.zeros(4, np.uint32))
    sharding.check_alike(given, None)
    together(np.array([0, 1, 0, 0], np.uint32))
    with pytest.raises(ValueError, match=r"^train must be the same in every process, but differs$"):
        sharding.check_alike(given, None)


def test_a_checksum_sees_shapes_types_and_bytes(train):
    trees = [train, train._replace(labels=1 - train.labels), train._replace(weights=None), "5 32"]
    trees += [np.zeros(4, np.float32), np.zeros((2, 2), np.float32), np.zeros(4, np.int32), "5 33"]
    assert len({sharding._checksum(tree) for tree in trees}) == len(trees)
