"""The loss of all pairs against the whole matrix in float64, in chunks and on a ring."""

import re
from functools import cache, partial

import devices
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.losses import bce_with_logits, reduce_losses
from bcejax.losses.contrastive import sigmoid_contrastive

ALL = (0, 1, 2, 3)
SMALL = partial(sigmoid_contrastive, chunk=3)  # of 7 images, two chunks and one left over


def whole(u, v, a, b):
    """What is to be computed, with the matrix of all pairs."""
    losses = bce_with_logits(a * (u @ v.T) + b, jnp.eye(len(u)))
    return reduce_losses(losses, how="sum") / len(u)


def draw(n, d, scale=10.0, bias=-10.0, dtype=np.float64, seed=0):
    """Unit embeddings in float32, texts leaning to their images, and a tangent for everything."""
    rng = np.random.default_rng(seed)
    u = rng.standard_normal((n, d))
    v = u + rng.standard_normal((n, d))
    numbers = np.float32([scale, bias])
    units = [np.float32(each / np.linalg.norm(each, axis=1, keepdims=True)) for each in (u, v)]
    point = *units, *numbers
    way = [np.float32(rng.standard_normal(np.shape(each))) for each in point]
    return tuple(dtype(each) for each in point), tuple(dtype(each) for each in way)


def ring(u, v, a, b, chunk=2):
    """On four devices, which vmap plays."""
    each = partial(sigmoid_contrastive, chunk=chunk, axis_name="ring")
    parts = (x.reshape(4, -1, x.shape[1]) for x in (u, v))
    over = partial(jax.vmap, in_axes=(0, 0, None, None), out_axes=None, axis_name="ring")
    return over(each)(*parts, a, b)


def product(f):
    """With the Hessian, forward over reverse."""
    return lambda point, way: jax.jvp(jax.grad(f, ALL), point, way)[1]


def product_backward(f):
    def along(point, way):
        return sum(map(jnp.vdot, jax.grad(f, ALL)(*point), way))

    return jax.grad(along)


def third(f):
    def along(point, way):
        return sum(map(jnp.vdot, product(f)(point, way), way))

    return jax.grad(along)


def stacked(point):
    """Two problems."""
    return tuple(jnp.stack([each, 2 * each]) for each in point)


ORDERS = {
    "loss": lambda f: lambda point, _: f(*point),
    "gradients": lambda f: lambda point, _: jax.value_and_grad(f, ALL)(*point),
    "jvp": lambda f: lambda point, way: jax.jvp(f, point, way),
    "product": product,
    "product backward": product_backward,
    "third": third,
    "of the value beside it": lambda f: (
        lambda point, way: jax.jvp(lambda *x: jax.jvp(f, x, way)[0], point, way)[1]
    ),
    "under a scan": lambda f: product(
        lambda *x: jax.lax.scan(lambda total, _: (total + f(*x), None), 0.0 * x[2], None, 2)[0]
    ),
    "under a checkpoint": lambda f: lambda point, _: jax.grad(jax.checkpoint(f), ALL)(*point),
    "of one argument": lambda f: lambda point, _: [jax.grad(f, i)(*point) for i in ALL],
    "vmap": lambda f: lambda point, _: jax.vmap(jax.grad(f, ALL))(*stacked(point)),
}


def every_order(f):
    """One program that makes all derivatives."""
    return jax.jit(
        lambda point, way: {name: order(f)(point, way) for name, order in ORDERS.items()}
    )


def some_orders(f, *names):
    return jax.jit(lambda point, way: {name: ORDERS[name](f)(point, way) for name in names})


def off(got, want):
    """Largest difference, each array's relative to its norm."""
    pairs = zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True)
    both = ((np.asarray(x, np.float64), np.asarray(y, np.float64)) for x, y in pairs)
    return max(np.linalg.norm(x - y) / (np.linalg.norm(y) or 1) for x, y in both)


EXACT = some_orders(whole, "loss", "gradients", "product", "product backward")


@cache
def exact(n, d, scale=10.0, bias=-10.0):
    with jax.enable_x64(True):
        return EXACT(*draw(n, d, scale, bias))


LARGE = [
    some_orders(partial(sigmoid_contrastive, chunk=56), "gradients", "product"),
    some_orders(partial(ring, chunk=56), "loss", "gradients", "product backward"),
]


@pytest.mark.parametrize(("scale", "bias"), [(10, -10), (100, -40)])
def test_as_near_as_stated(scale, bias):
    """The bounds of the docstring, in eight chunks and four rows left over, on four devices."""
    want = exact(452, 16, scale, bias)
    for f in LARGE:
        for name, got in f(*draw(452, 16, scale, bias, np.float32)).items():
            assert jax.tree.leaves(got)[0].dtype == np.float32
            assert off(got, want[name]) <= 3e-6, name
            if name == "gradients":
                assert off(got[0], want[name][0]) <= 1e-6


@pytest.mark.parametrize("chunk", [1, 8, None])
def test_whatever_the_chunk(chunk):
    point, _ = draw(8, 3, dtype=np.float32)
    got = jax.jit(jax.value_and_grad(partial(sigmoid_contrastive, chunk=chunk), ALL))(*point)
    assert off(got, exact(8, 3)["gradients"]) <= 1e-6


OURS, THEIRS = every_order(SMALL), every_order(whole)


@cache
def both_orders(scale, bias):
    with jax.enable_x64(True):
        point, way = draw(7, 2, scale, bias)
        return OURS(point, way), THEIRS(point, way)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("scale", "bias"), [(3, -1), (0, 0)])
def test_derivatives_agree_in_every_order(scale, bias, order):
    """Also where all logits are 0, and the branches of the sigmoid meet."""
    got, want = both_orders(scale, bias)
    assert off(got[order], want[order]) <= 1e-13


PLAIN = jax.jit(jax.value_and_grad(SMALL, ALL))


def circle():
    """Seven directions; neighbours have a cosine of 0.62."""
    angle = 2 * np.pi * np.arange(7) / 7
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def test_likely_pairs_keep_their_digits():
    """Where every logit is right by 70, the loss is 1e-30, which 1 + e^-70 does not know."""
    u, cosines = circle(), np.cos(2 * np.pi * np.arange(7) / 7)
    value, (_, _, of_scale, of_bias) = PLAIN(u, u, np.float32(400), np.float32(-325))
    slopes = np.exp(400 * cosines - 325)  # of one image with all texts
    slopes[0] = -np.exp(-75.0)
    np.testing.assert_allclose(value, np.abs(slopes).sum(), rtol=1e-3)
    np.testing.assert_allclose(of_scale, slopes @ cosines, rtol=1e-3)
    np.testing.assert_allclose(of_bias, slopes.sum(), rtol=1e-3)


def test_logits_beyond_all_bounds():
    """What is certain and right costs nothing; certain and wrong, everything; nan stays nan."""
    u, big = circle(), np.float32(1e30)
    value, gradients = PLAIN(u, u, big, -0.8 * big)
    assert value == 0
    assert not any(each.any() for each in gradients)
    huge = np.full((7, 2), 1e20, np.float32)  # whose products are inf
    value, gradients = PLAIN(huge, huge, np.float32(1), np.float32(0))
    assert value == np.inf
    np.testing.assert_allclose(gradients[0], 6e20 / 7, rtol=1e-6)
    u[2, 1] = np.nan
    value, gradients = PLAIN(u, u, np.float32(1), np.float32(0))
    assert np.isnan(value)
    assert all(np.isnan(each).all() for each in gradients[1:])


def test_few_and_none():
    one = np.ones((1, 1), np.float32)
    np.testing.assert_allclose(sigmoid_contrastive(one, one, 2, 1), np.log1p(np.exp(-3)), rtol=1e-6)
    nothing = np.zeros((0, 3), np.float32)
    both = jax.jit(jax.value_and_grad(sigmoid_contrastive, ALL))
    value, gradients = both(nothing, nothing, 1.0, 0.0)
    assert (value, *gradients[2:]) == (0, 0, 0)
    flat = np.zeros((2, 0), np.float32)
    np.testing.assert_allclose(sigmoid_contrastive(flat, flat, 1.0, 0.0), 2 * np.log(2), rtol=1e-6)


def test_embeddings_of_16_bits_are_summed_in_32():
    """Also where they go round a ring as they are."""
    (u, v, a, b), way = draw(8, 3, dtype=np.float32)
    short = jnp.asarray(u, jnp.bfloat16), jnp.asarray(v, jnp.bfloat16)
    value, gradients = jax.jit(jax.value_and_grad(ring, ALL))(*short, a, b)
    with jax.enable_x64(True):
        wide = (tuple(map(np.float64, each)) for each in ((*short, a, b), way))
        want, its_gradients = EXACT(*wide)["gradients"]
    assert value.dtype == np.float32
    assert off((value, gradients[2:]), (want, its_gradients[2:])) <= 1e-6
    for got, each in zip(gradients[:2], its_gradients[:2], strict=True):
        assert got.dtype == jnp.bfloat16
        np.testing.assert_allclose(np.float32(got), each, rtol=2**-8, atol=1e-6)


def test_dtypes_mix():
    u, v = np.ones((2, 3), np.float16), jnp.ones((2, 3), jnp.bfloat16)
    assert sigmoid_contrastive(u, v, 1, np.float64(0)).dtype == np.float32
    with jax.enable_x64(True):
        assert sigmoid_contrastive(u, np.ones((2, 3)), 1, np.float32(0)).dtype == np.float64


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"text_emb": np.ones((3, 2))},
            ValueError,
            r"text_emb has shape \(3, 2\), image_emb \(2, 2",
        ),
        ({"text_emb": np.ones(2)}, ValueError, r"text_emb has shape \(2,\); it takes \(n, d\)"),
        ({"image_emb": np.eye(2, dtype=int)}, TypeError, "image_emb must be floats, got int"),
        ({"image_emb": np.eye(2) * 1j}, TypeError, "image_emb must be real numbers, got complex"),
        ({"scale": np.ones(1)}, ValueError, r"scale has shape \(1,\); it takes one number"),
        ({"chunk": 0}, ValueError, "chunk is 0; there must be 1 or more"),
        ({"chunk": 2.0}, TypeError, "chunk is 2.0; it must be an integer"),
        ({"axis_name": "ring"}, NameError, "ring"),
    ],
)
def test_refuses_in_one_line(changed, error, message):
    arguments = {"image_emb": np.eye(2), "text_emb": np.eye(2), "scale": 1, "bias": 0}
    with pytest.raises(error, match=message):
        sigmoid_contrastive(**arguments | changed)


def shapes(n, d):
    point = tuple(jax.ShapeDtypeStruct(each, np.float32) for each in ((n, d), (n, d), (), ()))
    return point, point


@pytest.mark.parametrize(
    ("order", "blocks"), [("gradients", 3), ("product", 5), ("product backward", 7)]
)
def test_the_matrix_is_never_whole(order, blocks):
    """Of 2048 images in chunks of 64, 32 blocks are the matrix."""
    n, d, chunk = 2048, 8, 64
    f = jax.jit(ORDERS[order](partial(sigmoid_contrastive, chunk=chunk)))
    used = f.lower(*shapes(n, d)).compile().memory_analysis().temp_size_in_bytes
    assert used <= 4 * (blocks * chunk * n + 2 * n * d)


@pytest.mark.parametrize(
    ("f", "products"),
    [(sigmoid_contrastive, 1), (jax.value_and_grad(sigmoid_contrastive, ALL), 3)],
)
def test_one_sweep_makes_loss_and_gradients(f, products):
    program = str(jax.make_jaxpr(f)(*shapes(7, 2)[0]))
    assert len(re.findall(r"\[\d,\d\] = dot_general\[", program)) == products


def test_lowers_for_all_platforms():
    f = jax.jit(ORDERS["product"](SMALL))
    exported = jax.export.export(f, platforms=["cpu", "cuda", "tpu"])(*shapes(7, 2))
    assert exported.platforms == ("cpu", "cuda", "tpu")


SHARDED = """
import re
import jax, numpy as np
from functools import partial
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec as P
from losses.test_contrastive import ALL, draw, off, product
from bcejax.losses.contrastive import sigmoid_contrastive

mesh = Mesh(np.array(jax.devices()), ("ring",))
assert mesh.size == 4
point, way = draw(40, 3, dtype=np.float32)
of_both = partial(jax.value_and_grad, argnums=ALL)
want = jax.jit(of_both(sigmoid_contrastive))(*point)
places = P("ring"), P("ring"), P(), P()
ours = partial(sigmoid_contrastive, chunk=4, axis_name="ring")

unchecked = partial(jax.shard_map, mesh=mesh, in_specs=places, out_specs=P(), check_vma=False)
over = partial(jax.shard_map, mesh=mesh, in_specs=places)
outside = jax.jit(of_both(over(ours, out_specs=P())))
inside = jax.jit(over(of_both(ours), out_specs=(P(), places)))
for f in (outside, inside, jax.jit(of_both(unchecked(ours)))):
    assert off(f(*point), want) <= 1e-6
hessian = jax.jit(product(sigmoid_contrastive))(point, way)
assert off(jax.jit(product(over(ours, out_specs=P())))(point, way), hessian) <= 3e-6

# on axes of which each array's type tells, images or dimensions divided
explicit = Mesh(np.array(jax.devices()), ("ring",), axis_types=(AxisType.Explicit,))
for spec in (P("ring"), P(None, "ring")):
    pair = [each[:, [0, 1, 2, 2]] for each in point[:2]]
    placed = [jax.device_put(each, NamedSharding(explicit, spec)) for each in pair]
    for chunk in (4, 7, None):
        f = jax.jit(of_both(partial(sigmoid_contrastive, chunk=chunk)))
        got, same = f(*placed, *point[2:]), f(*pair, *point[2:])
        assert off(got, same) <= 1e-6
        assert got[1][0].sharding.is_equivalent_to(placed[0].sharding, 2)

# each device by itself: whatever varies over the axis may be an argument
alone = over(lambda *x: sigmoid_contrastive(*x, chunk=4)[None], out_specs=P("ring"))(*point)
np.testing.assert_allclose(
    alone[1], sigmoid_contrastive(point[0][10:20], point[1][10:20], *point[2:]), rtol=1e-6
)

program = outside.lower(*point).compile().as_text()
found = set(re.findall(r" (all-[a-z]+|collective-[a-z]+|reduce-scatter)(?:-start)?\\(", program))
assert found == {"collective-permute", "all-reduce"}, found
assert not re.search(r"\\[40,40\\]", program)
jax.export.export(outside, platforms=["cpu", "cuda", "tpu"])(*point)

try:
    over(ours, out_specs=P())(point[0][:38], point[1][:38], *point[2:])
except ValueError as error:
    assert "not evenly divisible" in str(error)
    print("right")
"""


def test_on_a_ring_of_four_devices(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "tests")
    assert devices.run(4, SHARDED) == "right"
