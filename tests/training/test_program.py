import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bcejax.training import EarlyStopping, Status, epoch_order, init_state, train_epochs

SGD = optax.sgd(0.05)


def orders(key, epochs=30):
    return np.stack([epoch_order(key, epoch, 22) for epoch in range(epochs)])


def exploding(logits, labels):
    """Turns infinite once the logits have grown."""
    return jnp.where(jnp.abs(logits) < 50, -jnp.abs(logits), jnp.inf)


@pytest.mark.parametrize(
    "early_stopping", [None, EarlyStopping(5), EarlyStopping(5, restore_best=False)]
)
def test_divergence_keeps_the_last_finished_epoch(
    make_model, train, key, early_stopping, assert_close
):
    start, order = init_state(make_model(), SGD, exploding), orders(key)
    state, history = train_epochs(start, train, order, batch_size=8, early_stopping=early_stopping)
    epochs = int(history.epochs)
    assert history.status == Status.DIVERGED
    assert 0 < epochs < 30
    assert np.isfinite(history.loss[:epochs]).all()
    assert np.isnan(history.loss[epochs:]).all()
    before, after = (
        train_epochs(start, train, order, batch_size=8, epochs=epochs + more) for more in (0, 1)
    )
    assert before[1].status == Status.FINISHED
    assert after[1].status == Status.DIVERGED
    jax.tree.map(np.testing.assert_array_equal, after[0], before[0])
    assert_close(state.params, before[0].params)


def test_parameters_that_overflow_in_the_last_step_count_as_divergence(make_model, train, key):
    start = init_state(make_model(), optax.sgd(1e38), lambda logits, labels: 1e3 * logits)
    state, history = train_epochs(start, train, orders(key, 1), batch_size=22)
    assert (history.status, history.epochs) == (Status.DIVERGED, 0)
    jax.tree.map(np.testing.assert_array_equal, state.params, start.params)


def test_a_validation_loss_that_is_not_finite_counts_as_divergence(
    make_model, train, validation, key
):
    far = validation._replace(inputs=np.full((13, 3), 1e38))
    _, history = train_epochs(init_state(make_model()), train, orders(key, 2), validation=far)
    assert (history.status, history.epochs) == (Status.DIVERGED, 0)


def test_ends_with_the_last_row(make_model, train, key):
    start, order = init_state(make_model()), orders(key)
    state, history = train_epochs(start, train, order, batch_size=8, epochs=10**6)
    assert (state.step, history.epochs) == (3 * 30, 30)
