import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from bcejax.losses import bce_with_logits
from bcejax.models import MLP, LogisticRegression
from bcejax.training import (
    EarlyStopping,
    Status,
    epoch_order,
    evaluate,
    init_state,
    train_epochs,
    train_step,
)

SGD = optax.sgd(0.05)


def orders(key, epochs=30):
    """One shape for most tests, so that they share compiled programs; ``epochs`` cuts it short."""
    return np.stack([epoch_order(key, epoch, 22) for epoch in range(epochs)])


def pick(batch, rows):
    return jax.tree.map(lambda array: array[rows], batch)


def plain_loop(state, train, validation, order, batch_size):
    """The same epochs as a Python loop over jitted steps: states, figures (epochs, 4)."""
    states, figures = [], []
    for row in order:
        sums = np.zeros(3)
        for start in range(0, len(row), batch_size):
            state, metrics = train_step(state, pick(train, row[start : start + batch_size]))
            loss, accuracy, weight = (float(x) for x in metrics)
            sums += weight * np.array([loss, accuracy, 1])
        seen = evaluate(state, validation)
        states.append(state)
        figures.append([*(sums[:2] / sums[2]), seen.loss, seen.accuracy])
    return states, np.array(figures)


def columns(history):
    return np.stack(
        [history.loss, history.accuracy, history.validation_loss, history.validation_accuracy], 1
    )


@pytest.mark.parametrize(("batch_size", "weighted"), [(8, True), (22, False), (50, True)])
def test_equals_a_plain_loop(make_model, train, validation, batch_size, weighted, assert_close):
    train = train if weighted else train._replace(weights=None)
    order, start = orders(jax.random.key(1)), init_state(make_model())
    states, figures = plain_loop(start, train, validation, order[:3], batch_size)
    state, history = train_epochs(
        start, train, order, batch_size=batch_size, validation=validation, epochs=3
    )
    assert_close((state.params, state.step), (states[-1].params, states[-1].step))
    # The sums over at most 22 batches are taken in float32 here and in float64 there.
    assert np.abs(columns(history)[:3] / figures - 1).max() <= 22 * np.finfo(np.float32).eps
    assert (history.epochs, history.status, history.best_epoch) == (3, Status.FINISHED, 0)


def test_agrees_with_gradient_descent_on_paper(train, validation, key):
    with jax.enable_x64(True):
        model = LogisticRegression(3, rngs=nnx.Rngs(0), param_dtype=jnp.float64)
        order = orders(key, 2)
        c, b = np.asarray(model.coefficients[...]), 0.0
        loss = []
        for row in order:
            total = 0
            for start in range(0, 22, 8):
                x, y, w = pick(train, row[start : start + 8])
                z = x @ c + b
                total += w @ (np.logaddexp(0, z) - y * z)
                slopes = w * (1 / (1 + np.exp(-z)) - y) / w.sum()
                c, b = c - 0.5 * slopes @ x, b - 0.5 * slopes.sum()
            loss.append(total / train.weights.sum())
        state, history = train_epochs(
            init_state(model, optax.sgd(0.5)), train, order, batch_size=8, validation=validation
        )
        # Six steps, sums of eight products below 10.
        bound = 6 * 8 * 10 * np.finfo(float).eps
        assert np.abs(state.params["coefficients"][...] - c).max() <= bound
        assert np.abs(history.loss - np.array(loss)).max() <= bound
        z = validation.inputs @ c + b
        last = np.mean(np.logaddexp(0, z) - validation.labels * z)
        assert abs(history.validation_loss[-1] - last) <= bound


def test_the_number_of_epochs_is_data(make_model, train, key):
    traces = 0

    def loss(logits, labels):
        nonlocal traces
        traces += 1
        return bce_with_logits(logits, labels)

    start, order = init_state(make_model(), loss=loss), orders(key)
    alone = [train_epochs(start, train, order, batch_size=11, epochs=k) for k in (1, 3, 5)]
    assert traces == 1
    for (state, history), k in zip(alone, (1, 3, 5), strict=True):
        assert history.epochs == k
        assert np.isfinite(history.loss).sum() == k
        assert state.step == 2 * k


def test_two_calls_equal_one(make_model, train, key):
    start, order = init_state(make_model()), orders(key)
    whole, history = train_epochs(start, train, order, batch_size=8)
    half, first = train_epochs(start, train, order, batch_size=8, epochs=12)
    rest, second = train_epochs(half, train, np.roll(order, -12, 0), batch_size=8, epochs=18)
    jax.tree.map(np.testing.assert_array_equal, whole, rest)
    np.testing.assert_array_equal(history.loss, np.r_[first.loss[:12], second.loss[:18]])


def test_an_order_may_repeat_and_leave_out(make_model, train, assert_close):
    rows = np.array([3, 3, 3, 5, 0, 21, 3])
    start = init_state(make_model())
    state, history = train_epochs(start, train, rows[None], batch_size=7)
    expected, metrics = train_step(start, pick(train, rows))
    assert_close(state.params, expected.params)
    assert history.loss[0] == pytest.approx(metrics.loss.item(), rel=1e-6)


def test_many_models_at_once_equal_each_alone(train, validation, assert_close):
    keys = jax.random.split(jax.random.key(0), 3)
    order = np.stack([orders(k) for k in keys])
    stop = EarlyStopping(2, monitor="validation_accuracy")

    def run(key, order):
        state = init_state(MLP(3, (4,), rngs=nnx.Rngs(key)), SGD)
        return train_epochs(
            state, train, order, batch_size=8, validation=validation, early_stopping=stop
        )

    states, histories = jax.jit(jax.vmap(run))(keys, order)
    alone = jax.jit(run)
    for i, each in enumerate(keys):
        state, history = alone(each, order[i])
        for name in ("epochs", "best_epoch", "status"):
            assert np.asarray(getattr(histories, name))[i] == getattr(history, name)
        assert_close(
            jax.tree.map(lambda a, i=i: np.asarray(a)[i], states.params), state.params, ulps=64
        )
    assert len(set(histories.epochs.tolist())) > 1  # they did not all stop together


def distance(one, two):
    return max(
        jax.tree.leaves(jax.tree.map(lambda a, b: np.abs(np.asarray(a) - b).max(), one, two))
    )


def test_early_stopping_restores_the_best_epoch(make_model, train, validation, key, adam):
    order, start = orders(key), init_state(make_model(), adam)
    states, figures = plain_loop(start, train, validation, order, 8)
    for restore in (True, False):
        stop = EarlyStopping(3, restore_best=restore)
        state, history = train_epochs(
            start, train, order, batch_size=8, validation=validation, early_stopping=stop
        )
        best = int(np.argmin(figures[: int(history.epochs), 2])) + 1
        assert history.status == Status.EARLY_STOPPED
        assert history.best_epoch == best
        assert history.epochs == best + 3 < 30
        assert np.isnan(history.loss[best + 3 :]).all()
        apart = [distance(state.params, other.params) for other in states]
        held = best - 1 if restore else best + 2
        assert apart[held] < 1e-4 * min(apart[:held] + apart[held + 1 :])
        assert state.step == 3 * (held + 1)


@pytest.mark.parametrize("order", [np.zeros(22, int), np.zeros((1, 22)), np.zeros((1, 2, 11), int)])
def test_refuses_other_orders(make_model, train, order):
    with pytest.raises(ValueError, match=r"^order must be integers \(epochs, examples\), got "):
        train_epochs(init_state(make_model()), train, order)


def test_refuses_other_batch_sizes_and_monitors(make_model, train, key):
    start, order = init_state(make_model()), orders(key, 1)
    with pytest.raises(ValueError, match=r"^batch_size is 0; there must be 1 or more"):
        train_epochs(start, train, order, batch_size=0)
    with pytest.raises(
        ValueError, match=r"^early_stopping monitors 'validation_loss', but there is no"
    ):
        train_epochs(
            start, train, order, early_stopping=EarlyStopping(1, monitor="validation_loss")
        )
