"""The state against the measures of the whole data, in whatever batches and on eight devices."""

import functools

import devices
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import xlog1py, xlogy

from bcejax.calibration import state as streaming
from bcejax.calibration.decomposition.corp import corp_decomposition
from bcejax.calibration.decomposition.murphy import murphy_decomposition
from bcejax.calibration.errors import smooth_calibration_error, smooth_reliability_curve
from bcejax.calibration.scores import roc_auc
from bcejax.solvers.newton import minimise_bce

SIZE = 10_000
SAMPLES = {"overconfident": (2, 0.7, 0.0), "wide": (4, 1.0, 0.3), "rare": (1, 1.5, -3.0)}

# one compilation each for every test
update = jax.jit(streaming.update)
summary = functools.partial(streaming.summary, bins=20)


@functools.cache
def sample(name):
    spread, slope, shift = SAMPLES[name]
    rng = np.random.default_rng(len(name))
    logits = (rng.standard_normal(SIZE) * spread + shift).astype(np.float32)
    labels = (rng.random(SIZE) < 1 / (1 + np.exp(-slope * logits))).astype(np.float32)
    return labels, logits, rng.integers(0, 3, SIZE).astype(np.float32)


@functools.cache
def found(name):
    """The summary of a sample that came in four batches."""
    labels, logits, weights = (each.reshape(4, -1) for each in sample(name))
    state = streaming.init()
    for y, x, w in zip(labels, logits, weights, strict=True):
        state = update(state, y, logits=x, weights=w)
    return summary(state)


every_sample = pytest.mark.parametrize("name", SAMPLES)


def bin_gaps(labels, probs, weights, bins=20):
    """Share and mean residual of each bin of equal width."""
    own = np.minimum((probs * bins).astype(int), bins - 1)
    mass, off = (np.bincount(own, each, bins) for each in (weights, weights * (labels - probs)))
    return mass / weights.sum(), np.abs(off) / np.where(mass == 0, 1, mass)


@every_sample
def test_what_is_exact_is_that_of_the_whole_data(name):
    labels, logits, weights = (np.float64(each) for each in sample(name))
    got = found(name)
    probs = 1 / (1 + np.exp(-logits))
    shares, gaps = bin_gaps(labels, probs, weights)
    mean = functools.partial(np.average, weights=weights)
    want = {
        "examples": (weights > 0).sum(),
        "weight": weights.sum(),
        "mean_label": mean(labels),
        "mean_prob": mean(probs),
        "log_score": mean(np.logaddexp(0, (1 - 2 * labels) * logits)),
        "brier_score": mean((labels - probs) ** 2),
        "expected_calibration_error": shares @ gaps,
        "root_mean_square_error": (shares @ gaps**2) ** 0.5,
        "largest_error": gaps.max(),
    }
    for field, value in want.items():
        np.testing.assert_allclose(getattr(got, field), value, rtol=1e-5, atol=1e-6, err_msg=field)
    labels, logits, weights = sample(name)
    murphy = murphy_decomposition(labels, logits=logits, weights=weights, bins=20)
    np.testing.assert_allclose(got.murphy, murphy, atol=1e-6)


@every_sample
def test_smooth_error_and_curve_are_those_of_as_many_cells(name):
    labels, logits, weights = sample(name)
    curve = smooth_reliability_curve(labels, logits=logits, weights=weights, cells=3600)
    got = found(name)
    np.testing.assert_allclose(got.smooth_calibration_error, curve.error, rtol=1e-5)
    np.testing.assert_allclose(got.curve.density, curve.density, atol=1e-3)
    for one, other in ((got.curve.curve, curve.curve), (curve.curve, got.curve.curve)):
        known = ~np.isnan(one) & (np.asarray(curve.density) > 0.05)
        np.testing.assert_allclose(other[known], one[known], atol=1e-4)


@every_sample
def test_what_knows_logits_to_a_cell_is_as_near_as_stated(name):
    labels, logits, weights = sample(name)
    got, given = found(name), {"logits": logits, "weights": weights}
    for score, found_parts, bound in (("log", got.corp_log, 2e-3), ("brier", got.corp_brier, 6e-4)):
        want = corp_decomposition(labels, **given, score=score)
        for part in ("miscalibration", "discrimination"):
            difference = getattr(want, part) - getattr(found_parts, part)
            assert -2e-6 <= difference <= bound, (score, part)
        np.testing.assert_allclose(found_parts.uncertainty, want.uncertainty, atol=1e-6)
        parts = found_parts.miscalibration - found_parts.discrimination + found_parts.uncertainty
        np.testing.assert_allclose(parts, found_parts.score, atol=1e-6)
    assert abs(got.roc_auc - roc_auc(labels, **given)) <= 3e-4
    line = minimise_bce([1.0, jnp.asarray(logits)], labels, weights=weights).params
    assert abs(got.intercept - line[0]) <= 1e-3
    assert abs(got.slope - line[1]) <= 1e-3


def test_scan_merge_and_masks_add_the_same_examples():
    labels, logits, weights = (each.reshape(4, -1) for each in sample("wide"))
    states = [
        update(streaming.init(), y, logits=x, weights=w)
        for y, x, w in zip(labels, logits, weights, strict=True)
    ]
    whole = functools.reduce(streaming.merge, states)

    def step(state, batch):
        y, x, w, keep = batch
        return streaming.update(state, y, logits=x, weights=w, where=keep), None

    def padded(values, nonsense):
        return np.append(values, np.full((4, 100), nonsense, np.float32), axis=1)

    batches = padded(labels, 7), padded(logits, np.nan), padded(weights, -1)
    batches += (padded(np.ones_like(labels), 0) == 1,)
    scanned, _ = jax.jit(lambda s: jax.lax.scan(step, s, batches))(streaming.init())
    onward = functools.reduce(
        lambda state, k: update(state, labels[k], logits=logits[k], weights=weights[k]),
        range(4),
        streaming.init(),
    )
    for other in (scanned, onward):
        for one, same in zip(whole, other, strict=True):
            got, want = (np.float64(each.high) + each.low for each in (same, one))
            np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-4)


def test_sums_do_not_stop_where_float32_does():
    """2^24 and then a million ones, in batches of one: a plain float32 sum would stand still."""
    half, small = np.float32([0.5]), jax.jit(streaming.update)
    start = small(streaming.init(4), half, probs=half, weights=np.float32([2**24]))
    one = small(streaming.init(4), half, probs=half, weights=np.float32([1]))
    state = jax.jit(lambda a, b: jax.lax.fori_loop(0, 1001, lambda _, s: streaming.merge(s, b), a))(
        start, one
    )
    weight = np.float64(state.totals.high[1]) + np.float64(state.totals.low[1])
    assert weight == 2**24 + 1001
    assert np.float32(2**24) + np.float32(1) == 2**24


def test_probabilities_soft_labels_and_certain_answers():
    labels = np.float32([0.5, 1, 0, 1, 0.25])
    probs = np.float32([0.5, 1, 0, 0.3, 0.3])
    given = {"probs": probs, "weights": np.ones_like(probs)}
    got = summary(update(streaming.init(), labels, **given))
    losses = -xlogy(labels, probs) - xlog1py(1 - labels, -probs)
    np.testing.assert_allclose(got.log_score, losses.mean(), rtol=1e-6)
    np.testing.assert_allclose(got.brier_score, np.mean((labels - probs) ** 2), rtol=1e-6)
    np.testing.assert_allclose(
        got.smooth_calibration_error, smooth_calibration_error(labels, probs=probs), atol=1e-6
    )
    for scale in np.float32([1e-23, 1e22]):
        scaled = update(streaming.init(), labels, probs=probs, weights=np.full(5, scale))
        np.testing.assert_allclose(summary(scaled).roc_auc, got.roc_auc, rtol=1e-6)
    wrong = summary(update(streaming.init(), labels, **(given | {"probs": 1 - probs})))
    assert wrong.log_score == np.inf
    assert wrong.corp_log.miscalibration == np.inf
    assert np.isfinite(wrong.corp_log.discrimination)


def test_nothing_and_what_should_have_been_refused_are_nan():
    empty = summary(streaming.init())
    ones = np.ones(5, np.float32)
    refused = summary(update(streaming.init(), ones, probs=85 * ones, weights=ones))
    for each in (empty, refused):
        for field in ("log_score", "brier_score", "expected_calibration_error", "roc_auc"):
            assert np.isnan(getattr(each, field)), field
        assert np.isnan(each.smooth_calibration_error)


def test_float64_sums_of_float32_batches():
    labels, logits, _ = sample("wide")
    with jax.enable_x64(True):
        start = streaming.init(60, jnp.float64)
        state = jax.eval_shape(lambda y, x: streaming.update(start, y, logits=x), labels, logits)
        assert {each.dtype for each in jax.tree.leaves(state)} == {np.dtype(np.float64)}


SHARDED = """
import jax, numpy as np
from functools import partial
from jax.sharding import Mesh, PartitionSpec as P
from bcejax.calibration import state as streaming

assert jax.device_count() == 8
rng = np.random.default_rng(0)
logits = rng.standard_normal(480).astype(np.float32)
labels = (rng.random(480) < 0.5).astype(np.float32)
mesh = Mesh(np.array(jax.devices()), ("batch",))

@jax.jit
@partial(jax.shard_map, mesh=mesh, in_specs=P("batch"), out_specs=P(), check_vma=False)
def streamed(labels, logits):
    return jax.lax.psum(streaming.update(streaming.init(60), labels, logits=logits), "batch")

got = streamed(labels, logits)
want = jax.jit(lambda y, x: streaming.update(streaming.init(60), y, logits=x))(labels, logits)
for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(want)):
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)
print("right")
"""


def test_psum_adds_the_states_of_eight_devices():
    assert devices.run(8, SHARDED) == "right"


def test_refuses_in_one_line():
    with pytest.raises(ValueError, match="bins is 7; it must divide the state's 3600 cells"):
        streaming.summary(streaming.init(), bins=7)
    with pytest.raises(TypeError, match="bins is 'cube_root'; it must be an integer"):
        streaming.summary(streaming.init(), bins="cube_root")
    with pytest.raises(ValueError, match="the states have 10 and 20 cells; they must be equal"):
        streaming.merge(streaming.init(10), streaming.init(20))
    with pytest.raises(TypeError, match="dtype is int32; it must be float32 or float64"):
        streaming.init(dtype=jnp.int32)
    with pytest.raises(ValueError, match="percentages"):
        streaming.update(streaming.init(), [0, 1], probs=[0.5, 85.0])
