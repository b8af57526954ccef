"""A linear head without its logits: as the whole computation, under every transformation."""

import json

import devices
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from bcejax import bce_with_logits, reduce_losses
from bcejax.losses.linear_head import Positives, linear_bce

N, D, L = 6, 3, 37  # L is prime: the last chunk of eight labels overlaps the one before
CHUNK = 8
DRAW = np.random.default_rng(0)
X, W, B = (DRAW.normal(size=shape).astype(np.float32) for shape in ((N, D), (D, L), (L,)))
SOFT = DRAW.random((N, L)).astype(np.float32)
SOFT[0, :2] = 0, 1
FACTORS = DRAW.random(L).astype(np.float32) + 0.5
COUNTS = DRAW.random((N, 1)).astype(np.float32)
KEEP = DRAW.random((N, L)) < 0.8
PLACES = np.int32([[36, 0], [5, 5], [-1, 7], [7, -1], [-1, -1], [8, 32]])
HARD = np.array([[j in row for j in range(L)] for row in PLACES])
EPS = np.finfo(np.float32).eps


def whole(features, kernel, bias, labels, *, pos_weight=None, weights=None, where=None, how="mean"):
    logits = features @ kernel if bias is None else features @ kernel + bias
    losses = bce_with_logits(logits, labels, pos_weight=pos_weight, where=where)
    return reduce_losses(losses, weights=weights, where=where, how=how)


def fused(*arguments, **options):
    return linear_bce(*arguments, chunk=CHUNK, **options)


def truth(features, kernel, bias, labels, pos_weight, weights, where, how):
    """Value and gradients in all six, by NumPy in float64."""
    x, k, y = (np.asarray(each, np.float64) for each in (features, kernel, labels))
    c, w, keep = (1.0 if each is None else each for each in (pos_weight, weights, where))
    full = np.broadcast_to(w * keep, y.shape).astype(np.float64)
    z = x @ k + (0 if bias is None else np.asarray(bias, np.float64))
    losses = c * y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)
    below = {"mean": full.sum(), "count": np.broadcast_to(keep, y.shape).sum(), "sum": 1}[how]
    value = (full * losses).sum() / below
    s = 1 / (1 + np.exp(-z))
    in_logits = full * ((1 - y) * s - c * y * (1 - s)) / below
    each_less = losses - value if how == "mean" else losses
    return value, {
        "features": in_logits @ k.T,
        "kernel": x.T @ in_logits,
        "bias": in_logits.sum(0),
        "labels": full * (c * np.logaddexp(0, -z) - np.logaddexp(0, z)) / below,
        "pos_weight": (full * y * np.logaddexp(0, -z)).sum(0) / below,
        "weights": (keep * each_less).sum(1, keepdims=True) / below,
    }


CASES = {
    "soft labels, all options": (
        {"features": X, "kernel": W, "bias": B, "labels": SOFT, "pos_weight": FACTORS}
        | {"weights": COUNTS},
        {"where": KEEP},
        "mean",
    ),
    "indices, all options": (
        {"features": X, "kernel": W, "bias": B, "pos_weight": FACTORS, "weights": COUNTS},
        {"where": KEEP[:1], "labels": Positives(PLACES)},
        "count",
    ),
    "indices alone": (
        {"kernel": W},
        {"features": X, "bias": B, "labels": Positives(PLACES)},
        "sum",
    ),
    "booleans, no bias": ({"features": X, "kernel": W}, {"bias": None, "labels": HARD}, "mean"),
}


@pytest.mark.parametrize("case", CASES)
def test_value_and_gradients(case):
    """Against float64: 1e-6 of the value, and of the largest entry of a gradient.

    The gradient in the weights of a mean is a difference, and has fewer digits.
    """
    varied, fixed, how = CASES[case]
    names = list(varied)

    def reduced(*varied):
        given = dict(zip(names, varied, strict=True)) | fixed
        order = [given.pop(name) for name in ("features", "kernel", "bias", "labels")]
        return fused(*order, **given, how=how)

    value, gradients = jax.jit(jax.value_and_grad(reduced, tuple(range(len(names)))))(
        *varied.values()
    )
    given = {"pos_weight": None, "weights": None, "where": None} | varied | fixed
    if isinstance(given["labels"], Positives):
        given["labels"] = HARD
    exact, wanted = truth(**given, how=how)
    assert abs(value - exact) <= 1e-6 * exact
    for name, gradient in zip(names, gradients, strict=True):
        assert gradient.dtype == np.float32
        slack = (4e-6 if name == "weights" else 1e-6) * np.abs(wanted[name]).max()
        np.testing.assert_allclose(
            gradient, wanted[name].reshape(gradient.shape), rtol=0, atol=slack
        )


@pytest.fixture(scope="module")
def by_indices():
    """Value and gradients from indices that the program does not know beforehand."""

    def reduced(x, w, b, indices, where):
        return fused(x, w, b, Positives(indices), where=where)

    return jax.jit(jax.value_and_grad(reduced, (0, 1, 2)))


ALL = np.ones((N, 1), bool)


def test_an_index_counts_once_in_any_order(by_indices):
    """And minus one is none, wherever it stands."""
    again = np.int32([[0, 36], [-1, 5], [7, 7], [-1, 7], [-1, -1], [32, 8]])
    for one, two in zip(
        jax.tree.leaves(by_indices(X, W, B, PLACES, ALL)),
        jax.tree.leaves(by_indices(X, W, B, again, ALL)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("outside", [L, L + 5, -2, 2**31 - 1, -(2**31)])
def test_an_index_outside_raises_or_gives_nan(by_indices, outside):
    wrong = PLACES.copy()
    wrong[3, 1] = outside
    with pytest.raises(ValueError, match=rf"indices lie in \[-1, 37\), found {outside} in row 3"):
        linear_bce(X, W, B, Positives(wrong))
    value, gradients = by_indices(X, W, B, wrong, ALL)
    assert np.isnan(value)
    assert np.isnan(gradients[0][3]).all()
    assert np.isnan(gradients[1]).all()
    left_out = np.arange(N)[:, None] != 3
    assert np.isfinite(linear_bce(X, W, B, Positives(wrong), where=left_out))
    masked = by_indices(X, W, B, wrong, left_out)
    for one, two in zip(
        jax.tree.leaves(masked), jax.tree.leaves(by_indices(X, W, B, PLACES, left_out)), strict=True
    ):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.uint16, np.uint32, np.int64, np.uint64])
def test_indices_of_any_integers(kind):
    """Also where the number of labels is not one of theirs."""
    kernel, places = np.tile(W, 8), np.abs(PLACES)
    want = linear_bce(X, kernel, None, Positives(places))
    with jax.enable_x64(True):
        got = linear_bce(X, kernel, None, Positives(places.astype(kind)))
    np.testing.assert_array_equal(got, want)


def test_an_index_that_jax_would_cut_to_32_bits_is_outside():
    with jax.enable_x64(False), pytest.raises(ValueError, match="found 4294967297 in row 1"):
        linear_bce(X, W, B, Positives(np.int64([[0]] + [[2**32 + 1]] * 5)))


def test_an_index_of_64_bits_is_judged_whole(by_indices):
    with jax.enable_x64(True):
        assert np.isnan(by_indices(X, W, B, np.int64(PLACES) + 2**32, ALL)[0])


@pytest.mark.parametrize("labels", [SOFT, Positives(PLACES)], ids=["dense", "indices"])
def test_nan_in_what_is_left_out_reaches_nothing(labels):
    x, w, b = X.copy(), W.copy(), B.copy()
    x[2], w[:, 4], b[9] = np.nan, np.nan, np.inf
    where = np.ones((N, L), bool)
    where[2], where[:, [4, 9]] = False, False
    take = jax.jit(
        jax.value_and_grad(lambda x, w, b: fused(x, w, b, labels, where=where), (0, 1, 2))
    )
    for one, two in zip(
        jax.tree.leaves(take(x, w, b)), jax.tree.leaves(take(X, W, B)), strict=True
    ):
        np.testing.assert_array_equal(one, two)


def test_weight_0_silences_features_that_are_no_numbers():
    """They count as 0; the loss is still the derivative in the weight."""
    x, silent, weights = X.copy(), X.copy(), COUNTS.copy()
    x[2], silent[2], weights[[2, 3]] = np.nan, 0, 0

    def take(head, x):
        def reduced(x, w, weights):
            return head(x, w, B, SOFT, weights=weights, how="count")

        return jax.jit(jax.value_and_grad(reduced, (0, 1, 2)))(x, W, weights)

    value, (in_x, in_w, in_weights) = take(fused, x)
    exact, (_, wanted, losses) = take(whole, silent)
    np.testing.assert_allclose(value, exact, rtol=1e-6)
    np.testing.assert_allclose(in_w, wanted, atol=1e-6 * np.abs(wanted).max())
    assert not in_x[2].any()
    np.testing.assert_allclose(in_weights, losses, rtol=1e-6)


@pytest.mark.parametrize("where", [ALL & (np.arange(N)[:, None] != 2), KEEP[:1]])
def test_weights_of_each_loss_under_a_mask_of_examples_or_labels(where):
    given = {"weights": SOFT + 1, "where": where}
    got, want = fused(X, W, B, HARD, **given), whole(X, W, B, HARD, **given)
    np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("label", [-1e-6, 1 + 1e-6])
def test_a_label_outside_gives_nan(label):
    labels = SOFT.copy()
    labels[3, 4] = label
    assert np.isnan(fused(X, W, B, labels))


@pytest.mark.parametrize("labels", [HARD, Positives(PLACES)], ids=["dense", "indices"])
def test_infinite_logits(labels):
    """A bias of -inf rules a label out: no loss where it is 0, inf where it is 1."""
    bias = B.copy()
    bias[[1, 11]] = -np.inf, np.inf
    take = jax.jit(jax.value_and_grad(lambda b, where: fused(X, W, b, labels, where=where)))
    value, gradient = take(bias, np.arange(L)[None] != 11)
    assert np.isfinite(value)
    assert gradient[1] == gradient[11] == 0
    assert np.isfinite(gradient).all()
    value, gradient = take(bias, np.ones((1, L), bool))
    assert value == np.inf
    np.testing.assert_allclose(gradient[11] * HARD.size, N, rtol=1e-6)


def mean(head, labels):
    """A function of features and kernel."""
    return lambda x, w: head(x, w, B[:5], labels)


TWO = X[:2], W[:, :5], X[2:4], W[:, 5:10]  # features and kernel, and tangents for them
FIVE = SOFT[:2, :5]


def dot(one, two):
    return sum(jnp.vdot(a, b) for a, b in zip(one, two, strict=True))


def derivatives(head):
    """Derivatives of several orders, by all ways, of two examples and five labels in chunks."""
    f = mean(head, FIVE)
    gradient = jax.grad(f, (0, 1))

    def taken(x, w, x_dot, w_dot):
        at, along = (x, w), (x_dot, w_dot)

        def product(x, w):
            return dot(gradient(x, w), along)

        return {
            "first": [jax.jvp(f, at, along)[1], dot(gradient(*at), along), product(*at)],
            "second": [
                jax.jvp(gradient, at, along)[1],
                jax.grad(product, (0, 1))(*at),
                jax.grad(lambda *at: jax.jvp(f, at, along)[1], (0, 1))(*at),
                jax.grad(lambda *at: dot(jax.checkpoint(gradient)(*at), along), (0, 1))(*at),
            ],
            "third": [
                jax.jvp(jax.grad(product, (0, 1)), at, along)[1],
            ],
        }

    return jax.jit(taken)(*TWO)


def test_derivatives_of_all_orders():
    """By every way, as those of the whole; jax 0.10 drops rules inside a scan, unseen here."""
    want = derivatives(whole)
    got = derivatives(lambda *those: linear_bce(*those, chunk=2))
    for order, ways in got.items():
        for way in ways:
            for one, two in zip(jax.tree.leaves(way), jax.tree.leaves(want[order][0]), strict=True):
                np.testing.assert_allclose(one, two, atol=2e-6 * np.abs(two).max())


def test_second_derivatives_keep_their_digits_in_the_tails():
    """A plain sigmoid's derivative is 0 in float32 from 17 on."""
    for labels in (np.ones((1, 4), np.float32), Positives(np.int32([[0, 1, 2, 3]]))):

        def at(x, labels=labels):
            return linear_bce(x[None, None], np.ones((1, 4), np.float32), None, labels, chunk=2)

        got = jax.jit(jax.vmap(jax.hessian(at)))(np.float32([20, -20]))
        np.testing.assert_allclose(got, 2.0611537e-09, rtol=1e-6)


def test_vmap_and_scan_agree_with_a_loop():
    kernels = np.stack([W, 2 * W, -W])
    one = jax.value_and_grad(lambda w: fused(X, w, B, Positives(PLACES)))
    loop = [jax.jit(one)(w) for w in kernels]
    mapped, scanned = (
        jax.jit(jax.vmap(one))(kernels),
        jax.jit(lambda w: jax.lax.map(one, w))(kernels),
    )
    for i, each in enumerate(loop):
        for got in (mapped, scanned):
            np.testing.assert_allclose(got[0][i], each[0], rtol=1e-6)
            np.testing.assert_allclose(got[1][i], each[1], atol=1e-6 * np.abs(each[1]).max())


@pytest.mark.parametrize(("argnums", "products"), [((), 1), (0, 2), (1, 2), (2, 1), ((0, 1, 2), 3)])
def test_one_sweep_with_no_product_more_than_asked_for(argnums, products):
    """Reverse mode takes the gradients with the value: one loop, one product of matrices each."""

    def reduced(x, w, b):
        return fused(x, w, b, Positives(jnp.asarray(PLACES)))

    f = jax.value_and_grad(reduced, argnums) if argnums != () else reduced
    program = jax.jit(f).lower(X, W, B).as_text()
    assert program.count("stablehlo.while") == 1
    assert program.count("stablehlo.dot_general") == products


def test_bfloat16_is_computed_and_added_up_in_float32():
    """The value is that of the rounded numbers, a gradient rounded once."""
    given = [jnp.asarray(each, jnp.bfloat16) for each in (X, W, B, COUNTS, COUNTS + 1)]

    def reduced(x, w, b, weights, c):
        return fused(x, w, b, Positives(PLACES), weights=weights, pos_weight=c, how="sum")

    take = jax.jit(jax.value_and_grad(reduced, tuple(range(5))))
    value, gradients = take(*given)
    exact, wanted = take(*(each.astype(np.float32) for each in given))
    assert value.dtype == np.float32
    np.testing.assert_allclose(value, exact, rtol=1e-6)
    for one, two in zip(gradients, wanted, strict=True):
        assert one.dtype == jnp.bfloat16
        np.testing.assert_allclose(one.astype(np.float32), two, rtol=2**-8, atol=1e-9)


def test_float64():
    with jax.enable_x64(True):
        given = [np.asarray(each, np.float64) for each in (X, W, B, SOFT)]
        value, gradient = jax.value_and_grad(fused, 1)(*given)
        exact, wanted = truth(*given, None, None, None, "mean")
        assert value.dtype == gradient.dtype == np.float64
        assert abs(value - exact) <= 1e-14
        np.testing.assert_allclose(gradient, wanted["kernel"], atol=1e-14)
        assert jax.eval_shape(fused, X, W, B, given[3]).dtype == np.float32
        assert jax.eval_shape(fused, X, W, given[2], SOFT).dtype == np.float64


@pytest.mark.parametrize(
    ("n", "n_labels", "where", "weight"),
    [(0, 3, True, 1), (2, 0, True, 1), (2, 3, False, 1), (2, 3, True, 0)],
)
def test_nothing_to_count_gives_0_with_gradient_0(n, n_labels, where, weight):
    x, w = np.ones((n, 2), np.float32), np.ones((2, n_labels), np.float32)
    y = np.ones((n, n_labels), np.float32)

    def take(x, w, weights):
        return linear_bce(x, w, None, y, weights=weights, where=where)

    weights = np.full((n, 1), weight, np.float32)
    value, gradients = jax.jit(jax.value_and_grad(take, (0, 1, 2)))(x, w, weights)
    assert value == 0
    assert not any(each.any() for each in gradients)


@pytest.mark.parametrize("weight", [8e37, 1e38, 3e38])
@pytest.mark.parametrize("where", [None, np.array(True)])
def test_a_sum_of_weights_whose_inverse_is_lost_gives_nan(weight, where):
    x, w, y = (np.ones(shape, np.float32) for shape in ((2, 2), (2, 1), (2, 1)))
    weights = np.array([[weight], [0]], np.float32)
    value, gradient = jax.value_and_grad(
        lambda w: linear_bce(x, w / 16, None, y, weights=weights, where=where)
    )(w)
    want = np.log1p(np.exp(-1 / 8)) if weight < 2**126 else np.nan
    np.testing.assert_allclose(value, want, rtol=1e-6)
    assert np.isfinite(gradient).all() == (weight < 2**126)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"features": X[0]}, ValueError, r"features has shape \(3,\); it takes n, d"),
        ({"features": X.astype(int)}, TypeError, "features must be floats, got int"),
        ({"kernel": W.T}, ValueError, r"features have shape \(6, 3\), kernel \(37, 3\): d must be"),
        ({"bias": B[1:]}, ValueError, r"bias has shape \(36,\), kernel \(3, 37\): L must be one"),
        ({"labels": PLACES}, ValueError, r"indices of positives go in as Positives\(indices\)"),
        ({"labels": Positives(PLACES[1:])}, ValueError, r"indices have shape \(5, 2\); they take"),
        ({"labels": Positives(SOFT)}, TypeError, "indices must be integers, got float32"),
        ({"weights": COUNTS[:, 0]}, ValueError, r"one for each example goes in as \(6, 1\)"),
        (
            {"pos_weight": np.ones((2, L))},
            ValueError,
            r"pos_weight has shape \(2, 37\), which does",
        ),
        ({"where": np.ones((1, 1, L), bool)}, ValueError, r"where has shape \(1, 1, 37\), which"),
        ({"where": COUNTS}, TypeError, "where must be boolean, got float32"),
        ({"how": "average"}, ValueError, "how is one of 'mean', 'count', 'sum', got 'average'"),
        ({"chunk": 0}, ValueError, "chunk is 0; there must be 1 or more"),
    ],
)
def test_refuses(changed, error, message):
    given = {"features": X, "kernel": W, "bias": B, "labels": SOFT} | changed
    order = [given.pop(name) for name in ("features", "kernel", "bias", "labels")]
    with pytest.raises(error, match=message):
        linear_bce(*order, **given)


class TestMemory:
    """By XLA's own account of a compiled program."""

    N, D, CHUNK = 256, 16, 512

    def temporaries(self, n_labels, weights="", where="", pos_weight="", dtype=np.float32):
        def reduced(x, w, b, given, where, indices):
            return linear_bce(x, w, b, Positives(indices), chunk=self.CHUNK, where=where, **given)

        def shaped(axes, dtype=dtype):
            shape = tuple({"n": self.N, "d": self.D, "L": n_labels}[axis] for axis in axes)
            return jax.ShapeDtypeStruct((*shape, 1) if axes == "n" else shape, dtype)

        given = {"weights": weights, "pos_weight": pos_weight}
        floats = {name: shaped(axes) for name, axes in given.items() if axes}
        mask = shaped(where, bool) if where else None
        indices = jax.ShapeDtypeStruct((self.N, 5), np.int32)
        program = jax.jit(jax.value_and_grad(reduced, (0, 1, 2, 3)))
        lowered = program.lower(*map(shaped, ("nd", "dL", "L")), floats, mask, indices)
        return lowered.compile().memory_analysis().temp_size_in_bytes

    @pytest.mark.parametrize(
        ("weights", "where", "pos_weight", "chunks"),
        [
            ("", "", "", 3 if jax.__version_info__ < (0, 12) else 2),
            ("", "n", "", 3),
            ("n", "n", "L", 6),
            ("L", "n", "", 6),
            ("n", "L", "", 6),
        ],
    )
    def test_a_few_chunks_however_many_labels(self, weights, where, pos_weight, chunks):
        few, many = (
            self.temporaries(n_labels, weights, where, pos_weight) for n_labels in (5120, 51_200)
        )
        vectors = 4096 + 4 * 4 * 51_200 * bool(weights + pos_weight)  # not n times as many
        assert abs(many - few) <= vectors
        assert many <= chunks * 4 * self.N * self.CHUNK

    @pytest.mark.skipif(jax.__version_info__ < (0, 12), reason="XLA widens the whole kernel")
    def test_no_wide_copy_of_a_kernel_of_16_bits(self):
        assert self.temporaries(51_200, dtype=jnp.bfloat16) <= 3 * 4 * self.N * self.CHUNK


def test_lowers_for_all_platforms_without_float64():
    with jax.enable_x64(True):
        f = jax.jit(
            jax.value_and_grad(lambda *those: fused(*those[:3], Positives(those[3])), (0, 1))
        )
        given = [jax.ShapeDtypeStruct(each.shape, each.dtype) for each in (X, W, B, PLACES)]
        exported = export.export(f, platforms=["cpu", "cuda", "tpu"])(*given)
    assert exported.platforms == ("cpu", "cuda", "tpu")
    assert "xf64" not in exported.mlir_module()


@pytest.mark.parametrize("labels", [np.zeros((N, L), np.float32), np.zeros((N, L), bool)])
def test_labels_0_do_not_see_an_infinite_factor(labels):
    of_factor = jax.jit(jax.value_and_grad(lambda w, c: fused(X, w, B, labels, pos_weight=c)))
    got, want = (of_factor(W, np.full(L, c, np.float32)) for c in (np.inf, 1))
    for each, other in zip(got, want, strict=True):
        np.testing.assert_array_equal(each, other)


SHARDED = """
import json, re
from functools import partial
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec as P
from bcejax.losses.linear_head import Positives, linear_bce

N, D, L = 32, 8, 4000
draw = np.random.default_rng(0)
X, W, B = (draw.normal(size=s).astype(np.float32) for s in ((N, D), (D, L), (L,)))
PLACES = draw.integers(0, L, (N, 3)).astype(np.int32)
DENSE = np.zeros((N, L), bool)
np.put_along_axis(DENSE, PLACES, True, 1)
mesh = Mesh(np.array(jax.devices()), ("it",))
explicit = Mesh(np.array(jax.devices()), ("it",), axis_types=(AxisType.Explicit,))

def head(x, w, b, labels):
    return linear_bce(x, w, b, labels, chunk=400)

def summed(x, w, b, labels):
    # an array of labels is one device's: the sum, not the mean
    return jax.lax.psum(linear_bce(x, w, b, labels, chunk=400, how="sum"), "it") / (N * L)

def put(array, *axes):
    return jax.device_put(array, NamedSharding(mesh, P(*axes)))

def stated(arrays):
    # on axes of which each array's type tells
    places = jax.tree.map(lambda array: NamedSharding(explicit, array.sharding.spec), arrays)
    return jax.device_put(arrays, places)

by_batch = put(X, "it"), put(W), put(B)
by_labels = put(X), put(W, None, "it"), put(B, "it")
specs = {
    "batch": (P("it"), P(), P(), P("it")),
    "labels": (P(), P(None, "it"), P("it"), P(None, "it")),
}
manual = {
    name: jax.shard_map(summed, mesh=mesh, in_specs=each, out_specs=P())
    for name, each in specs.items()
}

def sizes(text):
    # entries of each float32 array that is named
    shapes = re.findall(r"f32\\[([\\d,]*)\\]", text)
    return [int(np.prod([int(each) for each in shape.split(",") if each])) for shape in shapes]

RUNS = {
    "batch, indices": (head, *by_batch, Positives(put(PLACES, "it"))),
    "labels, indices": (head, *by_labels, Positives(put(PLACES))),
    "labels, dense": (head, *by_labels, put(DENSE, None, "it")),
    "batch, indices, explicit": (head, *stated((*by_batch, Positives(put(PLACES, "it"))))),
    "labels, indices, explicit": (head, *stated((*by_labels, Positives(put(PLACES))))),
    "labels, dense, explicit": (head, *stated((*by_labels, put(DENSE, None, "it")))),
    "batch, dense, shard_map": (manual["batch"], *by_batch, put(DENSE, "it")),
    "labels, dense, shard_map": (manual["labels"], *by_labels, put(DENSE, None, "it")),
}
single = jax.jit(jax.value_and_grad(head, (0, 1, 2)))(X, W, B, Positives(PLACES))
found = {}
for name, (f, *arguments) in RUNS.items():
    program = jax.jit(jax.value_and_grad(f, (0, 1, 2))).lower(*arguments).compile()
    text, got = program.as_text(), program(*arguments)
    kinds = "all-gather|all-reduce|all-to-all|collective-permute|reduce-scatter"
    moved = re.findall(rf"= (.*?) ({kinds})(?:-start)?\\(", text)
    found[name] = {
        "off": max(float(np.abs(np.asarray(a) - b).max() / np.abs(b).max())
                   for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(single))),
        "kinds": sorted({kind for _, kind in moved}),
        "moved": sum(sum(sizes(what)) for what, _ in moved),
        "largest": max(sizes(text)),
        "kept": all(a.sharding.is_equivalent_to(b.sharding, a.ndim)
                    for a, b in zip(got[1], arguments)),
    }
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def on_four_devices():
    return json.loads(devices.run(4, SHARDED))


RUNS = ["batch, indices", "labels, indices", "labels, dense"]
RUNS += [f"{run}, explicit" for run in RUNS]
RUNS += ["batch, dense, shard_map", "labels, dense, shard_map"]


@pytest.mark.parametrize("run", RUNS)
def test_spread_over_devices(on_four_devices, run):
    """As on one, by sums over devices of gradients of a chunk alone; no array has n L entries."""
    found = on_four_devices[run]
    assert found["off"] <= 1e-6
    assert found["kinds"] == ["all-reduce"]
    assert found["moved"] <= 8 * 4000 + 4000 + 32
    assert found["largest"] <= 8 * 4000
    assert found["kept"]
