"""The loss under JAX's transformations: all agree, to every order, and trace once."""

import devices
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import jet
from losses.ways import loss
from reference import closed_form, hard_logits

from bcejax import (
    bce_gradient,
    bce_hessian,
    bce_with_log_probs,
    bce_with_logits,
    bce_with_probs,
    bernoulli_kl,
    reduce_losses,
)

X = hard_logits(np.float32, 64)
Y = np.random.default_rng(0).choice(np.float32([0, 1, 0.3]), X.shape)
C = np.full_like(X, 2.5)


def mean(x):
    return reduce_losses(bce_with_logits(x, Y))


def exact_gradient(x):
    return bce_gradient(x, Y)


def in_blocks(f, x):
    """A scan over pairs of rows, as in accumulation of gradients."""
    rows = X.size // 2

    def add(total, block):
        return total + f(*block), None

    blocks = (x[: 2 * rows].reshape(rows, 2), Y[: 2 * rows].reshape(rows, 2))
    return lax.scan(add, jnp.zeros(()), blocks)[0]


def block_sum(x, y):
    return bce_with_logits(x, y).sum()


WAYS = {
    "jit(vmap(grad))": lambda x: jax.jit(jax.vmap(jax.grad(bce_with_logits)))(x, Y),
    "vmap(jit(grad))": lambda x: jax.vmap(jax.jit(jax.grad(bce_with_logits)))(x, Y),
    "grad(sum(vmap))": jax.grad(lambda x: jax.vmap(bce_with_logits)(x, Y).sum()),
    "grad(checkpoint)": jax.grad(lambda x: jax.checkpoint(bce_with_logits)(x, Y).sum()),
    "grad(scan)": lambda x: jnp.append(
        jax.grad(lambda v: in_blocks(block_sum, v))(x)[: X.size // 2 * 2],
        exact_gradient(x)[X.size // 2 * 2 :],
    ),
    "scan(grad)": lambda x: lax.map(lambda p: jax.grad(bce_with_logits)(*p), (x, Y)),
    "grad(checkpoint(scan))": lambda x: jnp.append(
        jax.grad(lambda v: in_blocks(jax.checkpoint(block_sum), v))(x)[: X.size // 2 * 2],
        exact_gradient(x)[X.size // 2 * 2 :],
    ),
    "linear_transpose": lambda x: jax.linear_transpose(
        jax.linearize(lambda v: bce_with_logits(v, Y), x)[1], x
    )(jnp.ones_like(x))[0],
    "jacfwd": lambda x: jnp.diagonal(jax.jacfwd(lambda v: bce_with_logits(v, Y))(x)),
    "jacrev": lambda x: jnp.diagonal(jax.jacrev(lambda v: bce_with_logits(v, Y))(x)),
}


@pytest.mark.parametrize("way", WAYS)
def test_gradients_agree_bit_for_bit(way):
    np.testing.assert_array_equal(jax.jit(WAYS[way])(X), jax.jit(exact_gradient)(X))


PRODUCTS = {
    "forward over reverse": lambda f, x, v: jax.jvp(jax.grad(f), (x,), (v,))[1],
    "reverse over forward": lambda f, x, v: jax.grad(lambda u: jax.jvp(f, (u,), (v,))[1])(x),
    "reverse over reverse": lambda f, x, v: jax.grad(lambda u: jnp.vdot(jax.grad(f)(u), v))(x),
    "hessian": lambda f, x, v: jax.hessian(f)(x) @ v,
}


@pytest.mark.parametrize("how", PRODUCTS)
def test_hessian_products_agree(how):
    v = np.float32(np.random.default_rng(1).integers(-4, 5, X.shape))
    total = lambda x: bce_with_logits(x, Y).sum()  # noqa: E731
    got = jax.jit(lambda x, v: PRODUCTS[how](total, x, v))(X, v)
    np.testing.assert_allclose(got, jax.jit(bce_hessian)(X) * v, rtol=2e-7, atol=0)


def test_all_arguments_agree_forward_and_backward():
    """Every second derivative in logit, label and weight, in the four orders, is symmetric."""
    orders = [(a, b) for a in (jax.jacfwd, jax.jacrev) for b in (jax.jacfwd, jax.jacrev)]
    args = X[np.abs(X) < 20], Y[np.abs(X) < 20], C[np.abs(X) < 20]
    got = [
        jax.jit(jax.vmap(outer(inner(loss, (0, 1, 2)), (0, 1, 2))))(*args)
        for outer, inner in orders
    ]
    for other in got[1:]:
        for one, two in zip(jax.tree.leaves(got[0]), jax.tree.leaves(other), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-6, atol=0)
    for i in range(3):
        for j in range(i):
            np.testing.assert_allclose(got[0][i][j], got[0][j][i], rtol=1e-6, atol=0)


def nested(f, order):
    if order == 0:
        return f
    return lambda x: jax.jvp(nested(f, order - 1), (x,), (jnp.ones_like(x),))[1]


@pytest.mark.parametrize("order", [4, 5])
def test_nested_jvp_of_high_order(order):
    """l4 = h (1 - 6 h), l5 = -h T (1 - 12 h); their zeros are irrational, so absolute."""
    x = hard_logits(np.float32, 400)
    f = nested(lambda v: bce_with_logits(v, jnp.float32(0.3)), order)
    got = np.asarray(jax.jit(jax.vmap(f))(x), np.longdouble)
    h, wide = closed_form("hessian", x, 0), x.astype(np.longdouble)
    exact = {4: h * (1 - 6 * h), 5: -h * np.tanh(wide / 2) * (1 - 12 * h)}[order]
    size = {4: h * (1 + 6 * h), 5: h * np.abs(np.tanh(wide / 2)) * (1 + 12 * h)}[order]
    assert (np.abs(got - exact) <= (2 * order + 1) * 2.0**-24 * size + 2.0**-126).all()


@pytest.mark.parametrize("f", [bce_with_logits, lambda x, y: jax.nn.relu(x) * y])
def test_jet_raises_and_never_gives_a_wrong_number(f):
    """It knows no custom rule, not that of jax.nn.relu; Taylor coefficients come by nested jvp."""
    # inside a jit it stumbles over a custom rule, an AttributeError; before jax 0.12 it knows no
    # checkpoint either (bcejax.numerics.scans), a KeyError
    refusals = NotImplementedError, jax.errors.UnexpectedTracerError, AttributeError, KeyError
    for x in (0.0, 0.5, -3.0):
        with pytest.raises(refusals):
            jet.jet(lambda v: f(v, 1.0), (x,), ((1.0, 0.0),))


def test_numpy_arguments_mapped_inside_jit():
    """Vmap carries them as they are into a custom rule, which jax 0.10 to 0.12 assert against."""
    for f in (bce_with_logits, bce_with_probs, bernoulli_kl):
        p, q = np.float32([0.25, 0.75]), np.float32([0.5, 1])
        want = jax.jit(f)(p, q)
        np.testing.assert_array_equal(jax.jit(lambda x, f=f, q=q: jax.vmap(f)(x, q))(p), want)
        np.testing.assert_array_equal(jax.jit(lambda y, f=f, p=p: jax.vmap(f)(p, y))(q), want)
    weighted = jax.jit(lambda x: jax.vmap(loss)(x, q, p))
    np.testing.assert_array_equal(weighted(p), jax.jit(loss)(p, q, p))


@pytest.mark.parametrize("f", [bce_with_logits, bce_with_probs, bce_with_log_probs, bernoulli_kl])
def test_traces_once_per_shape(f):
    traces = []

    def counted(x, y):
        traces.append(x.shape)
        return f(x, y)

    step = jax.jit(jax.value_and_grad(lambda x, y: counted(x, y).sum()))
    for n in (3, 4):
        for value in (0.25, 0.5, 0.75):
            x = np.full(n, -value if f is bce_with_log_probs else value, np.float32)
            step(x, np.full(n, value, np.float32))
    assert traces == [(3,), (4,)]


SHARDED = """
import jax, numpy as np
from functools import partial
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from bcejax import bce_gradient, bce_with_logits, reduce_losses

assert jax.device_count() == 2
mesh = Mesh(np.array(jax.devices()), ("batch",))
x = np.linspace(-20, 20, 8, dtype=np.float32)
x[[0, 7]] = -np.inf, np.inf
y = np.tile(np.float32([0, 1]), 4)

@jax.jit
@partial(jax.shard_map, mesh=mesh, in_specs=(P("batch"), P("batch")), out_specs=P())
def total(x, y):
    return jax.lax.psum(bce_with_logits(x, y).sum(), "batch")

@jax.jit
@partial(jax.shard_map, mesh=mesh, in_specs=(P("batch"), P("batch")), out_specs=P("batch"))
def slopes(x, y):
    return jax.vmap(jax.grad(bce_with_logits))(x, y)

want = np.asarray(bce_gradient(x, y))
np.testing.assert_array_equal(slopes(x, y), want)
np.testing.assert_array_equal(jax.jit(jax.grad(total))(x, y), want)
np.testing.assert_allclose(total(x[1:7].repeat(4), y[1:7].repeat(4)),
                           4 * bce_with_logits(x[1:7], y[1:7]).sum(), rtol=1e-6)
there = NamedSharding(mesh, P("batch"))
placed = jax.device_put(x, there), jax.device_put(y, there)
losses = jax.jit(bce_with_logits)(*placed)
assert losses.sharding.is_equivalent_to(there, 1)
gradient = jax.jit(jax.grad(lambda x, y: reduce_losses(bce_with_logits(x, y), how="sum")))(*placed)
assert gradient.sharding.is_equivalent_to(there, 1)
np.testing.assert_array_equal(gradient, want)
print("right")
"""


def test_on_two_devices():
    assert devices.run(2, SHARDED) == "right"


EXPLICIT = """
import jax, numpy as np
from functools import partial
from jax.sharding import AxisType, PartitionSpec as P
import bcejax

x, y = np.linspace(-3, 3, 8, dtype=np.float32), np.tile(np.float32([0, 1]), 4)
for loss in (
    bcejax.bce_with_logits,
    bcejax.sigmoid_focal_loss,
    bcejax.asymmetric_loss,
    bcejax.poly1_loss,
    partial(bcejax.logit_adjusted_loss, prior=0.25),
    bcejax.generalized_cross_entropy,
    bcejax.symmetric_cross_entropy,
    partial(bcejax.forward_corrected_loss, flip_positive=0.125, flip_negative=0.25),
    bcejax.bi_tempered_loss,
):
    slopes = jax.jit(jax.grad(lambda x, y: bcejax.reduce_losses(loss(x, y), where=y < 2)))
    want = slopes(x, y)
    with jax.set_mesh(jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Explicit,))):
        found = slopes(*jax.device_put((x, y), P("batch")))
        assert found.sharding.spec == P("batch"), loss
    np.testing.assert_allclose(found, want, rtol=1e-6)
print("right")
"""


def test_each_loss_on_a_mesh_of_explicit_axes():
    assert devices.run(2, EXPLICIT) == "right"
