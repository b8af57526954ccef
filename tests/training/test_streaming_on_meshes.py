"""Training on shards on a mesh of eight simulated devices, and by two processes."""

import json
import socket

import devices
import numpy as np
import pytest

START = """
    import json, re, sys
    import jax, numpy as np, optax
    from flax import nnx
    from jax.sharding import Mesh
    from bcejax.data.shards import open_shards
    from bcejax.models import MLP
    from bcejax.training import Checkpoint, EarlyStopping, courses, fit_stream

    courses._NUMBERS = 3 * 20 * 24  # blocks of 3 batches
    sgd = optax.sgd(0.1, momentum=0.9)

    def run(mesh=None, **more):
        model = MLP(24, (64,), nnx.tanh, rngs=nnx.Rngs(0))
        options = {"epochs": 3, "early_stopping": EarlyStopping(9, restore_best=False)} | more
        history = fit_stream(
            model, open_shards(sys.argv[1] + "/train", label="y", weights="w"),
            validation=open_shards(sys.argv[1] + "/others", label="y"), optimizer=sgd,
            batch_size=20, window=100, key=jax.random.key(0), mesh=mesh, progress=False, **options)
        return model, history

    def off(one, two):
        columns = ("loss", "accuracy", "validation_loss", "validation_accuracy")
        pairs = [(getattr(one[1], c), getattr(two[1], c)) for c in columns]
        trees = (jax.tree.leaves(nnx.state(m, nnx.Param)) for m, _ in (one, two))
        pairs += zip(*trees, strict=True)
        return max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in pairs)
"""

EIGHT = r"""
    devices = np.array(jax.devices())
    both = jax.make_mesh((4, 2), ("data", "params"))
    one, found, folder = run(), {}, sys.argv[2]
    advance, programs = courses.advance, []

    def watched(*arrays, mesh):
        programs.append(advance.lower(*arrays, mesh=mesh).compile().as_text())
        return advance(*arrays, mesh=mesh)

    courses.advance = watched
    run(Mesh(devices, ("data",)), epochs=1)
    courses.advance = advance
    kinds = r"(all-reduce|all-gather|reduce-scatter|collective-permute|all-to-all)(?:-start)?\("
    found["sent"] = sorted(set(re.findall(kinds, "".join(programs))))
    for name, mesh in {"data": Mesh(devices, ("data",)), "both": both}.items():
        there = run(mesh)
        found[name] = off(there, one)
        found[name + " again"] = off(run(mesh), there)
        found[name + " parts"] = there[0].hidden[0].kernel[...].sharding.shard_shape((24, 64))
    run(epochs=1, checkpoint=folder + "/one")
    found["to mesh"] = off(run(both, checkpoint=folder + "/one"), one)
    run(both, epochs=1, checkpoint=folder + "/mesh")
    found["to one"] = off(run(checkpoint=folder + "/mesh"), one)
    run(both, epochs=1, checkpoint=folder + "/same")
    found["to same"] = off(run(both, checkpoint=folder + "/same"), run(both))
    print(json.dumps(found))
"""

OF_TWO = """
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    process = int(sys.argv[3])
    jax.distributed.initialize(sys.argv[4], 2, process)
    mesh = Mesh(np.array(jax.devices()).reshape(2, 2), ("data", "params"))
    run(mesh, epochs=1, checkpoint=sys.argv[2])
    model, history = run(mesh, checkpoint=Checkpoint(sys.argv[2], every=4))
    found = {"loss": history.loss.tolist(), "judged": history.validation_loss.tolist()}
    if process:  # a file that only one of the two can read
        read = courses.read_batches
        courses.read_batches = lambda *a, **b: (piece for piece in list(read(*a, **b))[:1])
    try:
        run(mesh)
    except ValueError as error:
        found["error"] = str(error)
    print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """150 rows of 24 features in three files; nothing divides by 8."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for name in ("train", "others"):
        (folder / name).mkdir()
        for number in range(3):
            columns = {"x": rng.normal(size=(50, 24)).astype(np.float32), "y": rng.random(50) < 0.5}
            weights = {"w": rng.uniform(0.5, 2, 50)} if name == "train" else {}
            np.savez(folder / name / f"{number}.npz", **columns, **weights)
    return folder


@pytest.fixture(scope="module")
def found(data, tmp_path_factory):
    return json.loads(devices.run(8, START + EIGHT, data, tmp_path_factory.mktemp("saved")))


@pytest.mark.parametrize("mesh", ["data", "both"])
def test_a_mesh_gives_what_one_device_gives(found, mesh):
    assert found[mesh] <= 1e-6
    assert found[mesh + " again"] == 0


def test_a_step_adds_up_the_gradient_and_sends_nothing_else(found):
    assert found["sent"] == ["all-reduce"]


def test_the_axes_say_what_is_divided(found):
    assert found["data parts"] == [24, 64]
    assert found["both parts"] == [24, 32]


def test_a_checkpoint_goes_on_elsewhere_to_rounding_and_there_bit_for_bit(found):
    assert max(found["to mesh"], found["to one"]) <= 1e-6
    assert found["to same"] == 0


def test_two_processes_train_together_or_not_at_all(data, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    processes = [
        devices.start(2, START + OF_TWO, data, tmp_path, number, address) for number in range(2)
    ]
    try:
        first, second = (json.loads(devices.last_line(process)) for process in processes)
    finally:
        for process in processes:
            process.kill()
    of_one = "    _, h = run(); print(json.dumps([h.loss.tolist(), h.validation_loss.tolist()]))\n"
    alone = json.loads(devices.run(1, START + of_one, data))
    for each in (first, second):
        np.testing.assert_allclose([each["loss"], each["judged"]], alone, rtol=0, atol=1e-6)
        assert each["error"] == (
            "what is read of the shards must be the same in every process, but differs"
        )
