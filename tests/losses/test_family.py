"""The six rules, for every loss of the family."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from losses.family import COLUMNS, MEMBERS, QUANTITIES, points, truth
from losses.ways import each
from reference import x64_for

from bcejax import bce_with_logits
from bcejax.analysis import as_extended, exact_values, ulp_error

DTYPES = [np.float32, np.float64]
INF, NAN = np.inf, np.nan
EPS = np.finfo(np.float32).eps
MOST = np.finfo(np.float32).max
ROWS = pytest.mark.parametrize("row", range(len(MEMBERS)), ids=map(repr, MEMBERS))
# The first row of each loss; further settings are held to the accuracy and the edges alone.
NAMES = [member.name.partition(",")[0] for member in MEMBERS]
FIRST = [row for row, name in enumerate(NAMES) if row == NAMES.index(name)]
FIRST_ROWS = pytest.mark.parametrize("row", FIRST, ids=[NAMES[row] for row in FIRST])


def scanned(loss):
    """The gradient of the sum, added up by a scan over rows."""

    def total(x, y):
        def add(sum_so_far, block):
            return sum_so_far + loss(*block).sum(), None

        rows = x.reshape(-1, COLUMNS), y.reshape(-1, COLUMNS)
        return lax.scan(add, jnp.zeros((), x.dtype), rows)[0]

    return jax.grad(total)


def pushed(f):
    return lambda x, y: jax.jvp(f, (x, y), (jnp.ones_like(x), jnp.zeros_like(y)))[1]


def ways(loss):
    """Every way to the loss and its derivatives."""
    return {
        ("value", "loss"): loss,
        ("gradient", "grad"): each(jax.grad(loss)),
        ("gradient", "jvp"): pushed(loss),
        ("gradient", "scan of checkpoint"): scanned(jax.checkpoint(loss)),
        ("hessian", "hessian"): each(jax.hessian(loss)),
        ("hessian", "scan"): pushed(scanned(loss)),  # jax before 0.12 drops rules in there
        ("in_label", "grad"): each(jax.grad(loss, 1)),
        ("mixed", "logits first"): each(jax.grad(jax.grad(loss), 1)),
        ("mixed", "labels first"): each(jax.jacfwd(jax.jacrev(loss, 1))),
    }


FEW = [("value", "loss"), ("gradient", "grad"), ("hessian", "hessian"), ("in_label", "grad")]


@cache
def program(row, dtype):
    """All ways in one program; few in float64 and at more settings, for the compiler's sake."""
    table = ways(MEMBERS[row].loss)
    by_place = {np.float32: (table, FEW), np.float64: (FEW, FEW[:2])}[dtype]
    chosen = {key: table[key] for key in by_place[row not in FIRST]}
    return jax.jit(lambda x, y: {key: f(x, y) for key, f in chosen.items()})


def every_way(row, x, y):
    """Results at a few points, repeated up to one shape that all calls share."""
    dtype, size = x.dtype.type, points(x.dtype.type)[0].size
    assert len(x) <= size
    with x64_for(dtype):
        got = program(row, dtype)(np.resize(x, size), np.resize(y, size))
    return {key: np.asarray(result)[: len(x)] for key, result in got.items()}


def check(quantity, got, row, message):
    """No error above its bound, twice that for soft labels, wherever nothing is subnormal."""
    x, y = points(got.dtype.type)
    member, exact = MEMBERS[row], truth(row, got.dtype.type)[quantity]
    bound = member.bounds[quantity] * np.where((y == 0) | (y == 1), 1, 2)
    error = ulp_error(got, exact.exact) * exact.scale / bound
    assert exact.fits.mean() > 0.5
    i = np.argmax(np.where(exact.fits, error, 0))
    assert error[i] <= 1, f"{message}: {error[i]} of its bound, x = {x[i]!r}, y = {y[i]!r}"


@pytest.mark.parametrize("dtype", DTYPES)
@ROWS
def test_within_bounds_of_the_definition(row, dtype):
    for (quantity, way), got in every_way(row, *points(dtype)).items():
        assert got.dtype == dtype
        if quantity in QUANTITIES:
            check(quantity, got, row, f"{quantity} by {way}")


@FIRST_ROWS
def test_within_bounds_when_eager(row):
    x, y = points(np.float32)
    for key in (("value", "loss"), ("gradient", "jvp")):
        check(key[0], np.asarray(ways(MEMBERS[row].loss)[key](x, y)), row, f"{key}, eager")


@ROWS
def test_listed_terms_add_up(row):
    for exact in truth(row, np.float32).values():
        assert (exact.missing <= 1e-25).all()


@FIRST_ROWS
def test_mixed_derivatives_agree(row):
    x, y = points(np.float32)
    got = every_way(row, x, y)
    one, two = got["mixed", "logits first"], got["mixed", "labels first"]
    np.testing.assert_allclose(one, two, rtol=4e-6, atol=4e-6 * np.abs(one).max())


def first_two(loss):
    return jax.jit(lambda x, y: [ways(loss)[key](x, y) for key in FEW[:2]])


cross_entropy = first_two(bce_with_logits)


@FIRST_ROWS  # the further rows of a loss have the same limit
def test_the_limit_is_the_cross_entropy(row):
    """Bit for bit, or nearer to its exact value."""
    limit = MEMBERS[row].limit
    x, y = points(np.float32)
    results = zip(FEW[:2], first_two(limit)(x, y), cross_entropy(x, y), strict=True)
    for (quantity, _), got, want in results:
        exact = exact_values(quantity, x, y)
        # at soft labels the gradient vanishes in between
        unit = np.where((y == 0) | (y == 1), 0, EPS / 2) if quantity == "gradient" else 0
        close = (ulp_error(got, exact) <= 1.2) | (np.abs(got - exact.float64()) <= unit)
        assert (close | (got == want)).all(), quantity


@ROWS
def test_symmetric(row):
    """The two labels are names; 1 - y is exact."""
    if not MEMBERS[row].symmetric:
        pytest.skip("the labels differ in it")
    x = points(np.float32)[0]
    y = np.random.default_rng(0).integers(0, 1025, x.size).astype(np.float32) / 1024
    y[:32] = np.tile([0, 1], 16)
    one, other = every_way(row, x, y), every_way(row, -x, 1 - y)
    np.testing.assert_array_equal(one["value", "loss"], other["value", "loss"])
    np.testing.assert_array_equal(one["gradient", "grad"], -other["gradient", "grad"])
    np.testing.assert_array_equal(one["hessian", "hessian"], other["hessian", "hessian"])


@ROWS
def test_never_negative(row):
    for dtype in DTYPES:
        assert (every_way(row, *points(dtype))["value", "loss"] >= 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
@ROWS
def test_infinite_logits_reach_the_limit(row, dtype):
    """What the largest finite logit gives, and inf where that grows without bound."""
    most, y = np.finfo(dtype).max, np.tile(np.array([0, 1, 0.3], dtype), 2)
    sign = np.repeat(np.array([1, -1], dtype), 3)
    far, got = every_way(row, most * sign, y), every_way(row, INF * sign, y)
    for key, result in got.items():
        if key[0] == "value":
            want = np.where(far[key] > np.sqrt(most), INF, far[key])
            np.testing.assert_allclose(result, want, rtol=4 * np.finfo(dtype).eps)
        elif key[0] in ("gradient", "hessian"):
            np.testing.assert_allclose(result, far[key], rtol=4 * np.finfo(dtype).eps)
        else:
            assert not np.isnan(result).any(), key


@cache
def pushed_under_a_mask(row):
    """Losses, their gradients in logit and label, and tangents of all, in one program."""

    @jax.jit
    def results(x, y, keep, tangents):
        def all_three(x, y):
            losses, pull = jax.vjp(lambda x, y: MEMBERS[row].loss(x, y, where=keep), x, y)
            return losses, *pull(jnp.ones_like(losses))

        return jax.jvp(all_three, (x, y), tangents)

    return results


@FIRST_ROWS
def test_zero_tangents_stay_zero_at_infinite_logits(row):
    x, y = np.repeat(np.float32([INF, -INF]), 3), np.tile(np.float32([0, 1, 0.3]), 2)
    for got in pushed_under_a_mask(row)(x, y, np.full(6, True), (0 * y, 0 * y))[1]:
        np.testing.assert_array_equal(got, 0 * y)


@ROWS
def test_nan_and_labels_out_of_range_give_nan(row):
    bad = [(NAN, y) for y in (0, 1, 0.3, NAN)] + [(x, NAN) for x in (0, -30, INF, -INF)]
    bad += [(x, y) for x in (0, 2, -30, INF, -INF) for y in (2, -1, 1 + 6 * EPS, -6 * EPS, INF)]
    x, y = map(np.float32, zip(*bad, strict=True))
    for key, got in every_way(row, x, y).items():
        # the cross-entropy's mixed derivative is -1 at every logit, nan too
        assert np.isnan(got).all() or key[0] == "mixed", key


@ROWS
def test_rounding_of_labels_is_forgiven(row):
    x, near, meant = np.float32([[-2, 3], [-4 * EPS, 1 + 4 * EPS], [0, 1]])
    got, want = every_way(row, x, near), every_way(row, x, meant)
    for key, result in got.items():
        np.testing.assert_array_equal(result, want[key], f"{key}")


@FIRST_ROWS
def test_where_hides_whatever_lies_there(row):
    keep = np.array([True, False, False, True, False, True])
    good = np.float32([1, 2, 3, -4, 0.5, -1]), np.float32([0, 1, 1, 0.3, 0, 1])
    bad = [np.where(keep, one, other) for one, other in zip(good, [NAN, 7], strict=True)]
    bad[0][2], bad[1][4] = INF, NAN
    kept, ones = every_way(row, *good)["value", "loss"], (np.ones(6, np.float32),) * 2
    for arguments in (bad, good):
        parts = jax.tree.leaves(pushed_under_a_mask(row)(*arguments, keep, ones))
        for part in parts:
            np.testing.assert_array_equal(part[~keep], 0)
        np.testing.assert_allclose(parts[0][keep], kept[keep], rtol=4 * EPS)


@FIRST_ROWS
def test_arguments(row):
    loss = MEMBERS[row].loss
    with pytest.raises(ValueError, match="must be equal"):
        loss(jnp.zeros((4, 1)), jnp.zeros(4))
    with pytest.raises(TypeError, match="logits must be floats"):
        loss(jnp.zeros(4, int), jnp.zeros(4))
    with pytest.raises(TypeError, match="where must be boolean"):
        loss(jnp.zeros(4), jnp.zeros(4), where=jnp.ones(4))
    for shape in ((), (0,), (2, 1, 3)):
        assert jax.eval_shape(loss, np.ones(shape), np.zeros(shape)).shape == shape
    assert jax.jit(loss)(np.ones((0, 2)), np.zeros((0, 2))).shape == (0, 2)
    x = points(np.float32)[0]  # of which the eager test above has compiled every operation
    labels = np.arange(x.size) % 2
    want = loss(x, np.float32(labels))
    for kind in (int, bool, np.uint8, np.float64):
        got = loss(x, labels.astype(kind))
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, want)
    one, other = jax.jit(lambda: (loss(0.5, 0), loss(jnp.array(0.5), jnp.array(0))))()
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.float16])
@FIRST_ROWS
def test_16_bits_are_rounded_once(row, dtype):
    """Against the same loss in float64, of which the table above knows the error."""
    loss, size = MEMBERS[row].loss, points(np.float32)[0].size
    draw = np.random.default_rng(2)
    x = draw.normal(0, 6, size).astype(dtype)
    y = np.float32(np.arange(size) % 2)
    exact = every_way(row, x.astype(np.float64), y.astype(np.float64))

    @jax.jit
    def losses_and_slopes(x, y):
        losses, pull = jax.vjp(lambda x: loss(x, y), x)
        return losses, *pull(jnp.ones_like(losses))

    losses, slopes = losses_and_slopes(x, y)
    assert losses.dtype == np.float32
    for key, result in zip(FEW, (np.asarray(losses).astype(dtype), slopes), strict=False):
        assert result.dtype == dtype
        assert ulp_error(result, as_extended(exact[key])).max() <= 0.501, key
