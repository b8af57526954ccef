"""Each member against ``fit`` alone; how members end; devices in a process of their own."""

import os
import re
import signal
import threading

import devices
import jax
import numpy as np
import optax
import pytest
from flax import nnx

from bcejax.data.resampling import resample_counts, resampling
from bcejax.models import LogisticRegression
from bcejax.training import EarlyStopping, Status, fit
from bcejax.training.ensembles import fit_ensemble, loop

SGD = optax.sgd(0.05)
COLUMNS = ("loss", "accuracy", "validation_loss", "validation_accuracy")
STOP = EarlyStopping(2, min_delta=0.01)
KEY = jax.random.key(7)
QUIET = {"key": KEY, "batch_size": 8, "progress": False}


def small(rngs):
    return LogisticRegression(3, rngs=rngs)


def tenfold(rate):
    """In float32 a rate of 1e38 is infinite."""
    return optax.sgd(10 * rate)


@pytest.fixture
def shared(make_noisy, train, validation):
    """Three members with dropout and batch statistics that see the examples in one order."""
    options = {"n_models": 3, "epochs": 30, "optimizer": SGD, "early_stopping": STOP}

    def run(**more):
        kind = type(make_noisy())
        return fit_ensemble(kind, train, validation=validation, **QUIET | options | more)

    return run


def counts(n_models):
    return np.asarray(resample_counts(resampling(KEY, np.ones(22, bool)), 0, n_models))


@pytest.fixture
def bootstrap(train, monkeypatch):
    """Two members that differ in everything that members can differ in; chunks of 1, 3 and 1."""
    monkeypatch.setattr(loop, "_ROWS", 3)

    def run(rates, **more):
        options = {"n_models": 2, "epochs": 5, "optimizer": tenfold, "shared_order": False}
        options |= {"learning_rates": rates, "weights": counts(2)}
        return fit_ensemble(small, train._replace(weights=None), **QUIET | options | more)

    return run


def assert_member(ensemble, i, model, history, assert_close):
    assert_close(
        nnx.state(ensemble.model(i), nnx.Param),
        jax.tree.map(np.asarray, nnx.state(model, nnx.Param)),
        64,
    )
    done = int(history.epochs)
    for name in ("epochs", "best_epoch", "status"):
        assert getattr(ensemble.history, name)[i] == getattr(history, name)
    for name in COLUMNS:
        column, alone = getattr(ensemble.history, name), getattr(history, name)
        assert (column is None) == (alone is None)
        if column is not None:
            np.testing.assert_allclose(column[i, :done], alone, rtol=1e-4)
            assert np.isnan(column[i, done:]).all()


def test_members_are_fits_alone(shared, make_noisy, train, validation, assert_close):
    old = jax.random.key_data(KEY)  # a key of either kind
    ensemble = shared(key=old)
    assert len(set(ensemble.history.epochs.tolist())) > 1  # they did not all stop together
    options = {"validation": validation, "optimizer": SGD, "early_stopping": STOP, "epochs": 30}
    for i, key in enumerate(jax.random.split(KEY, 3)):
        model = type(make_noisy())(nnx.Rngs(key))
        history = fit(model, train, **QUIET | options)
        assert_member(ensemble, i, model, history, assert_close)
    assert ensemble.history.loss.shape == (3, max(ensemble.history.epochs))
    assert ensemble.history.message.startswith("3 models: ")
    logits = ensemble.logits(train.inputs)
    np.testing.assert_array_equal(logits, ensemble.logits(train.inputs))  # dropout is off
    model.eval()
    np.testing.assert_allclose(logits[2], model(np.float32(train.inputs)), rtol=1e-4, atol=1e-5)


def test_a_bootstrapped_member_is_a_weighted_fit_in_its_own_order(bootstrap, train, assert_close):
    ensemble = bootstrap((0.005, 0.02))
    model = small(nnx.Rngs(key := jax.random.split(KEY, 2)[1]))
    batch = train._replace(weights=counts(2)[1])
    history = fit(model, batch, optimizer=optax.sgd(0.2), epochs=5, **QUIET | {"key": key})
    assert_member(ensemble, 1, model, history, assert_close)


def test_a_member_that_diverges_is_flagged_and_leaves_the_others_alone(bootstrap):
    with pytest.warns(
        RuntimeWarning, match=r"^training of 2 models: 1 finished, 1 diverged; model 1"
    ):
        ensemble = bootstrap((0.005, 1e38))
    assert ensemble.history.status.tolist() == [Status.FINISHED, Status.DIVERGED]
    assert ensemble.history.epochs[0] == 5
    assert np.isfinite(ensemble.logits(np.ones((4, 3)))).all()
    alone = bootstrap((0.005, 0.02))
    np.testing.assert_array_equal(ensemble.history.loss[0], alone.history.loss[0])
    kept = jax.tree.map(lambda a: a[ensemble.history.status != Status.DIVERGED], ensemble)
    assert (kept.n_models, kept.logits(np.ones((4, 3))).shape) == (1, (1, 4))


def test_chunks_and_progress_change_nothing(shared, monkeypatch, capfd):
    whole = shared()
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(loop, "_VISIT", 0.0)  # a visit after each epoch
    chunked = shared(progress=True)
    jax.tree.map(np.testing.assert_array_equal, chunked.state.params, whole.state.params)
    np.testing.assert_array_equal(chunked.history.validation_loss, whole.history.validation_loss)
    assert re.search(r"epoch \d+/30  loss 0.\d{4}  accuracy", capfd.readouterr().err)


def test_ctrl_c_ends_it(shared, monkeypatch):
    press = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    advance = loop.advance_members

    def advance_then_press(*arrays, **static):
        advanced = advance(*arrays, **static)
        if press.ident is None:  # compiled by now; while JAX traces it may lose an interrupt
            press.start()
        return advanced

    monkeypatch.setattr(loop, "advance_members", advance_then_press)
    with pytest.raises(KeyboardInterrupt):
        shared(epochs=50_000, early_stopping=EarlyStopping(50_000))


FOUR_DEVICES = """
import jax, numpy as np, optax
from jax.sharding import Mesh
from bcejax.data import Batch
from bcejax.models import LogisticRegression
from bcejax.training import EarlyStopping
from bcejax.training.ensembles import entry, fit_ensemble, loop

rng = np.random.default_rng(0)
inputs = rng.normal(size=(22, 3))
train = Batch(inputs, (inputs[:, 0] > 0).astype(float))
weights = rng.integers(0, 3, (6, 22))
texts = []
advance = loop.advance_members

def watched(*arrays, **static):
    program = loop.program_on(static["mesh"])
    texts.append(program.lower(*arrays, **static).compile().as_text())
    return advance(*arrays, **static)

def make(rngs):
    return LogisticRegression(3, rngs=rngs)

def run(**mesh):  # six models: two places of the fourth device are spare
    return fit_ensemble(
        make, train, n_models=6, key=jax.random.key(1), epochs=12, batch_size=8,
        optimizer=optax.sgd, learning_rates=np.geomspace(0.01, 3, 6), shared_order=False,
        weights=weights, early_stopping=EarlyStopping(1, 0.01), progress=False, **mesh)

one = run(mesh=Mesh(np.array(jax.devices()[2:3]).reshape(1, 1), ("a", "b")))
loop.advance_members = watched
four = run()
assert len(four.state.step.devices()) == 4, four.state.step.devices()
assert one.state.step.devices() == {jax.devices()[2]}
for name in ("epochs", "status", "best_epoch"):
    np.testing.assert_array_equal(getattr(four.history, name), getattr(one.history, name))
assert len(set(four.history.epochs.tolist())) > 1
for a, b in zip(jax.tree.leaves(four.state.params), jax.tree.leaves(one.state.params)):
    assert a.shape == b.shape and len(a) == 6
    np.testing.assert_allclose(a, b, rtol=0, atol=64 * np.finfo(np.float32).eps * np.abs(b).max())
assert texts
for collective in ("all-reduce", "all-gather", "all-to-all", "collective-permute"):
    assert collective + "(" not in texts[0], collective
logits, last = four.logits(inputs), four.model(5)
np.testing.assert_allclose(four.mean_logits(inputs), one.mean_logits(inputs), atol=1e-4)
np.testing.assert_allclose(last(np.float32(inputs)), logits[5], atol=1e-5)
assert len(jax.tree.leaves(last)[0].devices()) == 1
assert entry.admit_mesh(None, 3).size == 3  # no more devices than models
with jax.default_device(jax.devices()[2]):
    assert entry.admit_mesh(None, 3).devices.tolist() == [jax.devices()[2]]
print("right")
"""


def test_four_devices_equal_one():
    assert devices.run(4, FOUR_DEVICES) == "right"


@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (ValueError, "n_models is 0; there must be 1 or more", {"n_models": 0}),
        (TypeError, "n_models is 2.0; it must be an integer", {"n_models": 2.0}),
        (ValueError, "epochs is 0; there must be 1 or more", {"epochs": 0}),
        (TypeError, "early_stopping must be an EarlyStopping, got 3", {"early_stopping": 3}),
        (
            TypeError,
            "key must be one random key, such as jax.random.key(0); got int of shape ()",
            {"key": 0},
        ),
        (TypeError, "mesh must be a jax.sharding.Mesh, got 4", {"mesh": 4}),
        (
            TypeError,
            "optimizer must be an optax.GradientTransformation, such as",
            {"optimizer": optax.adam},
        ),
        (
            TypeError,
            "optimizer must be a function of a learning rate, such as optax.adam, where",
            {"learning_rates": [0.1, 0.2]},
        ),
        (
            ValueError,
            "learning_rates must be (2,), one per model; got (3,)",
            {"optimizer": optax.adam, "learning_rates": [0.1, 0.2, 0.3]},
        ),
        (
            ValueError,
            "learning_rates must be finite and 0 or more, got [0.1, -1.0]",
            {"optimizer": optax.adam, "learning_rates": [0.1, -1]},
        ),
        (
            ValueError,
            "weights must be (2, 22), a row for each model; got (22,)",
            {"weights": np.ones(22)},
        ),
        (TypeError, "weights must be numbers, got <U1", {"weights": np.full((2, 22), "1")}),
        (
            ValueError,
            "weights must be finite and 0 or more; model 1, example 3 has nan",
            {"weights": np.where(np.arange(44).reshape(2, 22) == 25, np.nan, 1)},
        ),
        (
            ValueError,
            "weights of model 1 are all 0: nothing counts for it",
            {"weights": np.array([[1], [0]]) * np.ones(22)},
        ),
    ],
)
def test_refuses_in_one_line(train, error, message, options):
    with pytest.raises(error, match="^" + re.escape(message)) as caught:
        fit_ensemble(small, train._replace(weights=None), **{"n_models": 2} | QUIET | options)
    assert "\n" not in str(caught.value)


def test_refuses_other_models_and_two_kinds_of_weights(train):
    with pytest.raises(TypeError, match=r"^make_model must be a function of nnx.Rngs that makes a"):
        fit_ensemble(small(nnx.Rngs(0)), train, n_models=2, **QUIET)
    with pytest.raises(TypeError, match=r"^model must be a flax nnx.Module, got int"):
        fit_ensemble(lambda rngs: 3, train, n_models=2, **QUIET)
    with pytest.raises(ValueError, match=r"^weights and the weights of train are both given"):
        fit_ensemble(small, train, n_models=2, weights=counts(2), **QUIET)
    with pytest.raises(ValueError, match=r"takes inputs \(..., 4\), one column per feature"):
        fit_ensemble(lambda rngs: LogisticRegression(4, rngs=rngs), train, n_models=2, **QUIET)
