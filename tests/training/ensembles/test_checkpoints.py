"""Ensembles in parts against ensembles in one go: killed, interrupted, on other devices."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import jax
import numpy as np
import optax
import pytest
from flax import nnx
from training.broken_off import press_in_epoch, steps

from bcejax.models import LogisticRegression
from bcejax.training import Checkpoint, EarlyStopping, Status
from bcejax.training.ensembles import fit_ensemble, loop

KEY, SGD, STOP = jax.random.key(7), optax.sgd(0.05), EarlyStopping(2, min_delta=0.01)


def small(rngs):
    return LogisticRegression(3, rngs=rngs)


@pytest.fixture
def run(make_noisy, train, validation):
    """Four members with dropout and batch statistics, which do not stop together."""

    def run(**options):
        options = {"n_models": 4, "epochs": 30, "optimizer": SGD, "early_stopping": STOP} | options
        options = {"batch_size": 8, "key": KEY, "validation": validation} | options
        return fit_ensemble(type(make_noisy()), train, progress=False, **options)

    return run


@pytest.fixture
def bootstrap(train):
    """Members that differ in all but their kind."""

    def run(**options):
        weights = np.random.default_rng(0).integers(0, 3, (3, 22))
        options = {"learning_rates": (0.01, 0.1, 0.2), "weights": weights, "epochs": 6} | options
        options = {"n_models": 3, "key": KEY, "shared_order": False, "batch_size": 8} | options
        plain = train._replace(weights=None)
        return fit_ensemble(small, plain, optimizer=optax.sgd, progress=False, **options)

    return run


def arrays(ensemble):
    plain = jax.tree.leaves((ensemble.state.params, ensemble.state.opt_state, ensemble.state.step))
    return [np.array(each) for each in plain]


def assert_same(one, two):
    jax.tree.map(np.testing.assert_array_equal, arrays(one), arrays(two))
    for name in one.history.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(one.history, name), getattr(two.history, name))


@pytest.mark.parametrize("name", ["run", "bootstrap"])
def test_an_ensemble_in_parts_equals_one_in_one_go(request, name, tmp_path):
    run = request.getfixturevalue(name)
    whole = run()
    assert_same(run(checkpoint=tmp_path / "new"), whole)
    for epochs in (1, 4):
        part = run(epochs=epochs, checkpoint=tmp_path / "parts")
        assert part.history.loss.shape[1] == epochs
    assert_same(run(checkpoint=tmp_path / "parts"), whole)
    assert_same(run(checkpoint=tmp_path / "parts"), whole)  # there is nothing left to do
    assert len(set(whole.history.epochs.tolist())) > 1 or name == "bootstrap"


CHILD = """
    import os, signal, sys
    import jax, numpy as np, optax
    from bcejax.data import Batch
    from bcejax.models import MLP
    from bcejax.training import Checkpoint, EarlyStopping
    from bcejax.training.checkpoints import Store
    from bcejax.training.ensembles import fit_ensemble

    folder, saved, kill = sys.argv[1:]
    write = Store.write

    def writing(self, done, *arrays):
        if done == 6 and kill == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, done, *arrays)

    Store.write = writing
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(30, 3))
    batch = Batch(inputs, (inputs[:, 0] > 0).astype(int), rng.uniform(0.5, 2, 30))
    ensemble = fit_ensemble(
        lambda rngs: MLP(3, (4,), rngs=rngs), batch, n_models=3, validation=batch, epochs=9,
        key=jax.random.key(0), batch_size=8, early_stopping=EarlyStopping(5),
        checkpoint=Checkpoint(folder, every=2), progress=False,
    )
    history = ensemble.history
    np.savez(saved, *jax.tree.leaves(ensemble.state), history.loss, history.validation_loss,
             history.epochs, history.best_epoch, history.status, message=history.message)
"""


def child(*arguments):
    command = [sys.executable, "-c", textwrap.dedent(CHILD), *map(str, arguments)]
    return subprocess.run(command, timeout=120, check=False).returncode


def test_killed_and_called_again_equals_the_one_that_was_not(tmp_path):
    folder, killed, whole = tmp_path / "folder", tmp_path / "killed.npz", tmp_path / "whole.npz"
    assert child(folder, killed, "kill") == -signal.SIGKILL
    assert steps(folder) == [4]
    assert child(folder, killed, "live") == 0
    assert steps(folder) == [9]
    assert child(tmp_path / "other", whole, "live") == 0
    resumed, expected = np.load(killed), np.load(whole)
    assert set(resumed) == set(expected)
    for name in expected:
        np.testing.assert_array_equal(resumed[name], expected[name])


def test_ctrl_c_is_resumed(run, tmp_path, monkeypatch):
    whole = run()
    with monkeypatch.context() as patch:
        press_in_epoch(patch, loop, 2)
        with pytest.raises(KeyboardInterrupt):
            run(checkpoint=tmp_path)
    assert steps(tmp_path) == [2]  # the order of the third epoch is drawn during the second
    assert_same(run(checkpoint=tmp_path), whole)


@pytest.mark.parametrize("presses", [1, 2])
def test_says_so_where_an_interrupt_is_not_raised(run, monkeypatch, presses):
    """One at the next visit, two without a visit: here all epochs are one chunk."""
    if presses == 1:
        monkeypatch.setattr(loop, "_VISIT", 0.0)
    monkeypatch.setattr(loop, "wait", lambda array, pressed, **_: pressed() < 2)
    before = signal.signal(signal.SIGINT, lambda *_: None)
    advance = loop.advance_members

    def advancing(*arrays, **static):
        for _ in range(presses):
            os.kill(os.getpid(), signal.SIGINT)
        return advance(*arrays, **static)

    monkeypatch.setattr(loop, "advance_members", advancing)
    try:
        ensemble = run(early_stopping=None)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ensemble.history.status.tolist() == [Status.INTERRUPTED] * 4
    assert ensemble.history.message == "4 models: 4 interrupted"


ELSEWHERE = """
    import json, sys
    import jax, numpy as np, optax
    from jax.sharding import Mesh
    from bcejax.data import Batch
    from bcejax.models import LogisticRegression
    from bcejax.training.ensembles import fit_ensemble

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(22, 3))
    train = Batch(inputs, (inputs[:, 0] > 0).astype(float))
    weights = rng.integers(0, 3, (6, 22))

    def make(rngs):
        return LogisticRegression(3, rngs=rngs)

    def run(devices, epochs=8, folder=None):  # six models: two places of the fourth are spare
        return fit_ensemble(
            make, train, n_models=6, key=jax.random.key(1), epochs=epochs, batch_size=8,
            optimizer=optax.sgd, learning_rates=np.geomspace(0.01, 0.3, 6), shared_order=False,
            weights=weights, progress=False, mesh=Mesh(np.array(jax.devices()[:devices]), ("m",)),
            checkpoint=folder and sys.argv[1] + "/" + folder)

    def off(one, two):
        pairs = zip(*(jax.tree.leaves(each.state.params) for each in (one, two)), strict=True)
        pairs = [*pairs, (one.history.loss, two.history.loss)]
        return max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in pairs)

    one, four = run(1), run(4)
    run(1, 3, "one"), run(4, 3, "four"), run(4, 3, "same")
    found = [off(run(4, folder="one"), four), off(run(1, folder="four"), one)]
    print(json.dumps([*found, off(run(4, folder="same"), four)]))
"""


def test_goes_on_on_other_devices(tmp_path, monkeypatch):
    """In a process of its own: the number of devices is set before jax starts."""
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=4")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    command = [sys.executable, "-c", textwrap.dedent(ELSEWHERE), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    to_four, to_one, same = json.loads(done.stdout)
    assert max(to_four, to_one) <= 1e-6
    assert same == 0


def test_refuses_the_checkpoint_of_another_fit_in_one_line(bootstrap, train, tmp_path):
    bootstrap(checkpoint=Checkpoint(tmp_path, every=2))
    others = {
        "n_models": {"n_models": 2, "learning_rates": (0.01, 0.1), "weights": np.ones((2, 22))},
        "learning_rates": {"learning_rates": (0.01, 0.1, 0.3)},
        "weights": {"weights": np.ones((3, 22))},
        "validation set": {"validation": train},
        "batch_size": {"batch_size": 4},
        "early_stopping": {"early_stopping": STOP},
        "key": {"key": jax.random.key(8)},
        "program of model, optimizer and loss": {"loss": lambda x, y: 2 * optax.l2_loss(x, y)},
    }
    for part, options in others.items():
        with pytest.raises(ValueError, match=rf"is of another fit: {part} was .*, now ") as caught:
            bootstrap(checkpoint=tmp_path, **options)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"is of another fit: key was"):
        bootstrap(checkpoint=tmp_path, shared_order=True)
    with pytest.raises(ValueError, match=r"holds epoch 6 already, more than epochs=5$"):
        bootstrap(checkpoint=tmp_path, epochs=5)


def test_says_nothing(bootstrap, tmp_path, capfd):
    for epochs in (1, 2):
        bootstrap(epochs=epochs, checkpoint=tmp_path)
    assert capfd.readouterr() == ("", "")
    assert isinstance(bootstrap(epochs=2, checkpoint=tmp_path).model(1), nnx.Module)
