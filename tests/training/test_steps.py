import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from bcejax.data import Batch
from bcejax.models import MLP, LogisticRegression
from bcejax.training import evaluate, init_state, train_step

SGD = optax.sgd(0.5)


def by_hand(batch, coefficients, intercept, rate):
    """One step of gradient descent on the weighted mean loss, and its figures, in float64."""
    weights = np.ones(len(batch.labels)) if batch.weights is None else batch.weights
    logits = batch.inputs @ coefficients + intercept
    losses = np.logaddexp(0, logits) - logits * batch.labels
    slopes = weights * (1 / (1 + np.exp(-logits)) - batch.labels) / weights.sum()
    figures = (
        np.average(losses, weights=weights),
        np.average((logits > 0) == (batch.labels > 0.5), weights=weights),
        weights.sum(),
    )
    return coefficients - rate * slopes @ batch.inputs, intercept - rate * slopes.sum(), figures


@pytest.mark.parametrize("weighted", [True, False])
def test_agrees_with_the_gradient_on_paper(train, weighted):
    batch = train if weighted else train._replace(weights=None)
    with jax.enable_x64(True):
        model = LogisticRegression(3, rngs=nnx.Rngs(0), param_dtype=jnp.float64)
        state = init_state(model, SGD)
        coefficients, intercept = np.asarray(model.coefficients[...]), 0.0
        for _ in range(3):
            state, metrics = train_step(state, batch)
            coefficients, intercept, figures = by_hand(batch, coefficients, intercept, 0.5)
            # 22 terms below 10 per sum, three steps.
            np.testing.assert_allclose(metrics, figures, rtol=22 * np.finfo(float).eps)
            error = np.abs(state.params["coefficients"][...] - coefficients)
            assert error.max() <= 3 * 22 * 10 * np.finfo(float).eps
            assert abs(state.params["intercept"][...] - intercept) <= 66 * np.finfo(float).eps
    assert state.step == 3


def test_weights_count_as_copies_do(train):
    copies = np.array([0, 1, 2, 3] * 5 + [1, 1])
    weighted = train._replace(weights=copies)
    repeated = Batch(np.repeat(train.inputs, copies, 0), np.repeat(train.labels, copies))
    model = LogisticRegression(3, rngs=nnx.Rngs(0))
    (one, first), (two, second) = (
        train_step(init_state(model, SGD), b) for b in (weighted, repeated)
    )
    np.testing.assert_allclose(first, second, rtol=32 * np.finfo(np.float32).eps)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=32 * np.finfo(np.float32).eps),
        one.params,
        two.params,
    )


def test_jit_and_vmap_give_what_the_call_gives(make_model, train):
    state = init_state(make_model())
    plain = train_step(state, train)
    jax.tree.map(np.testing.assert_array_equal, jax.jit(train_step)(state, train), plain)
    batches = jax.tree.map(lambda a: jnp.stack([a, a]), train)
    states, metrics = jax.vmap(train_step, in_axes=(None, 0))(state, batches)
    np.testing.assert_allclose(metrics.loss, [plain[1].loss] * 2, rtol=4e-7)
    assert states.step.tolist() == [1, 1]


@pytest.mark.parametrize("kind", [bool, int, np.float16])
def test_labels_of_any_kind_count_the_same(make_model, train, kind):
    state = init_state(make_model())
    expected = train_step(state, train)
    got = train_step(state, train._replace(labels=train.labels.astype(kind)))
    # The cast is fused into the sums, which are then taken in another order.
    np.testing.assert_array_max_ulp(got[1].loss, expected[1].loss, maxulp=4)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), got[0].params, expected[0].params
    )


def test_a_bfloat16_model_does_not_round_its_labels():
    label = 0.999  # 1 in bfloat16
    model = LogisticRegression(1, rngs=nnx.Rngs(0), dtype=jnp.bfloat16)
    model.coefficients[...] = jnp.full(1, 3, jnp.float32)
    metrics = evaluate(init_state(model), Batch(np.ones((1, 1)), np.array([label])))
    assert metrics.loss == pytest.approx(np.logaddexp(0, 3) - 3 * label, rel=1e-6)


def test_parameters_keep_their_dtype(train):
    model = LogisticRegression(3, rngs=nnx.Rngs(0), param_dtype=jnp.bfloat16)
    state, metrics = train_step(init_state(model), train)
    assert {p.dtype for p in jax.tree.leaves(state.params)} == {jnp.dtype(jnp.bfloat16)}
    assert metrics.loss.dtype == jnp.float32


def test_soft_labels_count_as_the_class_they_lean_to():
    model = LogisticRegression(1, rngs=nnx.Rngs(0))
    model.coefficients[...] = jnp.ones(1, jnp.float32)
    batch = Batch(
        np.array([[1.0], [1.0], [-1.0], [-1.0], [0.0]]), np.array([0.6, 0.4, 0.5, 0.9, 0])
    )
    assert evaluate(init_state(model), batch).accuracy == pytest.approx(3 / 5)


def test_a_batch_that_counts_nothing_moves_nothing(train):
    state = init_state(LogisticRegression(3, rngs=nnx.Rngs(0)), SGD)
    after, metrics = train_step(state, train._replace(weights=np.zeros(22)))
    assert metrics == (0, 0, 0)
    jax.tree.map(np.testing.assert_array_equal, after.params, state.params)


class Another(MLP):
    """Is not known to take rows by themselves."""


def test_halves_of_a_large_batch_are_the_batch():
    rng = np.random.default_rng(0)
    batch = Batch(rng.normal(size=(601, 60)), rng.integers(0, 2, 601), rng.uniform(0, 2, 601))
    with jax.enable_x64(True):
        made = [each(60, (8,), nnx.tanh, rngs=nnx.Rngs(0)) for each in (MLP, Another)]
        states = [init_state(model, SGD) for model in made]
        texts = [train_step.lower(state, batch).as_text() for state in states]
        halved, whole = (train_step(state, batch) for state in states)
    assert ["300x60" in text for text in texts] == [True, False]
    # float32: sums of 601 terms
    leaves = zip(jax.tree.leaves(halved), jax.tree.leaves(whole), strict=True)
    for one, other in leaves:
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


OPTIMIZERS = {
    "lbfgs": optax.lbfgs(),
    "polyak_sgd": optax.polyak_sgd(),
    "reduce_on_plateau": optax.chain(
        optax.sgd(0.5), optax.contrib.reduce_on_plateau(patience=1, accumulation_size=2)
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_that_ask_for_the_loss_get_it(name, train):
    optimizer = OPTIMIZERS[name]

    def mean(params):
        losses = optax.sigmoid_binary_cross_entropy(inputs @ params[0] + params[1], labels)
        return jnp.average(losses, weights=weights)

    with jax.enable_x64(True):
        inputs, labels, weights = map(jnp.asarray, train)
        model = LogisticRegression(3, rngs=nnx.Rngs(0), param_dtype=jnp.float64)
        state = init_state(model, optimizer)
        params = model.coefficients[...], model.intercept[...]
        memory, step = optimizer.init(params), jax.jit(optimizer.update, static_argnames="value_fn")
        for _ in range(4):
            value, gradient = jax.value_and_grad(mean)(params)
            told = {"value": value, "grad": gradient, "value_fn": mean}
            updates, memory = step(gradient, memory, params, **told)
            params = optax.apply_updates(params, updates)
            state, _ = train_step(state, train)
        trained = state.params["coefficients"][...], state.params["intercept"][...]
    for one, other in zip(trained, params, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


class Sowing(LogisticRegression):
    def __call__(self, inputs):
        self.sow(nnx.Intermediate, "seen", inputs)
        return super().__call__(inputs)


@pytest.mark.filterwarnings("ignore:Using 'Module.sow:DeprecationWarning")
def test_what_a_model_sows_is_no_state(train):
    sowing, plain = (
        train_step(init_state(each(3, rngs=nnx.Rngs(0))), train)
        for each in (Sowing, LogisticRegression)
    )
    for one, other in zip(jax.tree.leaves(sowing), jax.tree.leaves(plain), strict=True):
        np.testing.assert_array_equal(one, other)


class Late(LogisticRegression):
    def __call__(self, inputs):
        self.calls = nnx.Variable(jnp.zeros(()))
        return super().__call__(inputs)


def test_refuses_a_model_that_makes_variables_as_it_is_called(train):
    with pytest.raises(ValueError, match=r"^the model must have its variables") as caught:
        train_step(init_state(Late(3, rngs=nnx.Rngs(0))), train)
    assert str(caught.value) == (
        "the model must have its variables before its first call, and keep them; a call in "
        "training changes ['calls'].value"
    )


class Column(nnx.Module):
    """Forgets to squeeze."""

    def __init__(self):
        self.linear = nnx.Linear(3, 1, rngs=nnx.Rngs(0))

    def __call__(self, inputs):
        return self.linear(inputs)


@pytest.mark.parametrize("judge", [train_step, evaluate])
def test_refuses_a_model_of_many_logits(judge, train):
    with pytest.raises(ValueError, match=r"^the model must give one logit") as caught:
        judge(init_state(Column()), train)
    assert str(caught.value) == (
        "the model must give one logit per example, shape (22,) for inputs (22, 3); got (22, 1)"
    )


class Both(LogisticRegression):
    def __call__(self, inputs):
        return super().__call__(inputs), inputs


@pytest.mark.parametrize("judge", [train_step, evaluate])
def test_refuses_what_is_no_array(judge, make_model, train):
    with pytest.raises(ValueError, match=r"^the model must give one logit .*; got tuple"):
        judge(init_state(Both(3, rngs=nnx.Rngs(0))), train)
    with pytest.raises(ValueError, match=r"^the loss must give one number .*; got NoneType"):
        judge(init_state(make_model(), loss=lambda logits, labels: None), train)


@pytest.mark.parametrize("judge", [train_step, evaluate])
def test_refuses_a_loss_of_one_number(judge, make_model, train):
    state = init_state(make_model(), loss=lambda logits, labels: jnp.mean(logits - labels))
    with pytest.raises(ValueError, match=r"^the loss must give one number") as caught:
        judge(state, train)
    assert str(caught.value) == "the loss must give one number per example, shape (22,); got ()"


def test_refuses_inputs_of_another_width(make_model, train):
    with pytest.raises(ValueError, match=r"^MLP takes inputs \(\.\.\., 3\)"):
        train_step(init_state(make_model()), train._replace(inputs=np.ones((22, 4))))
