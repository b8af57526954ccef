"""What all nonparametric calibrators promise, on one shape so that each is compiled once."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.calibration.calibrators.histogram import HistogramBinning
from bcejax.calibration.calibrators.isotonic import CentredIsotonicCalibration, IsotonicCalibration
from bcejax.calibration.calibrators.mixture import UniformMixture
from bcejax.calibration.calibrators.spline import SplineCalibration
from bcejax.calibration.calibrators.venn_abers import CrossVennAbers, VennAbers

SIZE = 48
FOLD = jnp.arange(SIZE) % 3
GRID = np.array([-np.inf, -1e30, -3, -1, -0.5, 0, 1e-40, 0.5, 1, 2, 3, 1e30, np.inf], np.float32)
FITS = {
    "isotonic": IsotonicCalibration.fit,
    "step": partial(IsotonicCalibration.fit, interpolation="step"),
    "centred": CentredIsotonicCalibration.fit,
    "mass bins": partial(HistogramBinning.fit, bins=5),
    "width bins": partial(HistogramBinning.fit, bins=5, strategy="width"),
    "Venn-Abers": VennAbers.fit,
    "cross Venn-Abers": partial(CrossVennAbers.fit, folds=3, fold=FOLD),
    "spline": SplineCalibration.fit,
    "mixture": partial(UniformMixture.fit, smoothing=0),
}
every = pytest.mark.parametrize("name", FITS)


def sample(seed):
    """Twelve examples with ties and infinite logits among SIZE, the others masked nonsense."""
    rng = np.random.default_rng(seed)
    x = np.full(SIZE, np.nan, np.float32)
    x[:12] = np.round(rng.normal(0, 1.5, 12), 0)
    x[10:12] = -np.inf, np.inf
    y = np.full(SIZE, 7.0, np.float32)
    y[:12] = rng.random(12) < 1 / (1 + np.exp(-x[:12]))
    w = np.zeros(SIZE, np.float32)
    w[:12] = rng.integers(1, 4, 12)
    return {"labels": y, "logits": x, "weights": w, "where": np.arange(SIZE) < 12}


def answers(name, labels, **given):
    return np.asarray(FITS[name](labels, **given)(GRID))


def close(first, second):
    np.testing.assert_allclose(first, second, rtol=2e-4, atol=2e-4)


@every
def test_maps_never_decrease(name):
    for seed in range(4):
        steps = np.diff(sigmoid(answers(name, **sample(seed)).astype(float)))
        assert (steps >= -1e-7).all()


@every
def test_copies_are_weights_and_order_does_not_matter(name):
    given = sample(0)
    whole = answers(name, **given)
    # copies keep their fold: the examples of one residue class go where it has room
    places = {k: iter(range(k, SIZE, 3)) for k in range(3)}
    copies = {k: np.full(SIZE, np.nan, np.float32) for k in ("labels", "logits")}
    where = np.zeros(SIZE, bool)
    for i in reversed(range(12)):
        for _ in range(int(given["weights"][i])):
            place = next(places[i % 3])
            where[place] = True
            for each, values in copies.items():
                values[place] = given[each][i]
    assert where.sum() == given["weights"].sum()
    close(answers(name, **copies, weights=np.ones(SIZE, np.float32), where=where), whole)


@every
def test_weight_0_is_absence(name):
    given = sample(1)
    kept = {**given, "where": given["where"] & (np.arange(SIZE) != 3)}
    given["weights"][3] = 0
    given["labels"][3], given["logits"][3] = np.nan, np.nan
    close(answers(name, **given), answers(name, **kept))


@every
def test_vmap_over_weights_is_a_loop_jit_is_eager_and_traced_nan_gives_nan(name):
    given = sample(2)
    folds = np.stack([given["weights"] * (np.arange(SIZE) % 2 == k) for k in range(2)])
    labels, rest = given["labels"], {"logits": given["logits"], "where": given["where"]}

    @jax.jit
    def together(labels, folds):
        fits = jax.vmap(lambda w: FITS[name](labels, weights=w, **rest))(folds)
        return jax.vmap(lambda fit: fit(jnp.asarray(GRID)))(fits)

    got = together(labels, folds)
    for k in range(2):
        close(got[k], answers(name, labels, weights=folds[k], **rest))
    got = together(np.where(np.arange(SIZE) == 2, np.nan, labels), folds)
    assert np.isnan(got[0]).all()
    assert not np.isnan(got[1]).any()


@every
@pytest.mark.parametrize(
    ("labels", "logits"),
    [([1], [0.25]), ([1, 1, 1], [-1, 0, 2]), ([0, 1, 1], [1, 1, 1]), ([0, 1], [np.inf, -np.inf])],
    ids=["one example", "one class", "one score", "wrong certainty"],
)
def test_hardly_any_data_give_a_map_without_nan(name, labels, logits):
    y, x = np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32)
    y[: len(labels)], x[: len(labels)] = labels, logits
    got = answers(name, y, logits=x, where=np.arange(SIZE) < len(labels))
    assert not np.isnan(got).any()
    finite = sigmoid(got[2:-2].astype(float))
    assert (np.diff(finite) >= -1e-7).all()
    assert np.isfinite(np.log(finite)).all()
    assert np.isfinite(np.log1p(-finite)).all()


@every
def test_any_shape_and_dtype(name):
    calibrator = FITS[name](**sample(3))
    got = calibrator(jnp.array([[0.0], [jnp.nan]], jnp.bfloat16))
    assert got.dtype == jnp.float32
    assert got.shape == (2, 1)
    assert np.isnan(got).ravel().tolist() == [False, True]
    assert calibrator.status.dtype == jnp.int32


def sigmoid(x):
    return 0.5 * (1 + np.tanh(np.asarray(x) / 2))
