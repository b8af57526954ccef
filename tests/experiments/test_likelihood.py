from dataclasses import replace

import jax
import numpy as np
import pytest
from scipy.optimize import minimize

from experiments.likelihood import EXPERIMENT, densities, exact_cases, findings, trials
from experiments.likelihood.settings import (
    BOOTSTRAP,
    FIRTH_PROFILE,
    PROFILE,
    WALD,
    Config,
)
from experiments.likelihood.trials import Trials


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_the_definition_and_ours_agree_and_a_wrong_one_is_found():
    with jax.enable_x64(True):
        found = densities.densities(Config())
    assert [each.program for each in found[:2]] == ["NumPy, by the definition", "bcejax"]
    assert all(claim.holds for claim in densities.claims_of(found))
    wrong = found[1]._replace(value=found[1].value * (1 + 1e-9))
    assert [claim.holds for claim in densities.claims_of([found[0], wrong])] == [False, True]


def test_exact_cases_hold_and_can_fail():
    found = exact_cases.exact_cases()
    assert all(claim.holds for claim in exact_cases.claims_of(found))
    off = found._replace(information=np.nan)
    assert sum(not claim.holds for claim in exact_cases.claims_of(off)) == 1


def test_the_design_is_the_true_model():
    config = Config()
    design = trials.design_of(config)
    assert design.inputs.shape == (32, 2)
    assert design.chances.sum() == pytest.approx(1)
    negative, positive = design.chances[:16], design.chances[16:]
    np.testing.assert_allclose(negative + positive, 1 / 16)
    np.testing.assert_allclose(
        np.log(positive / negative), design.inputs[:16] @ [1.5, -1.0] - 0.5, atol=1e-12
    )


def penalised(params, design, counts, jeffreys):
    """Minus the log-likelihood of counts, less half of the information's log determinant."""
    columns = np.column_stack([design.inputs, np.ones(32)])
    logits = columns @ params
    loss = counts @ (np.logaddexp(0, logits) - design.labels * logits)
    probs = 1 / (1 + np.exp(-logits))
    information = (columns * (counts * probs * (1 - probs))[:, None]).T @ columns
    return loss - jeffreys * np.linalg.slogdet(information)[1] / 2


def test_estimates_of_a_draw_are_those_of_its_counts():
    config = replace(EXPERIMENT.tiny, bootstrapped=2, draws=3)  # in programs of the tiny run
    design = trials.design_of(config)
    with jax.enable_x64(True):
        found = trials.try_size(100, config)
    rng = np.random.default_rng([config.seed, 100])
    counts = rng.multinomial(100, design.chances, 3).astype(float)
    for jeffreys, estimates in ((0, found.estimates), (1, found.firth)):
        for each, estimate in zip(counts, estimates, strict=True):
            least = minimize(penalised, np.zeros(3), (design, each, jeffreys), tol=1e-10)
            assert estimate == pytest.approx(least.x[0], abs=1e-4)
    assert len(found.held[WALD]) == 3 - found.separated.sum()
    assert len(found.held[BOOTSTRAP]) == 2


def fake_trials(**changed):
    """As they should be, 5000 draws each, but for the coverages given in per cent."""
    rng = np.random.default_rng(0)
    off = rng.standard_normal(5000)
    told = dict.fromkeys(Config().intervals, (93, 95)) | changed

    def held(percent):
        return np.arange(5000) < 50 * percent

    return [
        Trials(
            size,
            np.arange(5000) < separated,
            1.5 + bias + off,
            1.5 + 0.9 * off,
            {name: held(both[place]) for name, both in told.items()},
        )
        for place, (size, separated, bias) in enumerate(((30, 200, 0.3), (1000, 0, 0.0)))
    ]


@pytest.mark.parametrize(
    ("changed", "failing"),
    [
        ({}, 0),
        ({WALD: (97, 90)}, 1),
        ({PROFILE: (85, 95)}, 1),
        ({BOOTSTRAP: (85, 95)}, 0),  # nothing is promised of a small sample
        ({BOOTSTRAP: (93, 99)}, 1),
        ({FIRTH_PROFILE: (85, 85)}, 2),
    ],
)
def test_claims_follow_the_coverages(changed, failing):
    claims = findings.claims_of(fake_trials(**changed), Config())
    assert sum(not claim.holds for claim in claims) == failing


def test_without_a_gain_of_firths_claims_fail():
    no_gain = [each._replace(firth=each.estimates + 0.1) for each in fake_trials()]
    claims = findings.claims_of(no_gain, Config())
    assert sum(not claim.holds for claim in claims) == 2


def test_separated_draws_are_shown_and_left_out_of_the_bias():
    found = fake_trials()
    config = Config()
    table = findings.table_of_estimates(found, config).columns
    assert table["draws"] == [4800, 5000, 5000, 5000]
    np.testing.assert_allclose(
        table["bias"][0], np.mean(found[0].estimates[200:]) - config.slope, atol=1e-12
    )
    assert findings.table_of_coverage(found).columns["separated draws of the size"][0] == 200
