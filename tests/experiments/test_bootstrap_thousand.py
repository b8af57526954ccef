import jax
import numpy as np
import pytest

from experiments import untracked
from experiments.averages import Mean
from experiments.bootstrap_thousand import EXPERIMENT, known_models, race, real_data
from experiments.bootstrap_thousand.known_models import BOOTSTRAP, FISHER, SANDWICH, Errors
from experiments.bootstrap_thousand.real_data import Spread
from experiments.bootstrap_thousand.settings import PIMA, Config
from experiments.timing import OURS, Times

RNG = np.random.default_rng(0)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_columns_are_standardised():
    pima, spam = (real_data.sample_of(name) for name in Config().data)
    assert pima.inputs.shape == (768, 8)
    assert spam.inputs.shape == (4597, len(real_data.SPAM))
    for sample in (pima, spam):
        np.testing.assert_allclose(sample.inputs.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(sample.inputs.std(axis=0), 1)


def test_a_spread_is_that_of_its_refits():
    refits = RNG.exponential(size=100_000)
    spread = Spread("Pima", "glucose", 1.0, 1.0, 1.0, refits)
    assert spread.bootstrap == pytest.approx(1, abs=0.02)
    assert spread.skewness == pytest.approx(2, abs=0.2)


def fake_spreads(pima=1.0, spam=2.0):
    normal = RNG.standard_normal(1000)
    normal = (normal - normal.mean()) / normal.std(ddof=1)
    return [
        Spread("Pima", "a", 0.0, 1.0, 1.0, pima * normal),
        Spread("Spambase", "b", 0.0, 1.0, 1.0, spam * normal),
    ]


@pytest.mark.parametrize(
    ("spreads", "without", "failing"),
    [
        (fake_spreads(), 0, 0),
        (fake_spreads(), 3, 1),
        (fake_spreads(pima=1.4), 0, 1),
        (fake_spreads(pima=0.7), 0, 1),
        (fake_spreads(spam=1.0), 0, 1),
    ],
)
def test_claims_follow_the_spreads(spreads, without, failing):
    claims = real_data.claims_of(spreads, without)
    assert sum(not claim.holds for claim in claims) == failing


def test_the_spread_of_normal_numbers_has_the_error_of_theory():
    found = known_models._spread(3 * RNG.standard_normal(20_000))
    assert found.value == pytest.approx(3, abs=5 * found.error)
    assert found.error == pytest.approx(3 / np.sqrt(2 * 20_000), rel=0.1)


def errors(model, **ratios):
    ratios = {FISHER: 1.0, SANDWICH: 1.0, BOOTSTRAP: 1.0} | ratios
    return Errors(model, Mean(0.5, 0.0), {way: Mean(0.5 * r, 0.0) for way, r in ratios.items()})


@pytest.mark.parametrize(
    ("right", "wrong", "failing"),
    [
        ({}, {FISHER: 0.5}, 0),
        ({FISHER: 0.5}, {FISHER: 0.5}, 1),
        ({}, {FISHER: 1.0}, 1),
        ({}, {FISHER: 0.5, SANDWICH: 0.5}, 1),
        ({BOOTSTRAP: 1.2}, {FISHER: 0.5, BOOTSTRAP: np.nan}, 2),
    ],
)
def test_claims_follow_the_standard_errors(right, wrong, failing):
    claims = known_models.claims_of(errors("right", **right), errors("wrong", **wrong), Config())
    assert sum(not claim.holds for claim in claims) == failing


def test_the_wrong_model_has_no_slope_to_find():
    keys = jax.random.split(jax.random.key(1), 2)
    found = {}
    for name, truth in known_models.MODELS.items():
        x, y = known_models._draw(keys[0], 20_000, truth)
        found[name] = float(np.mean(np.asarray(x)[:, 0] * (np.asarray(y) - np.mean(y))))
    assert found["right"] > 0.1
    assert abs(found["wrong"]) < 0.02


def test_loops_are_scaled_and_answer_alike():
    sample = real_data.sample_of(PIMA)._replace(name="it")
    n = len(sample.labels)
    counts = RNG.multinomial(n, np.full(n, 1 / n)).astype(float)
    ours = race._fit(sample, counts)
    theirs = race._sklearn(sample)(counts)
    np.testing.assert_allclose(ours.coefficients, theirs.coef_[0], atol=1e-7)
    standings = race.race(sample, EXPERIMENT.tiny, untracked)
    assert set(standings) == {("it", OURS), ("it", race.LOOP), ("it", race.SKLEARN)}
    assert len(race.tabulate(standings).columns["over bcejax"]) == 3


@pytest.mark.parametrize(("ours", "failing"), [(0.01, 0), (0.08, 1), (1.0, 2)])
def test_claims_follow_the_times(ours, failing):
    seconds = {OURS: ours, race.LOOP: 1.0, race.SKLEARN: 1.0}
    standings = {("it", way): Times(1.0, np.array([each])) for way, each in seconds.items()}
    claims = race.claims_of(standings, Config())
    assert sum(not claim.holds for claim in claims) == failing
    assert race.claims_of(standings, Config(judged=False)) == ()
