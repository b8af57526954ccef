import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from bcejax.models import MLP, LogisticRegression
from bcejax.training import fit, fit_ensemble, init_state, train_step, update_model


def test_holds_copies_of_the_arrays(make_model, train):
    model = make_model()
    state = init_state(model)
    before = jax.tree.map(np.array, nnx.state(model))
    step = jax.jit(lambda s: train_step(s, train)[0], donate_argnums=0)
    step(state)
    assert all(a.is_deleted() for a in jax.tree.leaves(state.params))
    jax.tree.map(np.testing.assert_array_equal, nnx.state(model), before)


def test_comes_back_into_the_model(make_model, train):
    model = make_model()
    state, _ = train_step(init_state(model), train)
    update_model(model, state)
    inputs = train.inputs.astype(np.float32)
    np.testing.assert_array_equal(model(inputs), state.logits(inputs))
    assert not np.array_equal(model(train.inputs), make_model()(train.inputs))


def test_other_arrays_come_back_too(make_noisy, train):
    model = make_noisy()
    state = init_state(model)
    for _ in range(3):
        state, _ = train_step(state, train)
    update_model(model, state)
    assert model.dropout.rngs.count[...] == 3
    assert not np.allclose(model.norm.mean[...], 0)
    model.eval()
    logits = model(jnp.float32(train.inputs))
    np.testing.assert_array_max_ulp(state.logits(train.inputs), logits, maxulp=16)


def test_logits_are_taken_without_dropout_and_leave_the_statistics(make_noisy, train):
    model = make_noisy()
    state = init_state(model)
    inputs = jnp.float32(train.inputs)
    assert jnp.array_equal(state.logits(inputs), state.logits(inputs))
    alone = jnp.concatenate([state.logits(inputs[i : i + 1]) for i in range(len(inputs))])
    np.testing.assert_allclose(alone, state.logits(inputs), rtol=1e-5)
    assert not model.dropout.deterministic  # the model's own mode is not touched


@pytest.mark.parametrize(
    ("param_dtype", "dtype"),
    [(jnp.bfloat16, jnp.float32), (jnp.float16, jnp.float32), (jnp.float32, jnp.float32)],
)
def test_casts_to_float32_at_least(param_dtype, dtype):
    assert (
        init_state(LogisticRegression(2, rngs=nnx.Rngs(0), param_dtype=param_dtype)).dtype == dtype
    )


def test_casts_to_float64_for_float64_parameters():
    with jax.enable_x64(True):
        model = LogisticRegression(2, rngs=nnx.Rngs(0), param_dtype=jnp.float64)
        assert init_state(model).dtype == jnp.float64


def test_is_a_pytree_whose_structure_compares(make_model):
    one, two = (jax.tree.structure(init_state(make_model())) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    other = init_state(make_model(), optax.sgd(0.1))
    assert jax.tree.structure(other) != one


def test_many_states_are_made_under_vmap(make_model):
    keys = jax.random.split(jax.random.key(0), 3)
    states = jax.vmap(lambda key: init_state(MLP(3, (4,), rngs=nnx.Rngs(key))))(keys)
    model = make_model()
    for i, key in enumerate(keys):
        alone = init_state(MLP(3, (4,), rngs=nnx.Rngs(key)))
        one = jax.tree.map(lambda a, i=i: np.asarray(a)[i], states)
        jax.tree.map(np.testing.assert_array_equal, one, alone)
        update_model(model, one)


def test_refuses_to_write_many_models_into_one(make_model):
    keys = jax.random.split(jax.random.key(0), 3)
    states = jax.vmap(lambda key: init_state(MLP(3, (4,), rngs=nnx.Rngs(key))))(keys)
    model = make_model()
    with pytest.raises(ValueError, match=r"^the state is not of this MLP: .*one model at a time"):
        update_model(model, states)
    jax.tree.map(np.testing.assert_array_equal, nnx.state(model), nnx.state(make_model()))


def test_refuses_another_model(make_model):
    state = init_state(LogisticRegression(3, rngs=nnx.Rngs(0)))
    with pytest.raises(ValueError, match=r"^the state is not of this MLP"):
        update_model(make_model(), state)


def test_refuses_what_is_no_model_or_optimizer(make_model):
    with pytest.raises(TypeError, match=r"^model must be a flax nnx\.Module, got function"):
        init_state(lambda inputs: inputs)
    with pytest.raises(
        TypeError, match=r"^optimizer must be an optax\.GradientTransformation, such"
    ):
        init_state(make_model(), "adam")
    with pytest.raises(TypeError, match=r"^loss must be a function of logits and labels, got str$"):
        init_state(make_model(), loss="bce")


class Scaled(nnx.Module):
    def __init__(self, scale):
        self.scale, self.linear = nnx.Param(scale), LogisticRegression(3, rngs=nnx.Rngs(0))

    def __call__(self, inputs):
        return self.scale[...] * self.linear(inputs)


def test_a_parameter_may_be_a_number_of_pythons(train, key):
    plain, array = Scaled(2.0), Scaled(jnp.asarray(2.0))
    for model in (plain, array):
        fit(model, train, key=key, progress=False)
    assert plain.scale[...] != 2
    np.testing.assert_array_equal(plain.scale[...], array.scale[...])
    ensemble = fit_ensemble(lambda rngs: Scaled(2.0), train, n_models=2, key=key, progress=False)
    np.testing.assert_allclose(ensemble.state.params["scale"][...], plain.scale[...], rtol=1e-5)


def test_refuses_a_parameter_that_cannot_be_learnt():
    with pytest.raises(TypeError, match=r"^each nnx\.Param must hold floats") as caught:
        init_state(Scaled(jnp.int32(2)))
    assert str(caught.value) == (
        "each nnx.Param must hold floats; model['scale'].value holds int32: what is not learnt "
        "goes into another nnx.Variable"
    )
