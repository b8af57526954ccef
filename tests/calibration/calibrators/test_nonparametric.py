"""What all nonparametric calibrators promise, on one shape so that each is compiled once."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.calibration.calibrators.histogram import HistogramBinning
from bcejax.calibration.calibrators.isotonic import CentredIsotonicCalibration, IsotonicCalibration
from bcejax.calibration.calibrators.spline import SplineCalibration
from bcejax.calibration.calibrators.venn_abers import CrossVennAbers, VennAbers

SIZE = 48
FOLD = jnp.arange(SIZE) % 3
GRID = np.array([-np.inf, -1e30, -3, -1, -0.5, 0, 1e-40, 0.5, 1, 2, 3, 1e30, np.inf], np.float32)
FITS = {
    "isotonic": IsotonicCalibration.fit,
    "centred": CentredIsotonicCalibration.fit,
    "mass bins": partial(HistogramBinning.fit, bins=5),
    "width bins": partial(HistogramBinning.fit, bins=5, strategy="width"),
    "Venn-Abers": VennAbers.fit,
    "cross Venn-Abers": partial(CrossVennAbers.fit, folds=3, fold=FOLD),
    "spline": SplineCalibration.fit,
}


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


def copies(given):
    """Rows instead of weights, in reverse."""
    # copies keep their fold: the examples of one residue class go where it has room
    places = {k: iter(range(k, SIZE, 3)) for k in range(3)}
    rows = {k: np.full(SIZE, np.nan, np.float32) for k in ("labels", "logits")}
    where = np.zeros(SIZE, bool)
    for i in reversed(range(12)):
        for _ in range(int(given["weights"][i])):
            place = next(places[i % 3])
            where[place] = True
            for each, values in rows.items():
                values[place] = given[each][i]
    assert where.sum() == given["weights"].sum()
    return {**rows, "weights": np.ones(SIZE, np.float32), "where": where}


def few(labels, logits):
    y, x = np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32)
    y[: len(labels)], x[: len(labels)] = labels, logits
    where = np.arange(SIZE) < len(labels)
    return {"labels": y, "logits": x, "weights": np.ones(SIZE, np.float32), "where": where}


FEW = {
    "one example": few([1], [0.25]),
    "one class": few([1, 1, 1], [-1, 0, 2]),
    "one score": few([0, 1, 1], [1, 1, 1]),
    "wrong certainty": few([0, 1], [np.inf, -np.inf]),
}
FOURTH = np.arange(SIZE) == 3
CASES = {f"sample {seed}": sample(seed) for seed in range(4)} | FEW
CASES["copies"] = copies(CASES["sample 0"])
CASES["masked"] = {**sample(1), "where": (np.arange(SIZE) < 12) & ~FOURTH}
CASES["weightless"] = {
    name: np.where(FOURTH, 0 if name == "weights" else np.nan, values)
    if name != "where"
    else values
    for name, values in sample(1).items()
}
CASES["nan label"] = {**sample(2), "labels": np.where(FOURTH, np.nan, sample(2)["labels"])}


@pytest.fixture(scope="module", params=FITS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def answers(name):
    """By case, from one jitted vmap beside another lane: on the grid, and in lower precision."""

    @jax.jit
    @partial(jax.vmap, in_axes=(0, None, 0, None))
    def together(labels, logits, weights, where):
        fitted = FITS[name](labels, logits=logits, weights=weights, where=where)
        low = fitted(jnp.array([[0.0], [jnp.nan]], jnp.bfloat16))
        return fitted(jnp.asarray(GRID)), low, fitted.status

    def lane(labels, logits, weights, where):
        other = np.float32(np.arange(SIZE) % 3 == 1)
        both = together(np.stack([other, labels]), logits, np.stack([other, weights]), where)
        return [np.asarray(each)[1] for each in both] + [np.asarray(both[0])[0]]

    return {case: lane(**given) for case, given in CASES.items()}


def close(first, second):
    np.testing.assert_allclose(first, second, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("case", [f"sample {seed}" for seed in range(4)])
def test_maps_never_decrease(answers, case):
    assert (np.diff(sigmoid(answers[case][0].astype(float))) >= -1e-7).all()


@pytest.mark.parametrize(("case", "other"), [("copies", "sample 0"), ("weightless", "masked")])
def test_copies_are_weights_weight_0_is_absence_and_order_does_not_matter(answers, case, other):
    close(answers[case][0], answers[other][0])


@pytest.mark.parametrize("name", ["centred", "mass bins", "Venn-Abers"], indirect=True)
def test_vmap_is_a_loop_and_jit_is_eager(name, answers):
    for case in ("sample 2", "one class"):
        close(answers[case][0], FITS[name](**CASES[case])(GRID))


def test_traced_nan_gives_nan(answers):
    assert np.isnan(answers["nan label"][0]).all()
    assert not np.isnan(answers["nan label"][-1]).any()


@pytest.mark.parametrize("case", FEW)
def test_hardly_any_data_give_a_map_without_nan(answers, case):
    got = answers[case][0]
    assert not np.isnan(got).any()
    finite = sigmoid(got[2:-2].astype(float))
    assert (np.diff(finite) >= -1e-7).all()
    assert np.isfinite(np.log(finite)).all()
    assert np.isfinite(np.log1p(-finite)).all()


def test_any_shape_and_dtype(answers):
    _, got, status, _ = answers["sample 3"]
    assert got.dtype == np.float32
    assert got.shape == (2, 1)
    assert np.isnan(got).ravel().tolist() == [False, True]
    assert status.dtype == np.int32


def sigmoid(x):
    return 0.5 * (1 + np.tanh(np.asarray(x) / 2))


@pytest.mark.parametrize("name", ["centred", "mass bins"], indirect=True)
def test_slopes_are_numbers_on_steps_and_beyond_the_ends(name):
    apart = few([0, 0, 1, 1], [-2, -1, 1, 2])
    for given in (CASES["sample 1"], apart):
        fitted = FITS[name](**given)
        slopes = jax.vmap(jax.grad(fitted))(GRID)
        assert not np.isnan(slopes).any()
        assert (slopes >= 0).all()
