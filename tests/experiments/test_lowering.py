"""The program that each experiment runs on a device lowers for CUDA and TPU; none need be here."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import export

from bcejax.calibration import expected_calibration_error, smooth_calibration_error
from bcejax.data import Batch
from bcejax.losses import bce_with_logits
from bcejax.models import MLP
from bcejax.solvers import fit_logistic
from bcejax.training import init_state, train_epochs
from experiments.accuracy_of_forms.forms import by_autodiff
from experiments.bias_of_ece import EXPERIMENT as BIAS_OF_ECE
from experiments.bias_of_ece.trials import _trials
from experiments.calibration_of_losses.links import LINKS
from experiments.calibration_of_losses.population import _looked_at
from experiments.clipping_bias.patients import slopes_of
from experiments.clipping_bias.ways import ON_LOGITS
from experiments.exhaustive_float32.setting import DEFAULT, THIRD
from experiments.exhaustive_float32.sweep import function_of
from experiments.finite_differences.courses import _analytic
from experiments.landscape.linear import _hessians_of
from experiments.low_precision.every_logit import in_format
from experiments.memory_of_fusion import jax_losses as heads
from experiments.registry import REGISTRY, name_of
from experiments.siglip_scaling import jax_losses as pairs
from experiments.timing import OURS
from experiments.worked_examples.network import network_mean

N, D = 64, 8
ROWS, VECTOR, SCALAR = (jax.ShapeDtypeStruct(shape, np.float32) for shape in ((N, D), (N,), ()))
COUNTS = jax.ShapeDtypeStruct((N,), np.int32)
SEED = jax.ShapeDtypeStruct((), np.uint32)


def training(seed, inputs, labels, order):
    """Two epochs of a network from its first weights, as train and fit run them."""
    model = MLP(D, (4,), rngs=nnx.Rngs(params=jax.random.key(seed)))
    batch = Batch(inputs, labels)
    state, history = train_epochs(init_state(model), batch, order.reshape(2, -1), batch_size=16)
    return state.logits(inputs), history.loss


def trials_of_ece(seed):
    keys = jax.random.split(jax.random.key(seed), 2)
    return _trials(keys, 1.0, N, BIAS_OF_ECE.tiny)


def newton(inputs, labels):
    solution = fit_logistic(inputs, labels, l2=1.0)
    return solution.coefficients, solution.status


def curved(columns):
    """The Hessians of landscape, whose columns and labels are constants of the program."""
    fixed = np.ones((N, D), np.float32), np.zeros(N, np.float32)
    return _hessians_of(bce_with_logits, *fixed)(columns)


def hessian_of_a_model(kernel, inputs, labels):
    return jax.hessian(lambda w: bce_with_logits(inputs @ w, labels).mean())(kernel)


TRAINING = training, (SEED, ROWS, VECTOR, COUNTS)
NEWTON = newton, (ROWS, VECTOR)
BOTH = jax.vmap(jax.value_and_grad(bce_with_logits)), (VECTOR, VECTOR)
PROGRAMS = {
    "worked_examples": (jax.hessian(network_mean), (jax.ShapeDtypeStruct((9,), np.float32),)),
    "gradients_of_models": (hessian_of_a_model, (VECTOR.update(shape=(D,)), ROWS, VECTOR)),
    "landscape": (curved, (ROWS,)),
    "keras_tutorial": TRAINING,
    "newton_or_adam": NEWTON,
    "separation": NEWTON,
    "likelihood": NEWTON,
    "bootstrap_thousand": NEWTON,
    "calibration_of_training": TRAINING,
    "calibration_of_losses": (partial(_looked_at, next(iter(LINKS.values()))), (VECTOR,)),
    "recalibration": TRAINING,
    "bias_of_ece": (trials_of_ece, (SEED,)),
    "coverage_of_intervals": (
        lambda x, y: expected_calibration_error(y, logits=x),
        (VECTOR, VECTOR),
    ),
    "accuracy_of_forms": (by_autodiff(bce_with_logits), (VECTOR, VECTOR)),
    "dead_derivatives": (by_autodiff(bce_with_logits), (VECTOR, VECTOR)),
    "finite_differences": (_analytic, (VECTOR.update(dtype=np.complex64),)),
    "clipping_bias": (
        lambda x, y: [slopes_of(loss, x, y) for loss in ON_LOGITS.values()],
        (ROWS, ROWS),
    ),
    "low_precision": (
        partial(in_format, "exact"),
        (VECTOR.update(dtype=jnp.bfloat16), VECTOR),
    ),
    "exhaustive_float32": (function_of(DEFAULT, THIRD, eager=True), (VECTOR, VECTOR)),
    "memory_of_fusion": (
        jax.value_and_grad(heads.LOSSES[OURS](16), (0, 1, 2)),
        (
            ROWS,
            jax.ShapeDtypeStruct((D, 32), np.float32),
            jax.ShapeDtypeStruct((32,), np.float32),
            jax.ShapeDtypeStruct((N, 2), np.int32),
        ),
    ),
    "siglip_scaling": (
        jax.value_and_grad(pairs.LOSSES[OURS], (0, 1, 2, 3)),
        (ROWS, ROWS, SCALAR, SCALAR),
    ),
    "ensembles": TRAINING,
    "data_parallel": TRAINING,
    "streaming": TRAINING,
    "saliency_of_digits": TRAINING,
    "speed_of_losses": BOTH,
    "speed_of_training": TRAINING,
    "speed_of_solvers": NEWTON,
    "speed_of_calibration": (
        lambda x, y: smooth_calibration_error(y, logits=x),
        (VECTOR, VECTOR),
    ),
}
ON_THE_HOST = {
    "peers_of_calibration": "holds what libraries give side by side",
    "import_time": "times how long processes take to import",
}


def test_each_experiment_is_there():
    assert {name_of(module) for module in REGISTRY} <= PROGRAMS.keys() | ON_THE_HOST


@pytest.mark.parametrize("name", PROGRAMS)
def test_its_program_lowers_for_cuda_and_tpu(name):
    assert lowered(PROGRAMS[name]) == ("cuda", "tpu")


@cache
def lowered(program):
    function, arguments = program
    return export.export(jax.jit(function), platforms=["cuda", "tpu"])(*arguments).platforms


def test_one_that_cannot_be_lowered_is_found():
    def on_the_host(x):
        return jax.ffi.ffi_call("no_such_target", x)(x)

    with pytest.raises(ValueError, match="no_such_target"):
        lowered((on_the_host, (VECTOR,)))
