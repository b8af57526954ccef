import os
import signal
import subprocess
import sys
import textwrap
import threading
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from training.broken_off import press_in_epoch

from bcejax.data import Batch
from bcejax.losses import bce_with_logits
from bcejax.models import MLP, LogisticRegression
from bcejax.training import (
    EarlyStopping,
    Status,
    epoch_order,
    fit,
    init_state,
    loop,
    train_epochs,
)

SGD = optax.sgd(0.05)
COLUMNS = ("loss", "accuracy", "validation_loss", "validation_accuracy")


def arrays(model):
    return jax.tree.map(np.array, nnx.state(model))


def assert_same(one, two):
    jax.tree.map(np.testing.assert_array_equal, one, two)


def assert_same_history(one, two):
    for name in (*COLUMNS, "epochs", "best_epoch", "status", "message"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def assert_alive(model):
    for array in jax.tree.leaves(nnx.state(model)):
        assert not array.is_deleted()
    assert np.isfinite(model(np.ones((2, 3), np.float32))).all()


@pytest.fixture
def run(make_model, train, validation, key):
    """Fit a fresh model: the model and its history."""

    def run(model=None, batch=train, **options):
        model = make_model() if model is None else model
        options = {"key": key, "epochs": 4, "batch_size": 8, "progress": False} | options
        options.setdefault("validation", validation)
        return model, fit(model, batch, **options)

    return run


def test_is_train_epochs_with_the_orders_of_the_key(
    run, make_model, train, validation, key, assert_close
):
    model, history = run()
    order = np.stack([epoch_order(key, epoch, 22) for epoch in range(4)])
    state, expected = train_epochs(
        init_state(make_model()), train, order, batch_size=8, validation=validation
    )
    assert_close(nnx.state(model, nnx.Param), state.params)
    for name in COLUMNS:
        assert_close(getattr(history, name), getattr(expected, name))
        assert isinstance(getattr(history, name), np.ndarray)
    assert (history.epochs, history.status, history.best_epoch) == (4, Status.FINISHED, 0)
    assert isinstance(history.status, Status)
    assert history.message.startswith("finished 4 epochs; the model holds epoch 4: loss 0.")


def test_learns(adam, key):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(500, 3))
    batch = Batch(inputs, (inputs @ [2.0, -1.0, 0.0] > 0).astype(int))
    model = LogisticRegression(3, rngs=nnx.Rngs(0))
    history = fit(model, batch, key=key, optimizer=adam, progress=False)
    assert history.accuracy[-1] > 0.97
    ratio = model.coefficients[...][0] / model.coefficients[...][1]
    assert ratio == pytest.approx(-2, abs=0.3)


def test_the_key_decides_everything(run):
    (one, first), (two, second), (_, third) = run(), run(), run(key=jax.random.key(8))
    assert_same(arrays(one), arrays(two))
    assert_same_history(first, second)
    assert not np.array_equal(first.loss, third.loss)


def test_progress_and_chunks_change_nothing(run, monkeypatch, capfd):
    model, history = run(epochs=7)
    assert capfd.readouterr() == ("", "")
    shown, same = run(epochs=7, progress=True)
    assert "epoch 7/7" in capfd.readouterr().err
    assert_same(arrays(shown), arrays(model))
    assert_same_history(same, history)
    monkeypatch.setattr(loop, "_VISIT", 0.0)  # a visit after each epoch
    chunked, same = run(epochs=7)
    assert_same(arrays(chunked), arrays(model))
    assert_same_history(same, history)


def test_the_callers_arrays_are_left_alone(run, make_model, train, validation):
    batch, judged = (jax.tree.map(jnp.float32, b) for b in (train, validation))
    model = make_model()
    before = jax.tree.leaves(nnx.state(model))
    values = [np.array(a) for a in before]
    run(model, batch, validation=judged)
    assert not any(a.is_deleted() for a in jax.tree.leaves((batch, judged, before)))
    assert_same(before, values)
    assert_same(batch, jax.tree.map(np.float32, train))
    assert_alive(model)
    _, history = run(model, batch, validation=judged)  # goes on from there
    assert history.loss[0] < run()[1].loss[0]


def test_early_stopping_does_not_depend_on_chunks(run, monkeypatch, adam, assert_close):
    stop = EarlyStopping(3)
    model, history = run(epochs=40, optimizer=adam, early_stopping=stop)
    assert history.status == Status.EARLY_STOPPED
    assert history.epochs == history.best_epoch + 3 < 40
    assert len(history.loss) == len(history.validation_accuracy) == history.epochs
    assert history.best_epoch == np.argmin(history.validation_loss) + 1
    assert f"stopped early after epoch {history.epochs}; the model holds epoch" in history.message
    best, _ = run(epochs=history.best_epoch, optimizer=adam)
    assert_close(arrays(model), arrays(best), ulps=1000)  # the epoch before is 1e6 ulp away
    monkeypatch.setattr(loop, "_VISIT", 0.0)
    chunked, same = run(epochs=40, optimizer=adam, early_stopping=stop)
    assert_same(arrays(chunked), arrays(model))
    assert_same_history(same, history)


def test_the_best_epoch_is_restored_after_the_last_one_too(run, adam, assert_close):
    stop = EarlyStopping(3)
    _, whole = run(epochs=40, optimizer=adam, early_stopping=stop)
    epochs = whole.best_epoch + 2
    model, history = run(epochs=epochs, optimizer=adam, early_stopping=stop)
    assert history.status == Status.FINISHED
    assert history.best_epoch == whole.best_epoch
    best, _ = run(epochs=history.best_epoch, optimizer=adam)
    assert_close(arrays(model), arrays(best), ulps=1000)


def exploding(logits, labels):
    """Turns infinite once the logits have grown."""
    return jnp.where(jnp.abs(logits) < 50, -jnp.abs(logits), jnp.inf)


def test_divergence_names_the_epoch_and_the_learning_rate(run):
    with pytest.warns(RuntimeWarning) as caught:
        model, history = run(epochs=40, optimizer=SGD, loss=exploding)
    assert history.status == Status.DIVERGED
    assert 0 < history.epochs < 40
    assert np.isfinite(history.loss).all()
    assert len(history.loss) == history.epochs
    (warning,) = caught
    assert str(warning.message).startswith(
        f"training diverged in epoch {history.epochs + 1}: loss or parameters not finite; "
        f"the model holds epoch {history.epochs}: loss "
    )
    assert str(warning.message).endswith("; likely cause: the learning rate is too large")
    last, _ = run(epochs=history.epochs, optimizer=SGD, loss=exploding)
    assert_same(arrays(model), arrays(last))


def test_divergence_names_inputs_that_are_not_standardised(run, make_model, train):
    inputs = train.inputs * [1, -1e30, 1]
    column = int(np.abs(inputs).max(0).argmax())
    with pytest.warns(RuntimeWarning, match=rf"inputs not standardised \(column {column} reaches"):
        model, history = run(
            batch=train._replace(inputs=inputs), validation=None, optimizer=optax.sgd(1e9)
        )
    assert history.epochs == 0
    assert history.loss.shape == (0,)
    assert_same(arrays(model), arrays(make_model()))
    assert_alive(model)


def test_ctrl_c_leaves_the_last_finished_epoch(run, make_model, monkeypatch):
    expected, _ = run(epochs=3)
    press_in_epoch(monkeypatch, loop, 2)
    model = make_model()
    with pytest.raises(KeyboardInterrupt):
        run(model, epochs=50)
    assert_same(arrays(model), arrays(expected))
    assert_alive(model)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


class Pressing(int):
    """A batch size at which Ctrl-C comes."""

    def __int__(self):
        os.kill(os.getpid(), signal.SIGINT)
        return 8


def test_ctrl_c_in_preparation_waits_until_nothing_compares_trees(run, make_model):
    """JAX would turn a ``KeyboardInterrupt`` that comes as it does into a ``ValueError``."""
    model, presses = make_model(), []
    old = signal.signal(signal.SIGINT, lambda number, frame: presses.append(number))
    try:
        _, history = run(model, batch_size=Pressing(8))
    finally:
        signal.signal(signal.SIGINT, old)
    assert presses == [signal.SIGINT]
    assert history.message == "interrupted after epoch 0; the model holds epoch 0"
    assert_same(arrays(model), arrays(make_model()))
    with pytest.raises(KeyboardInterrupt):
        run(model, batch_size=Pressing(8))
    assert_alive(model)


def test_ctrl_c_under_early_stopping_leaves_the_last_epoch_not_the_best(
    run, make_model, monkeypatch, adam, assert_close
):
    _, whole = run(epochs=40, optimizer=adam, early_stopping=EarlyStopping(3))
    expected, _ = run(epochs=whole.best_epoch + 2, optimizer=adam)
    press_in_epoch(monkeypatch, loop, whole.best_epoch + 1)
    model = make_model()
    with pytest.raises(KeyboardInterrupt):
        run(model, epochs=40, optimizer=adam, early_stopping=EarlyStopping(3))
    assert_close(arrays(model), arrays(expected), ulps=1000)


def test_a_second_ctrl_c_does_not_wait(run, make_model, monkeypatch):
    under_way, _ = run(epochs=3)
    press_in_epoch(monkeypatch, loop, 2, times=2)
    monkeypatch.setattr(loop, "wait", lambda array, pressed: pressed() < 2)
    model = make_model()
    with pytest.raises(KeyboardInterrupt):
        run(model, epochs=50)
    assert_same(arrays(model), arrays(under_way))
    assert_alive(model)


def test_a_handler_of_the_callers_gets_the_press_and_the_history(run, monkeypatch):
    presses = []
    press_in_epoch(monkeypatch, loop, 2)
    old = signal.signal(signal.SIGINT, lambda number, frame: presses.append(number))
    try:
        model, history = run(epochs=50)
    finally:
        signal.signal(signal.SIGINT, old)
    assert presses == [signal.SIGINT]
    assert (history.status, history.epochs) == (Status.INTERRUPTED, 3)
    assert history.message.startswith("interrupted after epoch 3; the model holds epoch 3: loss")
    assert_alive(model)


def test_an_error_on_the_way_leaves_the_last_finished_epoch(run, make_model, monkeypatch):
    expected, _ = run(epochs=2)

    def failing(words, epoch, n):
        if epoch == 2:
            raise OSError("no more orders")
        return epoch_order_of(words, epoch, n)

    epoch_order_of = loop.draw_order
    monkeypatch.setattr(loop, "draw_order", failing)
    monkeypatch.setattr(loop, "_VISIT", 0.0)
    model = make_model()
    with pytest.raises(OSError, match="no more orders"):
        run(model)
    assert_same(arrays(model), arrays(expected))


def test_an_error_inside_the_program_leaves_the_model_as_it_was(run, make_model):
    calls = 0

    def fail(logits):
        nonlocal calls
        calls += 1
        if calls > 4:
            raise OSError("no more losses")
        return logits

    def loss(logits, labels):
        seen = jax.pure_callback(fail, logits, jax.lax.stop_gradient(logits))
        return bce_with_logits(logits, labels) + 0 * seen

    model = make_model()
    with pytest.raises(jax.errors.JaxRuntimeError, match="no more losses"):
        run(model, loss=loss, validation=None)
    assert_same(arrays(model), arrays(make_model()))
    assert_alive(model)


def test_other_threads_may_fit(run):
    expected, _ = run()
    found = []
    thread = threading.Thread(target=lambda: found.append(run()[0]))
    thread.start()
    thread.join()
    assert_same(arrays(found[0]), arrays(expected))


SCRIPT = """
    import signal, threading, time
    import jax, numpy as np
    from flax import nnx
    from bcejax.data import Batch
    from bcejax.models import MLP
    from bcejax.training import fit
    def tell():
        while signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            time.sleep(0.01)
        print("trains", flush=True)
    rng = np.random.default_rng(0)
    batch = Batch(rng.normal(size=(1000, 3)), rng.integers(0, 2, 1000))
    model = MLP(3, rngs=nnx.Rngs(0))
    start = model(batch.inputs)
    fit(model, batch, key=jax.random.key(0), progress=False)
    threading.Thread(target=tell).start()
    try:
        fit(model, batch, key=jax.random.key(0), epochs=10**9, progress=False)
    except KeyboardInterrupt:
        assert np.isfinite(model(batch.inputs)).all()
        assert not np.allclose(model(batch.inputs), start, atol=1e-3)
        print("interrupted", flush=True)
"""


def test_ctrl_c_from_outside():
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "trains\n"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == ("interrupted\n", 0)


def test_dropout_and_batch_statistics_are_carried_along(run, make_noisy, monkeypatch):
    model, history = run(make_noisy(), early_stopping=EarlyStopping(9))
    assert model.dropout.rngs.count[...] == history.best_epoch * 3
    assert not np.allclose(model.norm.mean[...], 0)
    monkeypatch.setattr(loop, "_VISIT", 0.0)
    chunked, same = run(make_noisy(), early_stopping=EarlyStopping(9))
    assert_same_history(same, history)
    model.eval(), chunked.eval()
    assert_same(model(np.ones((2, 3))), chunked(np.ones((2, 3))))


def test_a_bfloat16_model(run, adam):
    model = MLP(3, (4,), rngs=nnx.Rngs(0), dtype=jnp.bfloat16)
    model, history = run(model, optimizer=adam)
    assert {a.dtype for a in jax.tree.leaves(nnx.state(model))} == {jnp.dtype("float32")}
    assert history.loss.dtype == np.float32
    assert history.loss[-1] < history.loss[0]


def test_float64_parameters_train_in_float64(run):
    with jax.enable_x64(True):
        model = LogisticRegression(3, rngs=nnx.Rngs(0), param_dtype=jnp.float64)
        model, history = run(model)
        assert {a.dtype for a in jax.tree.leaves(nnx.state(model))} == {jnp.dtype("float64")}
        assert history.loss.dtype == np.float64


@pytest.mark.parametrize(
    ("options", "error", "line"),
    [
        ({"epochs": 0}, ValueError, "epochs is 0; there must be 1 or more"),
        ({"epochs": 2.5}, TypeError, "epochs is 2.5; it must be an integer"),
        ({"batch_size": 0}, ValueError, "batch_size is 0; there must be 1 or more"),
        ({"batch_size": "32"}, TypeError, "batch_size is '32'; it must be an integer"),
        (
            {"key": 0},
            TypeError,
            "key must be one random key, such as jax.random.key(0); got int of shape ()",
        ),
        ({"early_stopping": 3}, TypeError, "early_stopping must be an EarlyStopping, got 3"),
        ({"checkpoint": 3}, TypeError, "checkpoint must be a path or a Checkpoint, got 3"),
        (
            {"optimizer": "adam"},
            TypeError,
            "optimizer must be an optax.GradientTransformation, such as optax.adam(1e-3), got str",
        ),
        (
            {"validation": Batch(np.ones((5, 2)), np.ones(5))},
            ValueError,
            "validation inputs must be (n, 3), as those of train; got (5, 2)",
        ),
        (
            {"batch": Batch(np.ones((5, 2)), np.ones(5)), "validation": None},
            ValueError,
            "MLP takes inputs (..., 3), one column per feature; got (5, 2)",
        ),
        (
            {"early_stopping": EarlyStopping(1, monitor="validation_loss"), "validation": None},
            ValueError,
            "early_stopping monitors 'validation_loss', but there is no validation set",
        ),
        (
            {"loss": lambda logits, labels: jnp.mean(logits)},
            ValueError,
            "the loss must give one number per example, shape (8,); got ()",
        ),
    ],
)
def test_refuses_what_cannot_be_used_in_one_line(run, make_model, options, error, line):
    model = make_model()
    with pytest.raises(error) as caught:
        run(model, **options)
    assert str(caught.value) == line
    assert_same(arrays(model), arrays(make_model()))
    assert_alive(model)


def test_a_key_is_required(make_model, train):
    with pytest.raises(TypeError, match=r"missing 1 required keyword-only argument: 'key'"):
        fit(make_model(), train)


def test_says_nothing_when_all_is_well(run):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run()
