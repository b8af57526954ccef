import json

import jax
import numpy as np
import pytest

from experiments import untracked
from experiments.ensembles import held_out, race, ways, worker
from experiments.ensembles.held_out import ECE, LOSS, SMOOTH, Bins, Judged, Size
from experiments.ensembles.race import Standing
from experiments.ensembles.settings import Config
from experiments.ensembles.ways import FITS, LOOP, LOOP_OWN, ONE, OWN, STEPS, TORCH, TWO
from experiments.timing import Times

RNG = np.random.default_rng(0)
SMALL = Config(
    sizes=(1, 2, 4), resamples=10, bins=4, raced=2, examples=64, laps=2, turns=2, burst=0.0
)


@pytest.fixture(scope="module")
def losses():
    with jax.enable_x64(False):
        return {way: ways.way_of(way, SMALL)() for way in (ONE, LOOP, STEPS, LOOP_OWN)}


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_the_loop_trains_the_same_networks(losses):
    np.testing.assert_allclose(losses[ONE], losses[LOOP], atol=1e-6)
    np.testing.assert_allclose(losses[STEPS], losses[LOOP], atol=1e-6)
    assert losses[ONE].shape == (2,)
    assert np.abs(losses[LOOP_OWN] - losses[LOOP]).max() > 1e-4


def test_a_worker_answers_each_line(losses):
    lines = [json.dumps((way, 0.0)) for way in (LOOP, LOOP)]
    for line in worker.serve(SMALL, lines):
        times, found = json.loads(line)
        assert len(times) == 1
        np.testing.assert_allclose(found, losses[LOOP], rtol=1e-6)


def test_devices_are_set_beside_other_flags(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=there")
    flags = "--xla_dump_to=there --xla_force_host_platform_device_count=2"
    assert race.environment(2)["XLA_FLAGS"] == flags


def test_a_worker_that_ends_says_so():
    """The way is unknown, so a real process raises before it answers."""
    process = race.Worker(SMALL, 1)
    with pytest.raises(RuntimeError, match=r"^the process ended at nothing"):
        process.ask("nothing", 0.0)
    process.dismiss()


class FakeWorker:
    """Each way takes its place in the alphabet of ways; one of them disagrees."""

    def __init__(self, config, devices):
        self.asked = 0

    def ask(self, way, seconds):
        return [float(len(way))], np.full(2, 0.5 + (way == OWN))

    def dismiss(self):
        pass


def test_every_way_has_its_turns(monkeypatch):
    monkeypatch.setattr(race, "Worker", FakeWorker)
    monkeypatch.setattr(race, "version_of", lambda package: None)
    standings = race.race(SMALL, untracked)
    assert TORCH not in standings
    assert set(standings) == {ONE, TWO, OWN, LOOP, STEPS, LOOP_OWN, FITS}
    assert all(len(each.times.warm) == 2 for each in standings.values())
    result = race.judge_race(Config(claimed=0.0), untracked)
    assert sum(not claim.holds for claim in result.verdict.claims) == 1  # own orders
    assert len(result.tables[0].columns["way"]) == 7


def standing(seconds):
    return Standing(Times(1.0, np.array([seconds])), np.zeros(2))


@pytest.mark.parametrize(("two", "failing"), [(1.0, 0), (2.5, 1), (5.0, 2)])
def test_claims_follow_the_times(monkeypatch, two, failing):
    found = {ONE: 1.0, TWO: two, OWN: 1.0, LOOP: 8.0, STEPS: 8.0, LOOP_OWN: 2.0, FITS: 9.0}
    monkeypatch.setattr(
        race,
        "race",
        lambda *_: {way: standing(each) for way, each in (found | {TORCH: 40.0}).items()},
    )
    claims = race.judge_race(Config(claimed=1.0), untracked).verdict.claims
    assert sum(not claim.holds for claim in claims) == failing


@pytest.fixture(scope="module")
def judged():
    """Networks that are right on average, each off by itself."""
    truth = 2 * RNG.standard_normal(400)
    labels = (RNG.random(400) < 1 / (1 + np.exp(-truth))).astype(np.float32)
    return Judged((truth + 2 * RNG.standard_normal((4, 400))).astype(np.float32), labels)


def test_sizes_are_means_over_parts_that_share_no_network(judged):
    with jax.enable_x64(False):
        one, two = (held_out.measure(judged, size, SMALL) for size in (1, 2))
    x, y = judged.logits.astype(float), judged.labels

    def loss(p):
        return -np.where(y == 1, np.log(p), np.log1p(-p))

    p = 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(one.losses, loss(p).mean(0), rtol=1e-4)
    pairs = p.reshape(2, 2, -1).mean(1)
    np.testing.assert_allclose(two.losses, loss(pairs).mean(0), rtol=1e-4)
    assert two.loss < one.loss
    assert one.intervals[LOSS][0] < loss(p[0]).mean() < one.intervals[LOSS][1]


def test_bins_go_by_spread(judged):
    with jax.enable_x64(False):
        bins = held_out.bin_by_spread(judged, SMALL)
    p = 1 / (1 + np.exp(-judged.logits.astype(float)))
    wrong = (p.mean(0) > 0.5) != (judged.labels > 0.5)
    order = np.argsort(p.std(0))
    np.testing.assert_allclose(bins.spread[-1], p.std(0)[order[-100:]].mean(), rtol=1e-5)
    np.testing.assert_allclose(bins.wrong, wrong[order].reshape(4, 100).mean(1))
    assert (np.diff(bins.spread) > 0).all()
    assert ((bins.disagreement > 0) & (bins.disagreement < 1)).all()


def sizes(losses, errors):
    rng = np.random.default_rng(1)
    noise = 0.01 * rng.standard_normal((len(losses), 100))
    noise -= noise.mean(1, keepdims=True)
    return [
        Size(2**i, loss + noise[i], {SMOOTH: error, ECE: error}, {})
        for i, (loss, error) in enumerate(zip(losses, errors, strict=True))
    ]


@pytest.mark.parametrize(
    ("losses", "errors", "wrong", "failing"),
    [
        ((0.3, 0.22, 0.2), (0.02, 0.015, 0.01), 0.3, 0),
        ((0.3, 0.22, 0.23), (0.02, 0.015, 0.01), 0.3, 1),
        ((0.3, 0.3, 0.3), (0.02, 0.015, 0.01), 0.3, 2),
        ((0.3, 0.29, 0.2), (0.02, 0.02, 0.02), 0.3, 2),
        ((0.3, 0.22, 0.2), (0.02, 0.015, 0.01), 0.1, 1),
    ],
)
def test_claims_follow_what_is_found(losses, errors, wrong, failing):
    bins = Bins(np.zeros(2), np.zeros(2), np.array([0.05, wrong]), np.zeros(2))
    claims = held_out.claims_of(sizes(losses, errors), bins, Config())
    assert sum(not claim.holds for claim in claims) == failing
