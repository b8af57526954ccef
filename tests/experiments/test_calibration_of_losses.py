import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.calibration_of_losses import EXPERIMENT, judging
from experiments.calibration_of_losses.links import LINKS, Link, tempered_sigmoid
from experiments.calibration_of_losses.population import minimise, told_apart, wrong_side
from experiments.calibration_of_losses.training import draw, logits_of, train

TRUTH = (np.arange(20) + 0.5) / 20
QUICK = dataclasses.replace(
    EXPERIMENT.tiny,
    losses=("cross-entropy", "squared hinge"),
    drawn=500,
    judged=100,
    hidden=2,
    epochs=1,
    batch=100,
)


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


@pytest.mark.parametrize("name", [name for name, link in LINKS.items() if link.inverse])
def test_inverse_links_balance_the_losses(name):
    link, x, h = LINKS[name], np.array([-2.0, -0.7, 0.3, 0.9]), 1e-6
    if name == "squared hinge":
        x = x / 3  # between the kinks
    ends = jnp.concatenate([x + h, x - h])
    zero, one = (
        -np.diff(np.asarray(link.loss(ends, jnp.full(8, label))).reshape(2, 4), axis=0)[0] / (2 * h)
        for label in (0.0, 1.0)
    )
    np.testing.assert_allclose(link.inverse(jnp.asarray(x)), zero / (zero - one), atol=1e-8)


def test_the_tempered_sigmoid_solves_its_equation():
    x = np.array([-20.0, -1.0, 0.0, 3.0])
    p = np.asarray(tempered_sigmoid(jnp.asarray(x), 1.3))
    np.testing.assert_allclose((p**-0.3 - (1 - p) ** -0.3) / -0.3, x, atol=1e-12)


def test_a_minimiser_off_the_paper_is_told():
    wrong = Link(lambda x, y: (y - x / 10) ** 2, lambda x: x / 9)
    found = minimise(wrong, TRUTH)
    np.testing.assert_allclose(found.logits, 10 * TRUTH, rtol=1e-12)
    assert found.strays > 0.01
    assert wrong_side(TRUTH, found) == 0.5
    assert told_apart(TRUTH, found)


def test_a_hole_beside_the_way_is_told():
    def holed(x, y):
        return (y - x / 10) ** 2 - 5 * jnp.exp(-(((x + 20) / 3) ** 2))

    assert minimise(Link(holed, None), TRUTH).above_least > 0.1


def test_what_tells_the_side_alone_is_told():
    found = minimise(LINKS["hinge"], TRUTH)
    np.testing.assert_allclose(found.logits, np.sign(TRUTH - 0.5), atol=1e-9)
    assert not told_apart(TRUTH, found)
    assert wrong_side(TRUTH, found) == 0


def test_networks_of_one_program_are_those_trained_alone():
    with jax.enable_x64(False):
        drawn = draw(QUICK)
        both = logits_of(train(drawn.train, QUICK), drawn.unseen.batch.inputs)
        hinge = dataclasses.replace(QUICK, losses=("squared hinge",))
        alone = logits_of(train(drawn.train, hinge), drawn.unseen.batch.inputs)
    assert both.shape == (2, 100)
    np.testing.assert_allclose(both[1:], alone, rtol=1e-4, atol=1e-5)


def test_judgement_of_the_truth_itself_finds_no_error():
    with jax.enable_x64(False):
        unseen = draw(EXPERIMENT.tiny).unseen  # as many as there, in the same programs
    best = minimise(LINKS["cross-entropy"], TRUTH)
    config = dataclasses.replace(QUICK, points=20)
    logits = np.asarray(unseen.logits, np.float64)
    found = judging.judge("cross-entropy", logits, unseen, best, config)
    assert found.distance["before"] < 1e-6
    assert found.from_minimiser < 0.02  # the ends of so coarse a grid
    assert found.error["before"].lower == 0
    off = judging.judge("cross-entropy", 2 * logits, unseen, best, config)
    assert off.error["before"].lower > found.error["before"].upper
