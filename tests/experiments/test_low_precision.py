import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.averages import mean_of
from experiments.low_precision import EXPERIMENT, every_logit, rounding, training
from experiments.low_precision.every_logit import EDGE, errors_on, finite_logits, grid_of
from experiments.low_precision.ways import EXACT, OPTAX, PROBS, TORCH, WAYS
from experiments.tolerances import tolerance

TINY = EXPERIMENT.tiny  # whose programs the tests share


@pytest.fixture(autouse=True)
def float32():
    with jax.enable_x64(False):
        yield


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


@pytest.mark.parametrize(("name", "count"), [("bfloat16", 65279), ("float16", 63487)])
def test_every_finite_logit_is_there_once(name, count):
    logits = finite_logits(name).astype(np.float64)
    assert len(logits) == count  # 2 (infinity's bits) - 1
    assert (np.diff(logits) > 0).all()
    assert logits[-1] == float(jnp.finfo(name).max)


@pytest.mark.parametrize("name", every_logit.FORMATS)
def test_a_label_that_float32_rounds_is_not_worse(name):
    found = errors_on(grid_of(name, 0.3), EXACT)
    faithful = tolerance(name).losses["value"].hard
    assert found.value.max() <= faithful
    assert found.gradient.max() <= faithful
    assert not found.dead.any()


def test_dead_gradients_lie_where_the_formulas_say():
    torch, optax = (
        errors_on(grid_of("bfloat16", y), way) for way, y in ((TORCH, 1.0), (OPTAX, 0.999))
    )
    # 1 + exp(-x) rounds to 1 from exp(-x) = 2^-8 on; a sigmoid rounded once, above 1 - 2^-9
    least = torch.logits[torch.dead].min()
    assert 8 * np.log(2) <= least <= np.log(2.0**9 - 1) + 2.0**-5
    # 0.999 is 1 in bfloat16, so beyond log(999) the sign is wrong
    assert optax.logits[optax.dead].min() == pytest.approx(np.log(999), abs=2.0**-5)
    assert optax.share(optax.logits > 0) == pytest.approx(0.5, abs=0.01)
    assert torch.share(np.abs(torch.logits) > EDGE) == 0


def test_probabilities_break_where_they_become_1():
    found = errors_on(grid_of("bfloat16", 0.0), PROBS)
    assert found.lost[np.searchsorted(found.logits, 7.0)]
    assert np.isinf(found.value[np.searchsorted(found.logits, 7.0)])


def test_the_worst_of_each_stretch_is_the_worst_there():
    grid = errors_on(grid_of("bfloat16", 1.0), TORCH)
    worst = every_logit.worst_by_stretch(grid)
    at = np.searchsorted(every_logit.STRETCHES, 7.0)
    inside = (grid.logits >= 7) & (grid.logits < 7.25)
    assert len(worst) == len(every_logit.STRETCHES) - 1
    assert worst[at] == grid.gradient[inside].max() >= 128


def test_the_gradient_of_torch_is_the_difference():
    x, y = jnp.bfloat16(3.0), jnp.float32(1.0)
    got = jax.grad(WAYS[TORCH])(x, y)
    assert got == jax.nn.sigmoid(x) - jnp.bfloat16(1)
    assert got.dtype == jnp.bfloat16


def test_labels_ask_for_what_their_rounding_says():
    table = rounding.round_labels().tables[0].columns
    row = rounding.LABELS.index(0.9)
    y = float(jnp.bfloat16(0.9))
    assert table["asks for logit in bfloat16"][row] == pytest.approx(np.log(y / (1 - y)), rel=1e-12)
    assert table["asks for logit in float16"][-1] == np.inf


@pytest.mark.parametrize("summed", [100, TINY.summed])
def test_totals_are_right_until_the_spacing_swallows_the_losses(summed):
    config = dataclasses.replace(TINY, summed=summed)
    table = rounding.add_up(config).tables[0].columns
    totals = dict(zip(table["way"], table["total"], strict=True))
    right = summed * np.log(2)
    assert totals["reduce_losses of bfloat16 logits"] == pytest.approx(right, rel=1e-6)
    running = totals["running total in float16"]
    assert running == pytest.approx(right, rel=0.01) if summed == 100 else running == 2048


def test_gradients_vanish_where_half_of_the_smallest_number_is_above_them():
    logits = np.linspace(-10, 10, 4096).astype(np.float16).astype(np.float64)
    slopes = 1 / (1 + np.exp(-logits)) / 4096
    expected = np.mean(slopes < 2.0**-25)
    assert rounding._vanished("float16", 4096) == pytest.approx(expected, abs=2 / 4096)


@pytest.fixture(scope="module")
def mails():
    return training.draw_mails(TINY)


def test_mails_are_smoothed_where_they_are_learnt_from(mails):
    assert set(np.unique(mails.train.labels)) == {np.float32(0.001), np.float32(0.999)}
    assert set(np.unique(mails.unseen.labels)) == {0, 1}
    assert mails.train.inputs.shape[0] == TINY.seeds
    assert (mails.train.inputs[0] != mails.train.inputs[1]).any()


def test_training_reports_each_seed(mails):
    found = training.learn("bfloat16", EXACT, mails, TINY)
    for field, values in found._asdict().items():
        assert values.shape == (TINY.seeds, TINY.epochs)[: 1 + (field == "course")]
    assert (found.course[:, 1] < found.course[:, 0]).all()
    np.testing.assert_allclose(found.reported, found.loss, rtol=0.02)
    assert not found.broken.any()


def test_differences_are_taken_seed_by_seed():
    wide, half = (dataclasses.make_dataclass("T", ["beyond"]) for _ in range(2))
    outcomes = {
        (training.WIDE, EXACT): wide(np.array([0.1, 0.5])),
        ("bfloat16", OPTAX): half(np.array([0.2, 0.6])),
    }
    found = training.more(outcomes, "bfloat16", OPTAX, "beyond")
    assert found.value == pytest.approx(0.1, rel=1e-12)
    assert found.error < 1e-15
    assert mean_of(np.zeros(2)).sigmas == 0
