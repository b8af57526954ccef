"""Every public function lowers for CPU, CUDA and TPU, and no float64 enters float32 programs."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export
from losses.ways import each

import bcejax
from bcejax import losses

SHAPE = (8, 128)


def weighted(f):
    return lambda x, y: f(x, y, pos_weight=2.5, label_smoothing=0.1, where=y > 0)


def masked(f):
    return lambda x, y: f(x, y, where=y > 0)


FUNCTIONS = {  # of scores and labels
    "bce_with_logits": weighted(losses.bce_with_logits),
    "bce_gradient": weighted(losses.bce_gradient),
    **{
        f"{f.__name__}, highest": weighted(partial(f, accuracy="highest"))
        for f in (losses.bce_with_logits, losses.bce_gradient, losses.bce_hessian)
    },
    "bce_hessian": weighted(losses.bce_hessian),
    "bce_value_gradient_hessian": weighted(losses.bce_value_gradient_hessian),
    "bce_with_probs": masked(losses.bce_with_probs),
    "bce_with_probs, clipped": lambda x, y: losses.bce_with_probs(x, y, clip=1e-7),
    "bce_with_log_probs": masked(losses.bce_with_log_probs),
    "bernoulli_kl": losses.bernoulli_kl,
    "bernoulli_entropy": lambda x, y: losses.bernoulli_entropy(y),
    "bi_tempered_loss": masked(losses.bi_tempered_loss),
    "forward_corrected_loss": lambda x, y: losses.forward_corrected_loss(
        x, y, flip_positive=0.25, flip_negative=0.125, where=y > 0
    ),
    "generalized_cross_entropy": masked(losses.generalized_cross_entropy),
    "asymmetric_loss": masked(losses.asymmetric_loss),
    "logit_adjusted_loss": lambda x, y: losses.logit_adjusted_loss(x, y, prior=0.1, where=y > 0),
    "adjust_logits": lambda x, y: losses.adjust_logits(x, prior_from=0.5, prior_to=y),
    "apply_pos_weight": lambda x, y: losses.apply_pos_weight(x, pos_weight=y),
    "undo_pos_weight": lambda x, y: x + losses.undo_pos_weight(x, pos_weight=y),
    "probs_under_pos_weight": lambda x, y: losses.probs_under_pos_weight(x, pos_weight=y),
    "class_balanced_weights": lambda x, y: losses.class_balanced_weights(y, where=x > 0),
    "poly1_loss": masked(losses.poly1_loss),
    "symmetric_cross_entropy": masked(losses.symmetric_cross_entropy),
    "sigmoid_focal_loss": lambda x, y: losses.sigmoid_focal_loss(x, y, alpha=0.25, where=y > 0),
    "smooth_labels": lambda x, y: losses.smooth_labels(y, 0.1),
    **{
        f"reduce_losses, {how}": lambda x, y, how=how: losses.reduce_losses(
            losses.bce_with_logits(x, y), weights=y, where=y > 0, axis=0, how=how
        )
        for how in ("mean", "count", "sum")
    },
    "linear_bce": lambda x, y: losses.linear_bce(x, x.T, None, y[:, :8], chunk=3),
    "sigmoid_contrastive": lambda x, y: losses.sigmoid_contrastive(x, y, 10.0, -10.0),
}


def with_derivatives(f):
    """The function, its gradients in both arguments, and a product with its Hessian."""

    def total(x, y):
        return sum(part.sum() for part in jax.tree.leaves(f(x, y)))

    def all_of(x, y):
        product = jax.jvp(jax.grad(total), (x, y), (x, y))[1]
        return f(x, y), jax.grad(total, (0, 1))(x, y), product

    return all_of


def operations_on(dtype, exported):
    """The operations of the program that read or write a tensor of a type.

    A Python number starts as a float64 constant under x64 and is converted; that is all it does.
    """
    lines = [line for line in exported.mlir_module().splitlines() if re.search(rf"<{dtype}>", line)]
    found = (re.search(r"stablehlo\.(\w+)", line) for line in lines)
    return {match.group(1) for match in found if match}


def test_the_table_is_complete():
    public = set(losses.__all__) - {"Derivatives", "Positives"}
    assert {name.partition(",")[0] for name in FUNCTIONS} == public
    assert public <= set(bcejax.__all__)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_lowers_for_all_platforms_without_float64(name):
    with jax.enable_x64(True):
        arguments = [jax.ShapeDtypeStruct(SHAPE, np.float32)] * 2
        f = jax.jit(with_derivatives(FUNCTIONS[name]))
        exported = export.export(f, platforms=["cpu", "cuda", "tpu"])(*arguments)
    assert exported.platforms == ("cpu", "cuda", "tpu")
    assert operations_on(r"[\dx]*f32", exported) > {"add", "multiply"}
    assert operations_on(r"f64", exported) <= {"constant", "convert"}
    assert not operations_on(r"[\dx]+xf64", exported)
    assert all(each.dtype == np.float32 for each in exported.out_avals)


def test_float64_is_found_where_it_is():
    with jax.enable_x64(True):
        f = jax.jit(lambda x: losses.bce_with_logits(x * np.ones(SHAPE), x))
        exported = export.export(f)(jax.ShapeDtypeStruct(SHAPE, np.float32))
    assert "add" in operations_on(r"[\dx]+xf64", exported)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.float16])
def test_16_bits_lower_and_come_back(dtype):
    f = jax.jit(each(jax.grad(losses.bce_with_logits)))
    arguments = jax.ShapeDtypeStruct((8,), dtype), jax.ShapeDtypeStruct((8,), np.float32)
    exported = export.export(f, platforms=["cpu", "cuda", "tpu"])(*arguments)
    assert exported.out_avals[0].dtype == dtype


def test_exported_program_gives_the_same_numbers():
    x = np.linspace(-90, 90, 8 * 128, dtype=np.float32).reshape(SHAPE)
    y = np.tile(np.float32([0, 1, 0.3, 0.999]), 256).reshape(SHAPE)
    f = jax.jit(with_derivatives(losses.bce_with_logits))
    exported = export.export(f)(*[jax.ShapeDtypeStruct(SHAPE, np.float32)] * 2)
    again = exported.call(x, y)
    for one, two in zip(jax.tree.leaves(f(x, y)), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(one, two)
