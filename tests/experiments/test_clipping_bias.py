import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.losses import bce_with_logits, bce_with_probs
from experiments.averages import mean_of
from experiments.clipping_bias import EXPERIMENT, closed_forms, over_logits
from experiments.clipping_bias.large_start import more
from experiments.clipping_bias.patients import (
    draw_patients,
    logits_of,
    restart,
    slopes_of,
    start_networks,
    take,
    train,
)
from experiments.clipping_bias.ways import KERAS, ON_LOGITS, SKLEARN, TORCH_WAY, torch_on_probs

TINY = EXPERIMENT.tiny  # whose programs the tests share

needs_keras = pytest.mark.skipif(
    importlib.util.find_spec("keras") is None, reason="needs keras, of the extra peers"
)


@pytest.fixture(autouse=True)
def float32():
    with jax.enable_x64(False):
        yield


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_the_clip_is_that_of_the_library_where_it_acts_and_where_not():
    p = np.float32([0, 1e-9, 0.3, 0.999, 1])
    for label in (0, 1):
        y = np.full_like(p, label)
        ours = bce_with_probs(p, y, clip=1e-7)
        # 1 - p is rounded by up to 2^-25 here
        np.testing.assert_allclose(KERAS.on_probs(p, y), ours, rtol=1e-6, atol=2.0**-25)


@needs_keras
def test_the_clip_is_that_of_keras_itself():
    from experiments.keras_tutorial.peer import find_keras  # noqa: PLC0415 (imports Keras)

    keras, _ = find_keras()
    p = np.float32([[0], [1e-9], [0.3], [0.999], [1]])
    for label in (0, 1):
        y = np.full_like(p, label)
        theirs = np.asarray(keras.losses.binary_crossentropy(y, p))
        np.testing.assert_allclose(KERAS.on_probs(p, y)[:, 0], theirs, rtol=3e-7)


def test_1e_15_is_nan_in_float32_where_the_answer_is_certain_and_right():
    p, y = jnp.float32([1, 1]), jnp.float32([1, 0])
    value = SKLEARN.on_probs(p, y)
    assert jnp.isnan(value[0])
    assert value[1] == jnp.inf


@pytest.mark.parametrize(
    ("p", "label", "value", "slope"),
    [(0, 1, 100, -1e12), (1e-30, 1, 69.0776, -1e12), (1e-30, 0, 1e-30, 1e-18), (1, 0, 100, 1e12)],
)
def test_torch_stops_at_100_and_divides_by_1e_12_at_least(p, label, value, slope):
    got = jax.value_and_grad(torch_on_probs)(jnp.float32(p), jnp.float32(label))
    np.testing.assert_allclose(got, (value, slope), rtol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "high"), [(np.float32, 1 - 2.0**-23), (np.float16, 1 - 2.0**-11)]
)
def test_the_first_clipped_logit_is_where_rounding_crosses_the_bound(dtype, high):
    found = closed_forms.first_clipped(1e-7, 1 - high, 0, float(np.finfo(dtype).epsneg))
    before, after = (dtype(1 / (1 + np.exp(-found * (1 + off)))) for off in (-1e-6, 1e-6))
    assert before <= high < after


def test_a_bound_that_is_rounded_away_is_crossed_where_probabilities_become_1():
    found = closed_forms.first_clipped(1e-7, 0, 0, 2.0**-8)  # bfloat16
    before, after = (1 / (1 + jnp.exp(-found * off)) for off in (0.999, 1.001))
    assert before.astype(jnp.bfloat16) < 1 == after.astype(jnp.bfloat16)


def test_all_probabilities_of_16_bits_are_there():
    for dtype in (jnp.float16, jnp.bfloat16):
        p = closed_forms.probabilities(dtype, 5).astype(np.float64)
        assert p[0] == 0
        assert p[-1] == 1
        assert (np.diff(p) > 0).all()
        assert len(p) == int(np.ones((), dtype).view(np.uint16)) + 1


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_a_loss_that_is_not_the_clip_is_told_from_it(name, monkeypatch):
    good = closed_forms.hold("", KERAS, name, 1, 101)
    assert good.distance <= closed_forms.TOLERANCE
    assert good.strays == 0
    added = lambda self, p, y: -jnp.log(p + jnp.asarray(self.epsilon, p.dtype))  # noqa: E731
    monkeypatch.setattr(type(KERAS), "on_probs", added)
    bad = closed_forms.hold("", KERAS, name, 1, 101)
    assert bad.strays > 0 or bad.distance > closed_forms.TOLERANCE


def test_where_half_of_the_gradient_is_gone():
    wrong = np.linspace(0, 40, 4001).astype(np.float32)
    found = over_logits.half_gone(over_logits.curve(TORCH_WAY, 1, wrong), wrong)
    assert found == pytest.approx(np.log(2e12), abs=0.02)
    assert over_logits.half_gone(over_logits.curve("exact", 1, wrong), wrong) == np.inf


def test_patients_differ_by_seed_and_so_many_are_mislabelled():
    patients = draw_patients(TINY)
    n = patients.train.labels.shape[1]
    turned = patients.train.labels != patients.mislabelled.labels
    for k, rows in enumerate(patients.turned):
        assert sorted(rows) == np.flatnonzero(turned[k]).tolist()
        assert len(rows) == round(TINY.mislabelled * n)
    assert (turned[0] != turned[1]).any()
    assert patients.train.inputs.dtype == np.float32
    np.testing.assert_array_equal(
        take(patients.train, patients.turned).inputs[1, 4],
        patients.train.inputs[1, patients.turned[1, 4]],
    )


def test_a_larger_start_multiplies_the_logits():
    patients = draw_patients(TINY)
    one, ten = (
        logits_of(start_networks(TINY, bce_with_logits, scale), patients.train.inputs)
        for scale in (1.0, 10.0)
    )
    np.testing.assert_allclose(ten, 10 * one, rtol=1e-5, atol=1e-5)


def test_networks_learn_alike_whatever_the_room_and_start_again_where_they_were():
    patients = draw_patients(TINY)
    rows = take(patients.train, patients.turned)
    states = start_networks(TINY, bce_with_logits)
    ended, history = train(states, patients.train, 2, TINY, watched=rows, room=TINY.correcting)
    roomy, longer = train(states, patients.train, 2, TINY, watched=rows, room=TINY.memorizing)
    assert history.loss.shape == (TINY.seeds, TINY.correcting)
    assert longer.loss.shape == (TINY.seeds, TINY.memorizing)
    np.testing.assert_array_equal(longer.loss[:, : TINY.correcting], history.loss)
    assert np.isfinite(longer.loss[:, :2]).all()
    assert np.isnan(longer.loss[:, 2:]).all()
    x = patients.train.inputs
    np.testing.assert_allclose(logits_of(ended, x), logits_of(roomy, x), rtol=1e-5, atol=1e-5)
    again = restart(ended, ON_LOGITS[TORCH_WAY])
    np.testing.assert_array_equal(logits_of(again, x), logits_of(ended, x))
    assert again.loss is ON_LOGITS[TORCH_WAY]
    assert (np.asarray(again.step) == 0).all()


def test_slopes_are_zero_just_where_the_clip_acts():
    logits, labels = np.float32([[-20, -10, 20]]), np.float32([[1, 1, 1]])
    clipped = slopes_of(KERAS.on_logits, logits, labels)
    np.testing.assert_array_equal(np.asarray(clipped) == 0, [[True, False, True]])


def test_a_mean_is_told_in_standard_errors():
    found = mean_of(np.array([1.0, 2.0, 3.0, 6.0]))
    assert found.value == 3
    assert found.error == pytest.approx(np.sqrt(14 / 3 / 4), rel=1e-15)
    assert mean_of(np.zeros(3)).sigmas == 0


def test_differences_are_taken_seed_by_seed():
    class Trained:
        def __init__(self, loss):
            self.loss = np.array(loss)

    outcomes = {("exact", 1.0): Trained([1.0, 5.0]), ("Keras, 1e-7", 1.0): Trained([2.0, 6.0])}
    assert more(outcomes, "Keras, 1e-7", 1.0, "loss") == (1.0, 0.0)
