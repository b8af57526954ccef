"""What a device can get wrong, each looked for by a small computation.

A fault makes numbers wrong, or a claim of this package false.  What merely differs from one device
to the next is a fact to know, and no fault.
"""

import enum
import importlib.metadata
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.analysis.double_double import Extended
from bcejax.analysis.ulp import ulp_error
from bcejax.commands.doctor.sample import FUNCTIONS, LABELS, POINTS, exact_of
from bcejax.losses import bce_gradient, bce_hessian, bce_with_logits

PACKAGES = ("bcejax", "jax", "jaxlib", "flax", "optax", "chex", "numpy")
KNOWN_BAD = {"0.10.2": "jax issue 39103: returns wrong numbers in silence on CPU"}
LOSSES = {"value": bce_with_logits, "gradient": bce_gradient, "hessian": bce_hessian}
# in ulp: of the three functions, and of the losses by default and with accuracy="highest"
FUNCTION_BOUND = 4.0
LOSS_BOUNDS = {"value": 3.0, "gradient": 1.0, "hessian": 2.5}
HIGHEST_BOUNDS = dict.fromkeys(LOSS_BOUNDS, 1.0)


class Health(enum.StrEnum):
    """What a finding means."""

    WELL = "well"
    NOTE = "note"
    FAULT = "fault"


class Finding(NamedTuple):
    """One line of the doctor's."""

    name: str
    health: Health
    text: str


def versions() -> Finding:
    """Which versions there are, and whether one is known to be bad."""
    there = {name: importlib.metadata.version(name) for name in PACKAGES}
    text = ", ".join(f"{name} {version}" for name, version in there.items())
    for name in ("jax", "jaxlib"):
        if (said := KNOWN_BAD.get(there[name])) is not None:
            return Finding("versions", Health.FAULT, f"{name} {there[name]}, {said}")
    return Finding("versions", Health.WELL, text)


def devices() -> Finding:
    """What JAX computes on."""
    there = ", ".join(f"{each.platform}:{each.id} {each.device_kind}" for each in jax.devices())
    return Finding("devices", Health.WELL, f"{there}; default {jax.default_backend()}")


def x64() -> Finding:
    """Whether JAX keeps float64."""
    if jax.config.read("jax_enable_x64"):
        return Finding("x64", Health.WELL, "on: float64 stays float64")
    said = "off: JAX makes float32 of float64 (JAX_ENABLE_X64=1 turns it on); solvers still take"
    return Finding("x64", Health.NOTE, f"{said} NumPy's in float64")


def miscompiled() -> Finding:
    """A product, a square and a sum in one program, against NumPy: what jaxlib 0.10.2 gets wrong.

    Its sizes are those from which on that went wrong, in float32 and in float64.
    """
    generator, off = np.random.default_rng(0), 0.0
    for dtype, n in (("float32", 40_000), ("float64", 20_000)):
        with jax.enable_x64(dtype == "float64"):
            for k in (2, 3):
                matrix = generator.normal(size=(k, 3)).astype(dtype)
                rows = generator.normal(size=(n, 3)).astype(dtype)
                right = np.square(np.matmul(rows, matrix.T)).sum(1)
                got = np.asarray(_squares(jnp.asarray(matrix), jnp.asarray(rows)))
                off = max(off, float(np.max(np.abs(got - right) / np.maximum(right, 1e-3))))
    if off < 1e-2:
        return Finding("compiler", Health.WELL, "a product, a square and a sum in one are right")
    said = f"a product, a square and a sum in one are off by {off:.2g} of the result"
    return Finding("compiler", Health.FAULT, f"{said}: {KNOWN_BAD['0.10.2']}")


@jax.jit
def _squares(matrix: jax.Array, rows: jax.Array) -> jax.Array:
    return jax.vmap(lambda row: jnp.sum(jnp.square(matrix @ row)))(rows)


def subnormals() -> Finding:
    """Whether numbers below the smallest normal one are kept."""
    kept = float(jax.jit(lambda x: x / 2)(jnp.finfo(jnp.float32).smallest_normal)) > 0
    said = "kept" if kept else "flushed to 0: claims end at the smallest normal number"
    return Finding("subnormals", Health.NOTE, said)


def products() -> Finding:
    """The digits of a float32 matrix product at the precision that is set."""
    generator = np.random.default_rng(0)
    left, right = (generator.normal(size=(256, 256)).astype(np.float32) for _ in range(2))
    exact = left.astype(np.float64) @ right.astype(np.float64)
    got = np.asarray(jax.jit(jnp.matmul)(left, right))
    error = float(np.max(np.abs(got - exact)) / np.sqrt(256))
    if error < 1e-5:
        return Finding("products", Health.WELL, f"of float32 matrices keep float32 ({error:.1g})")
    said = f"of float32 matrices are off by {error:.1g}: tensor cores round their factors"
    return Finding("products", Health.NOTE, f"{said}; jax_default_matmul_precision='highest'")


def functions() -> Finding:
    """Exponential, log1p and tanh, in ulp."""
    errors = {
        f"{name} {dtype}": _worst(jax.jit(function), exact_of(name), dtype, points)
        for dtype in ("float32", "float64")
        for name, (function, points) in FUNCTIONS.items()
    }
    return _judged("functions", errors, dict.fromkeys(errors, FUNCTION_BOUND))


def losses() -> Finding:
    """Value, gradient and Hessian of the loss, in ulp."""
    return _of_losses("losses", None, LOSS_BOUNDS)


def highest_losses() -> Finding:
    """The same with accuracy="highest"."""
    return _of_losses("highest", "highest", HIGHEST_BOUNDS)


def _of_losses(name: str, accuracy: Literal["highest"] | None, bounds: dict[str, float]) -> Finding:
    logits, labels = np.broadcast_arrays(POINTS, LABELS[:, None])
    errors, allowed = {}, {}
    for dtype in ("float32", "float64"):
        for quantity, function in LOSSES.items():
            loss = jax.jit(lambda x, y, f=function: f(x, y, accuracy=accuracy))
            errors[f"{quantity} {dtype}"] = _worst(loss, exact_of(quantity), dtype, logits, labels)
            allowed[f"{quantity} {dtype}"] = bounds[quantity]
    return _judged(name, errors, allowed)


def _worst(function: Callable[..., Any], exact: Extended, dtype: str, *given: np.ndarray) -> float:
    with jax.enable_x64(dtype == "float64"):
        got = np.asarray(function(*(jnp.asarray(each, dtype) for each in given)))
    return float(np.max(ulp_error(got, exact)))


def _judged(name: str, errors: dict[str, float], bounds: dict[str, float]) -> Finding:
    beyond = {what: error for what, error in errors.items() if not error <= bounds[what]}
    if beyond:
        said = ", ".join(f"{what} {error:.3g} ulp" for what, error in beyond.items())
        return Finding(name, Health.FAULT, f"beyond what is promised: {said}")
    said = ", ".join(f"{what} {error:.2g}" for what, error in errors.items())
    return Finding(name, Health.WELL, f"{said} ulp at worst")


def scans() -> Finding:
    """Whether second derivatives hold inside a scan: those of our loss, and any custom rule's."""
    curvature = _curvature_in_a_scan(lambda x: bce_with_logits(x, jnp.zeros_like(x)))
    if abs(curvature - 0.25) > 1e-6:
        said = f"the second derivative of the loss at 0 is {curvature:.3g} in a scan, not 1/4"
        return Finding("scans", Health.FAULT, said)
    grown = jax.custom_jvp(lambda x: jax.lax.stop_gradient(jnp.exp(x)))
    grown.defjvps(lambda dot, out, x: grown(x) * dot)
    if _curvature_in_a_scan(grown) == 1:
        return Finding("scans", Health.WELL, "keep rules of differentiation")
    said = "drop rules of differentiation at the second derivative, as JAX does before 0.12"
    return Finding("scans", Health.NOTE, f"{said}; our losses keep theirs")


def _curvature_in_a_scan(function: Callable[[jax.Array], jax.Array]) -> float:
    """The second derivative at 0."""
    total = jax.grad(lambda x: jnp.sum(jax.lax.map(function, x[None])))
    return float(jax.grad(total)(jnp.float32(0)))


def sums() -> Finding:
    """Whether a sum of a million float32 numbers has the same bits each time."""
    numbers = jnp.asarray(np.random.default_rng(0).normal(size=1_000_000), jnp.float32)
    total = jax.jit(jnp.sum)
    seen = {float(total(numbers)) for _ in range(10)}
    if len(seen) == 1:
        return Finding("sums", Health.WELL, "a million numbers add up to the same bits each time")
    said = f"a million numbers add up to {len(seen)} results in ten runs"
    return Finding("sums", Health.NOTE, f"{said}: no run can be repeated to the bit")


CHECKS: tuple[Callable[[], Finding], ...] = (
    *(versions, devices, x64, subnormals, products, miscompiled),
    *(functions, losses, highest_losses, scans, sums),
)
