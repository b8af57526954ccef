import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.data import Batch
from experiments.saliency_of_digits import EXPERIMENT, maps
from experiments.saliency_of_digits.findings import judge, report, row_error
from experiments.saliency_of_digits.networks import LINEAR, NETWORK, Learnt

QUICK = dataclasses.replace(EXPERIMENT.tiny, steps=8, erased=2)
COEFFICIENTS = np.linspace(-9, 9, 64, dtype=np.float32)


def linear(inputs):
    return inputs @ COEFFICIENTS - 1


def squares(inputs):
    return (inputs**2).sum(axis=1) - 1


@pytest.fixture(scope="module")
def images():
    """Digits of two columns: label 1 has ink where the coefficients are large."""
    rng = np.random.default_rng(0)
    labels = np.arange(20) % 2
    ink = np.where(labels[:, None] == 1, np.arange(64) >= 48, np.arange(64) < 16)
    return Batch(np.float32(ink * rng.uniform(0.3, 1, size=(20, 64))), np.float64(labels))


@pytest.fixture(scope="module")
def found(images):
    return judge(linear, images, QUICK)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_of_a_linear_model_all_is_known_by_hand(images, found):
    logits = np.float64(images.inputs) @ COEFFICIENTS - 1
    np.testing.assert_allclose(found.maps.logits, logits, rtol=1e-5)
    np.testing.assert_array_equal(found.maps.gradients, np.tile(COEFFICIENTS, (20, 1)))
    np.testing.assert_allclose(
        found.maps.attributions, images.inputs * COEFFICIENTS, rtol=1e-5, atol=1e-5
    )
    assert found.accuracy == 1
    worth = np.sort(np.sign(logits)[:, None] * images.inputs * COEFFICIENTS, axis=1)
    np.testing.assert_allclose(found.maps.falls[0], worth[:, -2:].sum(axis=1), rtol=1e-4)
    assert found.farther.value > 0
    assert max(found.product, found.unaccounted) < 1e-5


def test_sure_images_have_a_map_from_the_logit_alone(images, found):
    logits = found.maps.logits
    assert min(abs(logits)) > 17
    assert found.blank["from the logit"] == 0
    assert found.blank["through a clipped probability"] == 20
    assert found.blank["through a probability"] == images.labels.sum()  # 1 - p is 0, p is not


def test_integrated_gradients_of_squares(images):
    worth = jax.jit(partial(maps.attributions, squares, steps=8))(images.inputs)
    np.testing.assert_allclose(worth, images.inputs**2, rtol=1e-5)  # the midpoint rule is exact


def test_what_is_worth_most_is_erased():
    erased = maps.without(jnp.ones((2, 3)), jnp.array([[1, 3, 2], [9, -1, 0]]), 2)
    np.testing.assert_array_equal(erased, [[1, 0, 0], [0, 1, 0]])


def test_errors_are_those_of_each_row():
    exact = np.array([[1.0, 2.0], [1e-9, 0.0], [0.0, 0.0]])
    assert row_error(exact + np.outer([0, 1e-9, 0], [1, 0]), exact) == pytest.approx(1)


def test_a_wrong_map_breaks_the_claims_that_it_should(images, found):
    def broken_by(wrong):
        learnt = Learnt({}, COEFFICIENTS, images)
        verdict = report({NETWORK: wrong, LINEAR: wrong}, learnt, QUICK).verdict
        return {claim.text.split(",")[0] for claim in verdict.claims if not claim.holds}

    assert broken_by(found) == {"share of what speaks for an 8 that lies on the left"}
    halved = found.maps._replace(gradients=found.maps.gradients / 2)
    assert "logistic regression: its map off its coefficients" in broken_by(
        found._replace(maps=halved)
    )
    assert "images without a map" in broken_by(found._replace(blank=dict.fromkeys(maps.LOSSES, 3)))
