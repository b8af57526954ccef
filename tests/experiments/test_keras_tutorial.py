import dataclasses
import importlib.util
import sys
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bcejax.data import Batch, Split
from experiments import untracked
from experiments.keras_tutorial import EXPERIMENT, agreement, peer, speed
from experiments.keras_tutorial.agreement import WEIGHT_BOUND, compare_with_keras
from experiments.keras_tutorial.reference import train_by_hand
from experiments.keras_tutorial.setting import Config, Task, layers_of
from experiments.keras_tutorial.ways import (
    KERAS_WAY,
    PLAIN_WAY,
    WAYS,
    keras_adam,
    keras_loss,
    train_way,
)

needs_keras = pytest.mark.skipif(
    importlib.util.find_spec("keras") is None, reason="needs keras, of the extra peers"
)


@pytest.fixture(scope="module")
def task():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(40, 3))
    labels = (inputs[:, 0] + rng.normal(size=40) > 0).astype(float)
    parts = Split(Batch(inputs[:30], labels[:30]), Batch(inputs[30:], labels[30:]))
    return Task(Config(hidden=4, epochs=3, batch_size=10, learning_rate=0.01), parts)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


@pytest.mark.parametrize("x64", [False, True])
def test_the_adam_of_keras_is_its_formula(x64):
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(50, 4)) * 10.0 ** np.arange(-9, -1, 2)
    with jax.enable_x64(x64):
        dtype = jnp.result_type(float)
        optimizer = keras_adam(0.001)
        w = jnp.zeros(4, dtype)
        state = optimizer.init(w)
        for gradient in gradients:
            update, state = optimizer.update(jnp.asarray(gradient, dtype), state)
            w = optax.apply_updates(w, update)
        got = np.asarray(w, np.float64)
    m, v, want = np.zeros(4), np.zeros(4), np.zeros(4)
    for t, gradient in enumerate(gradients, 1):
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        want -= 0.001 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-7)
    # float32: 1 - 0.999^t is off by eps / 2 (1 - 0.999^t) at t = 1, and 50 steps add up
    np.testing.assert_allclose(got, want, rtol=1e-13 if x64 else 1e-4)
    plain = 0.001 * 50
    assert abs(want[0]) < plain / 10  # epsilon rules where gradients are 1e-9


def test_the_clip_of_keras_caps_the_loss_and_takes_the_gradient():
    logits, labels = jnp.float32([-30, -5, 30]), jnp.float32([1, 1, 0])
    loss = keras_loss(logits, labels)
    slope = jax.vmap(jax.grad(keras_loss))(logits, labels)
    np.testing.assert_allclose(
        loss, [-np.log(1e-7), np.log1p(np.exp(5.0)), -np.log(2.0**-23)], rtol=1e-6
    )
    assert slope[0] == slope[2] == 0
    assert slope[1] < -0.99


def test_the_loop_of_numpy_is_the_training_of_the_plain_way(task):
    orders = task.orders()
    with jax.enable_x64(True):
        ours = train_way(PLAIN_WAY, task, orders, "float64")
    parts = task.rounded("float64")
    loss, seen = train_by_hand(layers_of(task.network()), parts, orders, rate=0.01, batch_size=10)
    np.testing.assert_allclose(ours.loss, loss, rtol=1e-13)
    np.testing.assert_allclose(ours.validation_loss, seen, rtol=1e-13)


def test_layers_start_alike_in_both_precisions(task):
    with jax.enable_x64(True):
        wide = layers_of(task.network("float64"))
    for (kernel, bias), (wider, _) in zip(layers_of(task.network()), wide, strict=True):
        assert kernel.shape[1:] == bias.shape
        assert wider.dtype == np.float64
        np.testing.assert_array_equal(kernel, wider)
    kernel, bias = layers_of(task.regression())[0]
    assert (kernel.shape, bias.shape) == ((3, 1), (1,))


@needs_keras
def test_keras_agrees_and_another_adam_is_told_from_its(task, monkeypatch):
    two = {way: WAYS[way] for way in (KERAS_WAY, PLAIN_WAY)}
    monkeypatch.setattr(agreement, "WAYS", two)  # half of the compiling
    keras, name = peer.find_keras()
    result = compare_with_keras(keras, name, task, untracked)
    assert result.verdict.holds
    columns = result.tables[0].columns
    rows = zip(columns["precision"], columns["way"], columns["weights"], strict=True)
    strayed = {way: distance for dtype, way, distance in rows if dtype == "float64"}
    assert strayed[KERAS_WAY] <= WEIGHT_BOUND < 1e-3 * strayed[PLAIN_WAY]


@needs_keras
def test_the_precision_of_keras_is_put_back():
    keras, _ = peer.find_keras()
    before = keras.config.floatx(), keras.config.dtype_policy().name
    with peer.computing_in(keras, "float64"):
        inside = keras.config.floatx(), keras.config.dtype_policy().name
    assert inside == ("float64", "float64")
    assert (keras.config.floatx(), keras.config.dtype_policy().name) == before


def test_without_keras_there_is_still_a_verdict_and_it_can_fail(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    result = EXPERIMENT.run(dataclasses.replace(EXPERIMENT.tiny, gain=10.0))
    (failed,) = [claim for claim in result.verdict.claims if not claim.holds]
    assert failed.text.startswith("gain of the network")
    assert "Keras is not installed" in result.verdict.answer
    assert not any("Keras 3" in claim.text for claim in result.verdict.claims)


def test_keras_on_another_backend_is_left_alone(monkeypatch):
    other = SimpleNamespace(
        __spec__=object(), backend=SimpleNamespace(backend=lambda: "torch"), __version__="3"
    )
    monkeypatch.setitem(sys.modules, "keras", other)
    assert peer.find_keras() == (None, "Keras was already loaded with the torch backend")


@needs_keras
def test_the_race_is_measured_where_it_is_asked_for(task):
    keras, name = peer.find_keras()
    config = Config(hidden=4, epochs=1, batch_size=10, repeats=2)
    train, _ = task.rounded("float32")
    result = speed.race_keras(keras, name, Task(config, task.parts), train, untracked)
    (claim,) = result.verdict.claims
    assert claim.value > 0
    assert len(result.tables[0].columns["contestant"]) == 4
