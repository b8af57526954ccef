"""Training on shards against training on arrays, and against itself cut into pieces."""

import os
import random
import signal
import subprocess
import sys
import textwrap

import jax
import numpy as np
import optax
import pytest
from flax import nnx

from bcejax.data import Batch
from bcejax.data.layouts import CorruptShardError
from bcejax.data.shards import open_shards
from bcejax.data.streams import read_batches
from bcejax.models import MLP
from bcejax.training import (
    Checkpoint,
    EarlyStopping,
    Status,
    courses,
    init_state,
    streaming,
    train_step,
)
from bcejax.training.checkpoints import Store
from bcejax.training.streaming import fit_stream

ROWS = (40, 31, 60, 25)  # of each shard: 156 rows, so that batches of 8 leave one of 4
SLOW, STOP = optax.adam(0.03), EarlyStopping(2, min_delta=0.01)
OPTIONS = {"batch_size": 8, "window": 70, "progress": False}


def write_shards(folder, seed=0, wrong=0.0, **changes):
    rng = np.random.default_rng(seed)
    for number, rows in enumerate(ROWS):
        x = rng.normal(size=(rows, 3)).astype(np.float32)
        labels = (x[:, 0] > 0) ^ (rng.random(rows) < wrong)
        columns = {"x": x, "y": labels, "w": rng.uniform(0.5, 2, rows)} | changes
        np.savez(folder / f"{number}.npz", **columns)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    write_shards(folder)
    return folder


@pytest.fixture(scope="module")
def shards(folder):
    return open_shards(folder, label="y", weights="w")


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """To judge by: a tenth of the labels is wrong, which punishes what is sure of itself."""
    folder = tmp_path_factory.mktemp("others")
    write_shards(folder, seed=1, wrong=0.1)
    return folder


@pytest.fixture(scope="module")
def judged(others):
    return open_shards(others, label="y", weights="w")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 5 batches of 8, so that an epoch has several."""
    monkeypatch.setattr(courses, "_NUMBERS", 5 * 8 * 3)


@pytest.fixture
def run(shards, make_model, adam, key):
    def run(model=None, shards=shards, **options):
        model = make_model() if model is None else model
        options = OPTIONS | {"optimizer": adam, "key": key, "epochs": 2} | options
        return model, fit_stream(model, shards, **options)

    return run


@pytest.fixture
def stopped(run, judged):
    """As ``run``, judged after each epoch on other shards, and stopped."""

    def stopped(**options):
        options = {"optimizer": SLOW, "early_stopping": STOP, "epochs": 9} | options
        return run(**{"validation": judged} | options)

    return stopped


def arrays(model):
    return [np.array(a) for a in jax.tree.leaves(nnx.state(model))]


def assert_same(one, two):
    (model, history), (other, expected) = one, two
    jax.tree.map(np.testing.assert_array_equal, arrays(model), arrays(other))
    for name in history.__dataclass_fields__:
        if name != "skipped":
            np.testing.assert_array_equal(getattr(history, name), getattr(expected, name))
    assert history.skipped == expected.skipped


def test_equals_a_loop_of_steps_over_the_batches(run, shards, make_model, adam, key, assert_close):
    model, history = run()
    words = jax.random.key_data(key).tolist()
    state, losses = init_state(make_model(), adam), []
    for epoch in range(2):
        sums = np.zeros(2)
        for piece in read_batches(shards, 8, seed=words, epoch=epoch, window=70):
            state, metrics = train_step(state, piece.batch)
            sums += float(metrics.weight) * np.array([float(metrics.loss), 1])
        losses.append(sums[0] / sums[1])
    assert_close(nnx.state(model, nnx.Param), state.params, ulps=64)
    np.testing.assert_allclose(history.loss, losses, rtol=1e-5)
    assert int(state.step) == 2 * 20
    assert history.status == Status.FINISHED
    assert history.message.startswith("finished 2 epochs; the model holds epoch 2: loss ")


def test_the_same_whatever_surrounds_it(run, tmp_path, validation, capfd):
    whole = run(validation=validation)
    assert capfd.readouterr() == ("", "")
    assert whole[1].validation_loss.shape == (2,)
    assert whole[1].validation_loss[1] < whole[1].validation_loss[0]
    assert_same(run(validation=validation, prefetch=0), whole)
    assert_same(run(validation=validation, prefetch=3, progress=True), whole)
    assert "epoch 2/2  loss" in capfd.readouterr().err
    # in two parts; and once more, when there is nothing left to do
    run(validation=validation, epochs=1, checkpoint=tmp_path)
    for _ in range(2):
        assert_same(run(validation=validation, checkpoint=tmp_path), whole)


def test_shards_judge_as_a_batch_of_the_same_rows(run, judged):
    streamed = run(validation=judged)
    batch = next(read_batches(judged, judged.rows, seed=None)).batch
    other = run(validation=batch)
    jax.tree.map(np.testing.assert_array_equal, arrays(streamed[0]), arrays(other[0]))
    for name in ("validation_loss", "validation_accuracy"):
        found, expected = (getattr(each[1], name) for each in (streamed, other))
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_training_set_may_judge_too(run, shards):
    still = optax.sgd(0.0)
    _, history = run(validation=shards, optimizer=still)
    np.testing.assert_allclose(history.validation_loss, history.loss, rtol=1e-5)


def test_stops_early_and_ends_with_the_best_epoch(stopped):
    model, history = stopped()
    assert history.status == Status.EARLY_STOPPED
    best = int(history.validation_loss.argmin()) + 1
    assert (history.epochs, history.best_epoch) == (best + STOP.patience, best)
    assert best > 1
    assert history.message.startswith(f"stopped early after epoch {best + 2}; the model holds")
    kept, shorter = stopped(epochs=best, early_stopping=None)
    jax.tree.map(np.testing.assert_array_equal, arrays(model), arrays(kept))
    np.testing.assert_array_equal(history.validation_loss[:best], shorter.validation_loss)
    last, history = stopped(early_stopping=EarlyStopping(2, 0.01, restore_best=False))
    assert history.best_epoch == best
    jax.tree.map(
        np.testing.assert_array_equal,
        arrays(last),
        arrays(stopped(epochs=best + 2, early_stopping=None)[0]),
    )


class Killed(BaseException):
    """As sudden as a signal: nothing may be written after it."""


def test_killed_at_any_block_and_called_again_equals_the_undisturbed(
    stopped, tmp_path, monkeypatch
):
    """At and between checkpoints, written after every block, every second or every third."""
    whole = stopped()
    chance = random.Random(0)
    take, write = courses.Course._take, Store.write
    left, deaths = 0, []

    def taking(self, piece):
        nonlocal left
        left -= 1
        if left < 0:
            monkeypatch.setattr(Store, "write", lambda *_: None)
            raise Killed
        take(self, piece)

    monkeypatch.setattr(courses.Course, "_take", taking)
    for number in range(3):
        deaths.append(0)
        while True:
            left = chance.randrange(1, 4) if deaths[-1] < 5 else 100
            monkeypatch.setattr(Store, "write", write)
            try:
                resumed = stopped(checkpoint=Checkpoint(tmp_path / str(number), every=1 + number))
                break
            except Killed:
                deaths[-1] += 1
        assert_same(resumed, whole)
    assert min(deaths) >= 2


CHILD = """
    import os, signal, sys
    import jax, numpy as np, optax
    from flax import nnx
    from bcejax.data.shards import open_shards
    from bcejax.models import MLP
    from bcejax.training import Checkpoint, EarlyStopping, courses
    from bcejax.training.streaming import fit_stream

    data, others, folder = sys.argv[1:]
    courses._NUMBERS = 5 * 8 * 3
    take = courses.Course._take

    def taking(self, piece):
        take(self, piece)
        if self.number == 14:
            os.kill(os.getpid(), signal.SIGKILL)

    courses.Course._take = taking
    fit_stream(
        MLP(3, (4,), rngs=nnx.Rngs(0)), open_shards(data, label="y", weights="w"),
        validation=open_shards(others, label="y", weights="w"), optimizer=optax.adam(0.03),
        early_stopping=EarlyStopping(2, min_delta=0.01), epochs=9, key=jax.random.key(7),
        checkpoint=Checkpoint(folder, every=2), batch_size=8, window=70, progress=False,
    )
"""


def test_killed_by_the_system_and_called_again(stopped, folder, others, tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(CHILD), folder, others, tmp_path]
    assert subprocess.run(command, timeout=120, check=False).returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == ["12"]  # the best epoch is over
    assert_same(stopped(checkpoint=tmp_path), stopped())


def test_ctrl_c_is_resumed(run, make_model, tmp_path, monkeypatch):
    whole, take = run(), courses.Course._take

    def taking(self, piece):
        take(self, piece)
        if self.number == 3:
            os.kill(os.getpid(), signal.SIGINT)

    model = make_model()
    with monkeypatch.context() as patch:
        patch.setattr(courses.Course, "_take", taking)
        with pytest.raises(KeyboardInterrupt):
            run(model=model, checkpoint=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["3"]
    assert not np.array_equal(arrays(model)[0], arrays(make_model())[0])
    assert_same(run(checkpoint=tmp_path), whole)


def test_ctrl_c_while_it_judges_is_resumed(stopped, make_model, tmp_path, monkeypatch):
    whole, judge = stopped(), courses.judge
    model, judgements = make_model(), []

    def judging(*arguments):
        judgements.append(arguments)
        if len(judgements) == 6:  # two pieces of the second epoch's four are judged by then
            os.kill(os.getpid(), signal.SIGINT)
        return judge(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(courses, "judge", judging)
        with pytest.raises(KeyboardInterrupt):
            stopped(model=model, checkpoint=tmp_path)
    assert len(judgements) == 6
    shorter, _ = stopped(epochs=2, early_stopping=None)
    jax.tree.map(np.testing.assert_array_equal, arrays(model), arrays(shorter))
    assert_same(stopped(checkpoint=tmp_path), whole)


def broken(folder, number):
    """The middle of an archive is overwritten: its heads and foot are whole."""
    path = folder / f"{number}.npz"
    data = bytearray(path.read_bytes())
    place = data.index(np.load(path)["x"].tobytes()[400:420])
    data[place : place + 20] = bytes(20)
    path.write_bytes(data)


def test_a_broken_shard_stops_training_cleanly(run, make_model, tmp_path):
    data, saved = tmp_path / "data", tmp_path / "saved"
    data.mkdir()
    write_shards(data)
    whole = run(shards=open_shards(data, label="y", weights="w"))
    good = (data / "2.npz").read_bytes()
    shards = open_shards(data, label="y", weights="w")
    broken(data, 2)
    model = make_model()
    with pytest.raises(CorruptShardError, match=r"2\.npz is not a whole npz archive: Bad CRC-32"):
        run(model=model, shards=shards, checkpoint=saved)
    assert np.isfinite(arrays(model)[0]).all()
    (data / "2.npz").write_bytes(good)  # mended, it goes on
    assert_same(run(shards=shards, checkpoint=saved), whole)


def test_skips_what_is_broken_counts_it_and_says_so(run, tmp_path):
    data, saved = tmp_path / "data", tmp_path / "saved"
    data.mkdir()
    write_shards(data)
    (data / "0.npz").write_bytes(b"no archive")
    shards = open_shards(data, label="y", weights="w", skip_corrupt=True)
    broken(data, 3)
    line = (
        r"^skipped 2 corrupt parts of the shards, 25 rows and more: .*0\.npz is .*\(and 1 more\)$"
    )
    with pytest.warns(RuntimeWarning, match=line):
        whole = run(shards=shards)
    assert [(fault.name, fault.rows) for fault in whole[1].skipped] == [
        (str(data / "0.npz"), None),
        (str(data / "3.npz"), 25),
    ]
    with pytest.warns(RuntimeWarning, match=line):
        run(shards=shards, epochs=1, checkpoint=saved)
    with pytest.warns(RuntimeWarning, match=line):  # the checkpoint remembers them
        assert_same(run(shards=shards, checkpoint=saved), whole)
    for number in (1, 2):
        broken(data, number)
    with pytest.raises(CorruptShardError, match=r"^no row of the shards can be read$"):
        run(shards=shards)


def test_broken_shards_to_judge_by_end_training_or_are_skipped(run, make_model, tmp_path):
    data, saved = tmp_path / "data", tmp_path / "saved"
    data.mkdir()
    write_shards(data, seed=1)
    shards = open_shards(data, label="y", weights="w")
    whole = run(validation=shards)
    good = (data / "2.npz").read_bytes()
    broken(data, 2)
    model = make_model()
    with pytest.raises(CorruptShardError, match=r"2\.npz is not a whole npz archive: Bad CRC-32"):
        run(model=model, validation=shards, checkpoint=saved)
    assert_same((model, whole[1]), (run(epochs=1)[0], whole[1]))  # an epoch was learnt
    (data / "2.npz").write_bytes(good)
    assert_same(run(validation=shards, checkpoint=saved), whole)
    shards = open_shards(data, label="y", weights="w", skip_corrupt=True)
    broken(data, 2)
    with pytest.warns(RuntimeWarning, match=r"^skipped 1 corrupt part of the shards, 60 rows: "):
        _, history = run(validation=shards)
    assert history.validation_loss.shape == (2,)
    for number in (0, 1, 3):
        broken(data, number)
    with pytest.raises(CorruptShardError, match=r"^no row of the validation shards can be read$"):
        run(validation=shards)


def test_a_label_that_makes_no_sense_stops_training(run, tmp_path):
    write_shards(tmp_path, y=np.full(40, 85.0))
    shards = open_shards(tmp_path / "0.npz", label="y", weights="w", skip_corrupt=True)
    with pytest.raises(ValueError, match=r"0\.npz, row 0 .*, column 'y': .* percentages by 100$"):
        run(shards=shards)


def test_divergence_keeps_the_block_before(run, make_model):
    model = make_model()
    wild = optax.chain(optax.sgd(1.0), optax.scale_by_schedule(lambda n: 1e38 * (n >= 7)))
    with pytest.warns(RuntimeWarning, match="diverged in epoch 1: .*; the model holds step 5; "):
        _, history = run(model=model, optimizer=wild)
    assert history.status == Status.DIVERGED
    assert history.loss.shape == (0,)
    jax.tree.map(np.testing.assert_array_equal, arrays(model), arrays(make_model()))


def test_divergence_leaves_the_best_epoch_where_that_is_restored(stopped):
    wild = optax.chain(SLOW, optax.scale_by_schedule(lambda n: 1 + 1e38 * (n >= 50)))
    with pytest.warns(RuntimeWarning, match="diverged in epoch 3: .*; the model holds epoch 2: "):
        model, history = stopped(optimizer=wild)
    assert (history.status, history.best_epoch) == (Status.DIVERGED, 2)
    kept, _ = stopped(optimizer=wild, epochs=2)
    jax.tree.map(np.testing.assert_array_equal, arrays(model), arrays(kept))


def test_a_loss_that_is_not_finite_on_other_data_is_divergence(run, validation):
    far = validation._replace(inputs=np.full((13, 3), 1e38))
    with pytest.warns(RuntimeWarning, match="diverged in epoch 1: .*; the model holds step 20; "):
        _, history = run(validation=far)
    assert history.validation_loss.shape == (0,)


def test_refuses_the_checkpoint_of_another_fit(run, shards, folder, validation, adam, tmp_path):
    run(epochs=1, checkpoint=tmp_path)
    others = {
        "model": {"model": MLP(3, (5,), rngs=nnx.Rngs(0))},
        "training set": {"shards": open_shards(folder / "[12].npz", label="y", weights="w")},
        "validation set": {"validation": validation},
        "batch_size": {"batch_size": 4},
        "early_stopping": {"early_stopping": EarlyStopping(2)},
        "window": {"window": 60},
        "key": {"key": jax.random.key(8)},
        "program of model, optimizer and loss": {"optimizer": optax.adam(0.2)},
    }
    for part, options in others.items():
        with pytest.raises(ValueError, match=rf"is of another fit: {part} was .*, now ") as caught:
            run(checkpoint=tmp_path, **options)
        assert "\n" not in str(caught.value)
    run(epochs=2, checkpoint=tmp_path)
    with pytest.raises(ValueError, match=r"holds epoch 2 already, more than epochs=1$"):
        run(epochs=1, checkpoint=tmp_path)


def test_refuses_arguments_in_one_line(run, folder, train, make_model, monkeypatch):
    with pytest.raises(TypeError, match=r"^shards must be a ShardSet from open_shards, got Batch$"):
        run(shards=train)
    with pytest.raises(ValueError, match=r"^epochs is 0; there must be 1 or more$"):
        run(epochs=0)
    with pytest.raises(ValueError, match=r"^validation inputs must be \(n, 3\)"):
        run(validation=Batch(np.zeros((2, 4)), np.zeros(2)))
    other = open_shards(folder, label="y", features=["x_2"])
    with pytest.raises(ValueError, match=r"^validation must have the features of shards, \('x_0',"):
        run(validation=other)
    with pytest.raises(TypeError, match=r"^early_stopping must be an EarlyStopping, got 3$"):
        run(early_stopping=3)
    with pytest.raises(TypeError, match=r"^mesh must be a jax.sharding.Mesh, got 8$"):
        run(mesh=8)
    with monkeypatch.context() as patch:
        patch.setattr(streaming, "train_model", None)  # before anything is read
        with pytest.raises(ValueError, match=r"^early_stopping monitors 'validation_loss', but"):
            run(early_stopping=EarlyStopping(2, monitor="validation_loss"))
    with pytest.raises(ValueError, match=r"^prefetch is -1; there must be 0 or more$"):
        run(prefetch=-1)
    with pytest.raises(ValueError, match=r"inputs \(\.\.\., 3\).*got \(8, 2\)"):
        run(shards=open_shards(folder, label="y", features=["x_0", "x_1"]))
