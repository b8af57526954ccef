"""What rounds away beside the loss: labels, totals, and gradients of a mean."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from bcejax.losses import bce_with_logits, reduce_losses
from experiments import Claim, Result, Table, Verdict
from experiments.low_precision.settings import Config

FORMATS = ("bfloat16", "float16")
LABELS = (0.9, 0.95, 0.99, 0.995, 0.998, 0.999, 0.9999)
SIZES = (1, 64, 4096, 65536)


def round_labels() -> Result:
    """The logit that a soft label asks for, before and after the label is rounded."""
    rounded = {
        name: np.asarray(LABELS, np.float32).astype(jnp.dtype(name)).astype(np.float64)
        for name in FORMATS
    }
    with np.errstate(divide="ignore"):
        asked = {name: np.log(y) - np.log1p(-y) for name, y in rounded.items()}
    exact = np.log(LABELS) - np.log1p(-np.array(LABELS))
    gone = {name: min(np.array(LABELS)[y == 1], default=np.nan) for name, y in rounded.items()}
    columns = {"label": LABELS, "asks for logit": exact}
    for name in FORMATS:
        columns |= {f"in {name}": rounded[name], f"asks for logit in {name}": asked[name]}
    claims = (
        Claim("0.999 in bfloat16", rounded["bfloat16"][LABELS.index(0.999)], "==", 1),
        Claim("0.9999 in float16", rounded["float16"][LABELS.index(0.9999)], "==", 1),
    )
    details = (
        f"In bfloat16 labels of {gone['bfloat16']:g} and more become 1 and ask for an infinite "
        f"logit instead of {exact[LABELS.index(0.999)]:.2f} (for 0.999).",
    )
    table = Table(
        "labels",
        "Soft labels rounded to a format, and the logits that they ask for.",
        columns,
        formats=dict.fromkeys(list(columns)[1:], ".6g"),
    )
    return Result(Verdict(claims, "", details), (table,))


def add_up(config: Config) -> Result:
    """Totals of as many losses of ln 2, each of a logit 0."""
    totals = {}
    for name in FORMATS:
        logits = jnp.zeros(config.summed, name)
        losses = optax.sigmoid_binary_cross_entropy(logits, logits)
        totals[f"sum() of {name} losses"] = losses.sum()
        totals[f"running total in {name}"] = _running_total(losses)
        exact = bce_with_logits(logits, logits)
        totals[f"reduce_losses of {name} logits"] = reduce_losses(exact, how="sum")
    values = {name: float(total) for name, total in totals.items()}
    right = config.summed * np.log(2)
    ours = [abs(values[f"reduce_losses of {name} logits"] / right - 1) for name in FORMATS]
    claims = (
        # a total stops where ln 2 is less than half of the spacing: at 2^8 and 2^11
        Claim("running total in bfloat16", values["running total in bfloat16"], "==", 2.0**8),
        Claim("running total in float16", values["running total in float16"], "==", 2.0**11),
        Claim("relative error of reduce_losses", max(ours), "<=", 1e-6),
    )
    details = (
        f"Of {config.summed} losses of ln 2, {right:.0f} together, a running total holds "
        f"{values['running total in bfloat16']:.0f} in bfloat16 and "
        f"{values['running total in float16']:.0f} in float16, and sum() gives "
        f"{values['sum() of float16 losses']:g} in float16.",
    )
    table = Table(
        "totals",
        f"Ways to add {config.summed} losses of ln 2, {right:.2f} together.",
        {"way": list(values), "total": list(values.values())},
        formats={"total": ".8g"},
    )
    return Result(Verdict(claims, "", details), (table,))


@jax.jit
def _running_total(losses: jax.Array) -> jax.Array:
    """One loss after the other, in their own format."""
    return lax.scan(lambda total, loss: (total + loss, None), jnp.zeros((), losses.dtype), losses)[
        0
    ]


def take_means() -> Result:
    """The gradient of a mean of the exact loss, as 16-bit logits get it."""
    shares = {(name, n): _vanished(name, n) for name in FORMATS for n in SIZES}
    worst = shares["float16", SIZES[-1]]
    claims = (
        Claim(
            "gradients of a mean that vanish in bfloat16",
            max(share for (name, _), share in shares.items() if name == "bfloat16"),
            "==",
            0,
        ),
        Claim(f"and in float16, over {SIZES[-1]} logits", worst, ">=", 0.1),
    )
    details = (
        f"No loss cures the narrow range of float16: of the gradients of a mean over {SIZES[-1]} "
        f"logits, {worst:.0%} vanish there, and none in bfloat16; scale the loss.",
    )
    table = Table(
        "means",
        "Share of the gradients that vanish when logits between -10 and 10 get the gradient of "
        "the mean of the exact loss over so many, labels 0.",
        {
            "format": [name for name, _ in shares],
            "logits in the mean": [n for _, n in shares],
            "vanished": list(shares.values()),
        },
        formats={"vanished": ".3f"},
    )
    return Result(Verdict(claims, "", details), (table,))


@partial(jax.jit, static_argnums=(0, 1))
def _slopes(name: str, size: int) -> jax.Array:
    """Gradients of a mean over ``size`` at 4096 logits, the rest of them being masked out."""
    logits = jnp.linspace(-10, 10, 4096).astype(name)

    def mean(x: jax.Array) -> jax.Array:
        return reduce_losses(bce_with_logits(x, jnp.zeros(len(x))), how="sum") / size

    return jax.grad(mean)(logits)


def _vanished(name: str, size: int) -> float:
    return float(np.mean(np.asarray(_slopes(name, size)) == 0))
