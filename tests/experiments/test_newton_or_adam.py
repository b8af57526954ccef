import numpy as np
import pytest

from bcejax.data import Batch
from bcejax.solvers import fit_logistic
from experiments.newton_or_adam import contest, findings
from experiments.newton_or_adam.contest import Descent, Outcome
from experiments.newton_or_adam.settings import ADAM_RATE, RECIPE, Config, Task

CONFIG = Config(problems=("small",), epochs=RECIPE, rates=(ADAM_RATE,))


@pytest.fixture(scope="module")
def task():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((60, 2))
    labels = (rng.random(60) < 1 / (1 + np.exp(-inputs @ [1.0, -2.0]))).astype(float)
    batch = Batch(inputs, labels)
    return Task(batch, batch, 0.02)


def outcome_with(task, newton=0.0, lbfgs=0.0, passes=6, adam=1e-3, sgd=1e-3, share=0.5):
    """A run that ends so far above the optimum; the recipe has a share of the right logits."""
    best = fit_logistic(*task.train[:2], l2=task.l2)
    params = np.append(best.coefficients, best.intercept)

    def ended(excess, scale, count):
        values = np.r_[0.7, np.full(RECIPE, float(best.value) + excess)]
        steps = np.linspace(0, count, RECIPE + 1).astype(int)
        return Descent(steps, steps / 1e3, values, np.tile(scale * params, (RECIPE + 1, 1)))

    descents = {
        ("newton", 0.0): ended(newton, 1, passes),
        ("lbfgs", 0.0): ended(lbfgs, 1, 20),
        ("adam", ADAM_RATE): ended(adam, share, RECIPE),
        ("sgd", ADAM_RATE): ended(sgd, share, RECIPE),
    }
    return {"small": Outcome(task, descents)}


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({}, ""),
        ({"newton": 1e-9}, "newton: excess"),
        ({"lbfgs": 1e-6}, "lbfgs: excess"),
        ({"passes": 40}, "passes over the data"),
        ({"adam": 1e-14}, "adam at its best rate"),
        ({"sgd": 1e-14}, "sgd at its best rate"),
        ({"share": 1.0}, "slope of its training logits"),
    ],
)
def test_claims_follow_the_descents(task, changes, failing):
    claims = findings.claims_of(outcome_with(task, **changes), CONFIG)
    failed = [claim.text for claim in claims if not claim.holds]
    assert len(failed) == bool(failing), failed
    assert all(failing in text for text in failed)


def test_the_objective_is_that_of_the_fit(task):
    best = fit_logistic(*task.train[:2], l2=task.l2)
    params = np.append(best.coefficients, best.intercept)
    np.testing.assert_allclose(contest.mean_loss(task, params), best.value, rtol=1e-14)
    assert contest.mean_loss(task, params + 0.01) > best.value


def test_logits_of_half_the_size_want_to_be_doubled(task):
    doubled = findings.stretch(outcome_with(task)["small"])
    np.testing.assert_allclose(doubled, 2, rtol=1e-4)
