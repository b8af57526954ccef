import numpy as np
import pytest

from experiments import untracked
from experiments.apart import crew
from experiments.siglip_scaling import bench, findings, turns, ways
from experiments.siglip_scaling.ring import Ring
from experiments.siglip_scaling.settings import COMPILED, TORCH, WHOLE, Config, draw
from experiments.timing import OURS, Times


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_texts_lean_to_their_images():
    pairs = draw(100, 64, 0)
    cosines = pairs.images @ pairs.texts.T
    np.testing.assert_allclose(np.linalg.norm(pairs.texts, axis=1), 1, rtol=1e-6)
    assert np.diagonal(cosines).mean() == pytest.approx(np.sqrt(0.5), abs=0.03)
    assert abs(cosines.mean()) < 0.03
    assert (draw(100, 64, 0).texts == pairs.texts).all()


def test_every_way_makes_the_same():
    """Loss and gradients by hand, in float64."""
    u, v, a, b = (np.float64(each) for each in draw(12, 4, 3))
    signs = 2 * np.eye(12) - 1
    misses = -signs * (a * (u @ v.T) + b)
    slopes = -signs / (1 + np.exp(-misses)) / 12
    want = np.logaddexp(0, misses).sum() / 12, a * slopes @ v, a * slopes.T @ u
    want += (slopes * (u @ v.T)).sum(), slopes.sum()
    for way in (OURS, WHOLE):
        first = bench.first(way, 12, 4, 3)
        assert turns.apart(first.answer, want) <= 1e-6, way
        assert first.temporaries > 0
        assert first.extra >= 0
        assert len(bench.burst(way, 2)) == 2


def test_what_is_not_installed_is_left_out(monkeypatch):
    config = Config(ways=(OURS, WHOLE, TORCH, COMPILED))
    monkeypatch.setattr(ways, "version_of", lambda package: None)
    assert ways.ways_here(config) == (OURS, WHOLE)
    monkeypatch.setattr(ways, "version_of", lambda package: "2.13")
    monkeypatch.setattr("shutil.which", lambda program: None)
    assert ways.ways_here(config) == (OURS, WHOLE, TORCH)


def test_a_process_answers_and_tells_what_it_raised():
    config = Config(images=(12,), size=4, turns=1, calls=1, ways=(OURS,))
    with crew(config.ways, apart=True) as workers:
        (found,) = turns.race(12, workers, config, untracked)
        assert found.off == 0
        assert found.results == 4 * (2 * 12 * 4 + 3)
        with pytest.raises(KeyError, match="none"):
            workers[OURS].submit(bench.burst, "none", 1).result()


def one(way, seconds=1.0, megabytes=200.0, off=1e-7, images=4096, extra=None):
    results = 16_000_000
    beside = int(1e6 * megabytes)
    return turns.Found(
        images,
        way,
        Times(1.0, np.array([seconds])),
        beside + results if extra is None else extra,
        None if way == TORCH else beside,
        results,
        off,
    )


def ring(devices, off=1e-7, spare=0, gathers=0):
    sent = 1000 * (devices - 1)
    return Ring(devices, off, 2, sent + spare, sent, gathers, 10)


def test_memory_of_a_process_leaves_out_its_results():
    assert one(TORCH, megabytes=30).beside == one(OURS, megabytes=30).beside == 30_000_000
    assert one(TORCH, extra=5).beside == 0  # where it took what it had


@pytest.mark.parametrize(
    ("ours", "others", "rings", "failing"),
    [
        ({}, {}, {}, 0),
        ({"seconds": 0.9}, {}, {}, 1),  # torch should take 1.2 times as long, compiled 0.95
        ({"seconds": 1.1}, {}, {}, 2),
        ({"megabytes": 40.0}, {}, {}, 3),  # also over what is documented
        ({}, {"off": 1e-2}, {}, 3),
        ({}, {"off": 1e-4}, {}, 2),
        ({}, {"off": np.nan}, {}, 3),
        ({}, {}, {"off": 1e-5}, 2),
        ({}, {}, {"spare": 8}, 2),
        ({}, {}, {"gathers": 1}, 1),
    ],
)
def test_claims_follow_what_was_found(ours, others, rings, failing):
    found = [one(OURS, **{"seconds": 0.5, "megabytes": 17.0, **ours})]
    found += [one(way, **others) for way in (WHOLE, TORCH, COMPILED)]
    claims = findings.claims_of(found, [ring(1, **rings), ring(2, **rings)], Config(claimed=1.0))
    assert sum(not claim.holds for claim in claims) == failing


def test_times_are_claimed_where_they_are_judged():
    found = [one(OURS, seconds=9.0, megabytes=17.0), one(TORCH)]
    for claimed, failing in ((0.0, 0), (0.8, 1)):
        claims = findings.claims_of(found, [ring(1)], Config(claimed=claimed))
        assert sum(not claim.holds for claim in claims) == failing


def test_150_megabytes_are_with_the_results():
    def claims(megabytes):
        found = [one(OURS, megabytes=megabytes, images=16_384)]
        return findings.claims_of(found, [ring(1)], Config())

    assert all(claim.holds for claim in claims(60.0))
    assert [claim.value for claim in claims(140.0) if claim.unit == "MB"] == [156.0]


def test_what_is_documented_is_what_the_loss_takes():
    """Its default chunk is 256 rows of 4096, 512 of 1000."""
    assert findings.documented(4096, 512) == 4 * (3 * 256 * 4096 + 4096 * 512)
    assert findings.documented(1000, 1) == 4 * (3 * 512 * 1000 + 1000)
