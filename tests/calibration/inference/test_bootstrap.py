"""Bootstrap intervals: counts, resamples as copies, influence, coverage."""

import functools

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.calibration.decomposition.corp import corp_decomposition
from bcejax.calibration.errors import debiased_squared_error, expected_calibration_error
from bcejax.calibration.examples import as_examples
from bcejax.calibration.inference import bootstrap, bootstrap_interval
from bcejax.calibration.inference.bootstrap import draw_counts

KEY = jax.random.key(5)
N = 40
RNG = np.random.default_rng(1)
PROBS = RNG.uniform(size=N)
LABELS = (RNG.uniform(size=N) < PROBS) * 1
RESAMPLES = 4000  # for one metric always as many, so that they are compiled once


def squares(labels, *, logits=None, probs=None, weights=None):
    probs = jax.nn.sigmoid(logits) if probs is None else probs
    return jnp.sum(weights * (labels - probs) ** 2) / jnp.sum(weights)


def test_counts_follow_the_multinomial_law():
    present = jnp.array([0, 1, 3, 4, 2], jnp.int32)  # of five examples, the last in this row absent
    draw = jax.jit(jax.vmap(lambda key: draw_counts(key, present, jnp.int32(4))))
    counts = np.array(draw(jax.random.split(KEY, 20_000)))
    assert np.all(counts.sum(1) == 4)
    assert np.all(counts[:, 2] == 0)
    drawn = counts[:, [0, 1, 3, 4]]
    assert np.abs(drawn.mean(0) - 1).max() < 4 * np.sqrt(0.75 / 20_000)
    want = np.eye(4) - 0.25  # var 1 - 1/n, covariance -1/n
    assert np.abs(np.cov(drawn.T) - want).max() < 0.04


def test_a_debiased_error_is_held_against_that_of_the_population():
    """The ends move by what the data's own error and the estimate of it differ by."""
    debiased = functools.partial(debiased_squared_error, bins=4)
    given = {"probs": PROBS, "key": KEY, "n_resamples": 30}
    alone = bootstrap_interval(debiased, LABELS, **given)
    interval = bootstrap_interval(debiased, LABELS, **given, population=plug_in_square)
    shift = plug_in_square(LABELS, probs=PROBS) - debiased(LABELS, probs=PROBS)
    assert shift > 0.01
    np.testing.assert_allclose(interval.lower - alone.lower, shift, rtol=1e-4)
    np.testing.assert_allclose(interval.upper - alone.upper, shift, rtol=1e-4)
    assert interval.estimate == alone.estimate


def plug_in_square(labels, **given):
    return expected_calibration_error(labels, bins=4, norm=2, **given) ** 2


def test_a_resample_is_the_data_with_copies():
    """The first three replicates, drawn by hand."""
    examples = as_examples(LABELS, probs=PROBS)
    found = bootstrap._resampled(examples, KEY, 0, expected_calibration_error, 3)
    for i in range(3):
        counts = np.array(draw_counts(jax.random.fold_in(KEY, i), jnp.arange(N), jnp.int32(N)))
        assert counts.sum() == N
        copies = expected_calibration_error(LABELS.repeat(counts), probs=PROBS.repeat(counts))
        np.testing.assert_allclose(found[i], copies, rtol=1e-5)


def test_the_standard_error_of_a_mean():
    interval = bootstrap_interval(squares, LABELS, probs=PROBS, key=KEY, n_resamples=RESAMPLES)
    losses = (LABELS - PROBS) ** 2
    np.testing.assert_allclose(interval.estimate, losses.mean(), rtol=1e-6)
    np.testing.assert_allclose(interval.standard_error, losses.std() / np.sqrt(N), rtol=0.05)


def test_the_influence_is_the_jackknife_up_to_a_share_of_1_in_n():
    metrics = {
        "squares": squares,
        "error": functools.partial(expected_calibration_error, bins=4),
        "corp": lambda labels, **given: corp_decomposition(labels, **given).discrimination,
    }

    def measure(labels, **given):
        return {name: metric(labels, **given) for name, metric in metrics.items()}

    @jax.jit
    def both(probs):
        examples = as_examples(LABELS, probs=probs)
        without = jax.vmap(lambda weights: examples.measured(measure, weights=weights))
        return bootstrap._influences(examples, measure), without(1 - jnp.eye(N))

    with jax.enable_x64(True):
        influences, without = both(PROBS / 2)  # no gap near 0, where |gap| has its kink
    for name in metrics:
        influence, theta = np.array(influences[name]), np.array(without[name])
        if name == "squares":  # with an example the others move bins and blocks
            jackknife = (N - 1) * (theta.mean() - theta)
            np.testing.assert_allclose(N * influence, jackknife, atol=6 / N)
        assert abs(np.sum(influence)) < 1e-10  # no metric depends on the scale of the weights
        assert np.corrcoef(influence, -theta)[0, 1] > 0.9, name


def test_bca_uses_it():
    names = ("estimate", "lower", "upper", "standard_error")
    bca, percentile = (
        bootstrap_interval(squares, LABELS, probs=PROBS, key=KEY, n_resamples=RESAMPLES, kind=kind)
        for kind in ("bca", "percentile")
    )
    moved = [name for name in names if getattr(bca, name) != getattr(percentile, name)]
    assert moved == ["lower", "upper"]


def sorts(jaxpr):
    """Shapes that are sorted anywhere in a jaxpr."""
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "sort":
            yield eqn.invars[0].aval.shape
        for each in jax.extend.core.jaxprs_in_params(eqn.params):
            yield from sorts(each)


def test_resamples_share_one_sort():
    """Whatever depends on scores alone is not batched, so that XLA lifts it out of the loop."""

    def miscalibration(labels, **given):
        return corp_decomposition(labels, **given).miscalibration

    jaxpr = jax.make_jaxpr(
        lambda y, p: bootstrap._resampled(as_examples(y, probs=p), KEY, 0, miscalibration, 30)
    )(LABELS, PROBS)
    shapes = list(sorts(jaxpr.jaxpr))
    assert shapes
    assert all(shape == (N,) for shape in shapes)


def test_what_does_not_count_is_never_drawn():
    @jax.jit
    def run(labels, probs, weights, where):
        return bootstrap_interval(
            squares, labels, probs=probs, weights=weights, where=where, key=KEY, n_resamples=50
        )

    weights = np.where(np.arange(N) % 3 == 1, 0, 1 + np.arange(N) % 2)
    there = weights > 0
    want = run(LABELS[there], PROBS[there], weights[there], there[there])
    by_weight = run(LABELS, PROBS, weights, np.full(N, True))
    by_mask = run(np.where(there, LABELS, 9), PROBS, 1 + np.arange(N) % 2, there)
    for other in (by_weight, by_mask):
        np.testing.assert_allclose(other, want, rtol=1e-5)


def test_models_are_compared_in_pairs():
    """A metric may close over scores in the order of the examples."""

    def differences(labels, *, logits, probs, weights):
        ours, same, other = (
            squares(labels, probs=each, weights=weights)
            for each in (probs, jnp.array(PROBS), jnp.array(1 - PROBS))
        )
        return {"other": ours - other, "same": ours - same}

    found = bootstrap_interval(differences, LABELS, probs=PROBS, key=KEY, n_resamples=100)
    assert found.upper["other"] < 0
    np.testing.assert_allclose([each["same"] for each in found], 0, atol=1e-6)


def test_clip_progress_jit_and_batches_change_what_they_should():
    run = functools.partial(bootstrap_interval, expected_calibration_error, key=KEY, n_resamples=25)
    want = run(LABELS, probs=PROBS)
    clipped = run(LABELS, probs=PROBS, clip=(0.125, None))
    assert want.lower < clipped.lower == 0.125
    assert clipped.upper == want.upper
    calls = []
    shown = run(LABELS, probs=PROBS, progress=lambda *done: calls.append(done))
    assert calls[-1] == (25, 25)
    traced = jax.jit(lambda y, p: run(y, probs=p))(LABELS, PROBS)
    for other in (shown, traced):
        np.testing.assert_allclose(other, want, rtol=1e-4, atol=1e-6)


def test_whole_numbers_are_taken_as_floats():
    def hits(labels, *, weights, **scores):
        return jnp.sum(labels * weights).astype(int)

    found = bootstrap_interval(hits, LABELS, probs=PROBS, key=KEY, n_resamples=99)
    assert found.estimate == LABELS.sum()
    assert found.lower < found.estimate < found.upper


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kind": "BCa"}, ValueError, r"kind 'BCa' is not one of \['basic', 'bca', 'percentile'\]"),
        ({"confidence": 0}, ValueError, "confidence 0 does not lie between 0 and 1"),
        ({"n_resamples": -1}, ValueError, "n_resamples is -1; there must be 1 or more"),
        ({"n_resamples": 2.5}, TypeError, "n_resamples is 2.5; it must be an integer"),
        ({"probs": [0.5, 85]}, ValueError, "divide percentages by 100"),
    ],
)
def test_bad_input_is_one_clear_line(options, error, message):
    given = {"labels": [1, 0], "probs": [0.5, 0.5], "key": KEY} | options
    with pytest.raises(error, match=message):
        bootstrap_interval(squares, **given)


def test_traced_bad_values_give_nan():
    call = jax.jit(lambda p: bootstrap_interval(squares, [1, 0], probs=p, key=KEY, n_resamples=9))
    assert np.isnan(np.array(call(jnp.array([0.5, 2.0])))).all()
