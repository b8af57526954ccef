import shutil
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

from bcejax.losses import bce_with_logits
from bcejax.models import MLP
from bcejax.training import Checkpoint, EarlyStopping, Status, fit, loop
from bcejax.training.checkpoints import Store


def arrays(model):
    plain = jax.tree.leaves(nnx.state(model, nnx.Not(nnx.RngKey)))
    return [np.array(a) for a in plain]


def assert_same(one, two):
    (model, history), (other, expected) = one, two
    jax.tree.map(np.testing.assert_array_equal, arrays(model), arrays(other))
    for name in history.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(history, name), getattr(expected, name))


@pytest.fixture
def run(make_model, train, validation, key):
    def run(epochs=6, model=None, **options):
        model = make_model() if model is None else model
        options = {"batch_size": 8, "validation": validation, "key": key} | options
        batch = options.pop("batch", train)
        return model, fit(model, batch, epochs=epochs, progress=False, **options)

    return run


def test_writing_changes_nothing_and_the_last_epoch_is_written(run, tmp_path):
    plain = run()
    assert_same(run(checkpoint=tmp_path / "new" / "a"), plain)
    assert steps(tmp_path / "new" / "a") == [6]


@pytest.mark.parametrize("early_stopping", [None, EarlyStopping(3)])
def test_a_run_in_two_parts_equals_one(run, tmp_path, adam, early_stopping):
    options = {"optimizer": adam, "early_stopping": early_stopping}
    whole = run(9, **options)
    first, _ = run(2, checkpoint=tmp_path, **options)
    assert_same(run(9, checkpoint=tmp_path, **options), whole)
    # Called once more, even with the model that came out, it has nothing to do.
    assert_same(run(9, model=first, checkpoint=tmp_path, **options), whole)


def test_random_counters_and_statistics_go_on(run, make_noisy, tmp_path):
    stop = EarlyStopping(9)
    whole = run(5, model=make_noisy(), early_stopping=stop)
    run(2, model=make_noisy(), early_stopping=stop, checkpoint=tmp_path)
    assert_same(run(5, model=make_noisy(), early_stopping=stop, checkpoint=tmp_path), whole)


def test_resuming_compiles_nothing_anew(run, tmp_path):
    run(2, checkpoint=tmp_path)
    programs = loop._advance._cache_size()
    run(4, checkpoint=tmp_path)
    assert loop._advance._cache_size() == programs


def test_every_and_keep(run, tmp_path):
    run(7, checkpoint=Checkpoint(tmp_path, every=2, keep=2))
    assert steps(tmp_path) == [6, 7]


def test_the_clock_decides_how_often_to_write(run, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "_VISIT", 0.0)
    written = []
    write = Store.write

    def spying(self, done, run, figures):
        written.append(done)
        write(self, done, run, figures)

    monkeypatch.setattr(Store, "write", spying)
    monkeypatch.setattr("bcejax.training.checkpoints.monotonic", lambda: 0.0)
    run(checkpoint=tmp_path / "rarely")
    assert written == [6]  # no time passes: only the last one
    written.clear()
    clock = iter(range(10**6))  # each look at the clock finds a second gone
    monkeypatch.setattr("bcejax.training.checkpoints.monotonic", clock.__next__)
    run(100, checkpoint=tmp_path / "often")
    assert written == [1, 21, 41, 61, 81, 100]  # writing takes one, so twenty pass in between


def test_an_early_stop_stays_final(run, adam, tmp_path):
    options = {"optimizer": adam, "early_stopping": EarlyStopping(3)}
    stopped = run(40, checkpoint=tmp_path, **options)
    assert stopped[1].status == Status.EARLY_STOPPED
    assert_same(run(60, checkpoint=tmp_path, **options), stopped)


def test_a_run_that_diverges_at_once_leaves_no_checkpoint(run, tmp_path):
    wild = optax.sgd(1e38)
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="diverged in epoch 1"):
            run(optimizer=wild, checkpoint=tmp_path)
    assert steps(tmp_path) == []


def test_ctrl_c_is_resumed(run, tmp_path, monkeypatch):
    whole = run(6)
    with monkeypatch.context() as patch:
        press_in_epoch(patch, loop, 2)
        with pytest.raises(KeyboardInterrupt):
            run(6, checkpoint=tmp_path)
    assert steps(tmp_path) == [3]
    assert_same(run(6, checkpoint=tmp_path), whole)


CHILD = """
    import os, signal, sys
    import jax, numpy as np, optax
    from flax import nnx
    from bcejax.data import Batch
    from bcejax.models import MLP
    from bcejax.training import Checkpoint, EarlyStopping, fit

    folder, saved, kill = sys.argv[1:]
    if kill == "kill":
        from orbax.checkpoint import CheckpointManager

        saves, save = 0, CheckpointManager.save

        def die(*args, **kwargs):
            os.kill(os.getpid(), signal.SIGKILL)

        def counting(*args, **kwargs):
            global saves
            saves += 1
            if saves == 3:
                # The files get written, but not their name.
                os.rename = os.replace = die
            return save(*args, **kwargs)

        CheckpointManager.save = counting

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(30, 3))
    batch = Batch(inputs, (inputs[:, 0] > 0).astype(int), rng.uniform(0.5, 2, 30))
    model = MLP(3, (4,), rngs=nnx.Rngs(0))
    history = fit(
        model, batch, validation=batch, key=jax.random.key(0), epochs=6, batch_size=8,
        optimizer=optax.adam(0.1), early_stopping=EarlyStopping(5),
        checkpoint=Checkpoint(folder, every=1), progress=False,
    )
    arrays = [*jax.tree.leaves(nnx.state(model)), history.loss, history.accuracy,
              history.validation_loss, history.validation_accuracy, history.epochs,
              history.best_epoch, history.status]
    np.savez(saved, *arrays, message=history.message)
"""


def child(*arguments):
    command = [sys.executable, "-c", textwrap.dedent(CHILD), *map(str, arguments)]
    return subprocess.run(command, timeout=120, check=False, stderr=subprocess.PIPE, text=True)


def test_killed_and_called_again_equals_the_one_that_was_not(tmp_path, monkeypatch):
    folder, killed, whole = tmp_path / "folder", tmp_path / "killed.npz", tmp_path / "whole.npz"
    assert child(folder, killed, "kill").returncode == -signal.SIGKILL
    assert not killed.exists()
    assert steps(folder) == [2]
    assert any("tmp" in path.name for path in folder.iterdir())  # it died in the middle
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    resumed = child(folder, killed, "live")
    assert (resumed.returncode, resumed.stderr) == (0, "")
    assert [path.name for path in folder.iterdir()] == ["6"]

    monkeypatch.setattr(sys, "argv", ["", str(tmp_path / "other"), str(whole), "live"])
    exec(textwrap.dedent(CHILD), {})
    resumed, expected = np.load(killed), np.load(whole)
    assert set(resumed) == set(expected)
    for name in expected:
        np.testing.assert_array_equal(resumed[name], expected[name])


class Killed(BaseException):
    """As sudden as a signal."""


def test_killed_while_it_deletes_and_called_again(run, tmp_path, monkeypatch, capfd):
    whole, rmtree = run(), shutil.rmtree

    def dying(folder):
        (folder / "1" / "_CHECKPOINT_METADATA").unlink()
        raise Killed

    monkeypatch.setattr(shutil, "rmtree", dying)
    with pytest.raises(Killed):
        run(checkpoint=Checkpoint(tmp_path, every=1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "removed"]
    monkeypatch.setattr(shutil, "rmtree", rmtree)
    assert_same(run(checkpoint=tmp_path), whole)
    assert [path.name for path in tmp_path.iterdir()] == ["6"]
    assert "WARNING:absl" not in capfd.readouterr().err  # where Orbax says what it misses


def test_refuses_the_checkpoint_of_another_fit_in_one_line(run, train, adam, tmp_path):
    run(2, checkpoint=tmp_path)
    others = {
        "model": {"model": MLP(3, (5,), rngs=nnx.Rngs(0))},
        "training set": {"batch": train._replace(labels=1 - train.labels)},
        "validation set": {"validation": None},
        "batch_size": {"batch_size": 4},
        "early_stopping": {"early_stopping": EarlyStopping(3)},
        "key": {"key": jax.random.key(8)},
        "program of model, optimizer and loss": {"optimizer": adam},
    }
    fewer = jax.tree.map(lambda a: a[:20], train)
    for part, options in [*others.items(), ("training set", {"batch": fewer})]:
        with pytest.raises(ValueError, match=r"checkpoint '.*' is of another fit") as caught:
            run(3, checkpoint=tmp_path, **options)
        line = str(caught.value)
        assert f"is of another fit: {part} was " in line
        assert line.endswith("; name another directory")
        assert "\n" not in line
    loss = lambda logits, labels: 2 * bce_with_logits(logits, labels)  # noqa: E731
    with pytest.raises(ValueError, match="program of model, optimizer and loss was"):
        run(3, checkpoint=tmp_path, loss=loss)
    assert run(3, checkpoint=tmp_path)[1].epochs == 3


def test_refuses_fewer_epochs_than_are_done(run, make_model, tmp_path):
    run(4, checkpoint=tmp_path)
    model = make_model()
    with pytest.raises(ValueError, match=r"holds epoch 4 already, more than epochs=3$"):
        run(3, model=model, checkpoint=tmp_path)
    jax.tree.map(np.testing.assert_array_equal, arrays(model), arrays(make_model()))


def test_says_nothing(run, tmp_path, capfd):
    for epochs in (1, 2):
        run(epochs, checkpoint=tmp_path)
    assert capfd.readouterr() == ("", "")


def test_refuses_a_damaged_checkpoint_in_one_line(run, make_model, tmp_path):
    run(2, checkpoint=tmp_path)
    shutil.rmtree(tmp_path / "2" / "about")
    model = make_model()
    with pytest.raises(ValueError, match="cannot be read") as caught:
        run(3, model=model, checkpoint=tmp_path)
    assert str(caught.value) == f"checkpoint {str(tmp_path)!r}, number 2, cannot be read"
    jax.tree.map(np.testing.assert_array_equal, arrays(model), arrays(make_model()))


def test_refuses_what_is_no_directory(run, tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(ValueError, match=r"^checkpoint '.*file' is not a directory$"):
        run(checkpoint=path)
    with pytest.raises(ValueError, match=r"^every is 0; there must be 1 or more$"):
        Checkpoint(tmp_path, every=0)
    with pytest.raises(ValueError, match=r"^keep is 0; there must be 1 or more$"):
        Checkpoint(tmp_path, keep=0)


def test_a_relative_path_is_taken_from_here(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(1, checkpoint="here")
    assert steps(tmp_path / "here") == [1]
