"""What a clip does on paper, and that it does just that in every format.

Computed in float64 from probabilities of the format; in float64 itself in longdouble.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments import Claim, Result, Table, Track, Verdict
from experiments.clipping_bias.settings import Config
from experiments.clipping_bias.ways import KERAS, KERAS_WAY, SKLEARN, SKLEARN_WAY, Clip

FORMATS = ("float64", "float32", "float16", "bfloat16")
CLIPS = {KERAS_WAY: (KERAS, FORMATS), SKLEARN_WAY: (SKLEARN, FORMATS[:2])}
TOLERANCE = 1  # eps (1 + loss): half for 1 - p, which moves the log by itself; the rest for the log


class Held(NamedTuple):
    """One clip in one format for one label, held against the closed form."""

    way: str
    format: str
    label: int
    bound: float  # of the clip on the wrong side, as the format has it
    begins: float  # the wrong logit from which on the rounded probability lies in the clip
    largest: float  # loss
    distance: float  # of finite losses from the closed form, in eps (1 + loss)
    blind: float  # share of the probabilities where the gradient is 0
    strays: int  # where the gradient is 0, or is not, against the closed form
    broken: int  # losses that are infinite or nan


def probabilities(dtype: Any, points: int) -> np.ndarray:
    """All probabilities of a 16-bit format; of a wider one many, dense towards both ends."""
    info = jnp.finfo(dtype)
    if info.bits == 16:
        last = int(np.ones((), dtype).view(np.uint16))
        return np.arange(last + 1, dtype=np.uint16).view(dtype)
    low = np.exp2(np.linspace(info.minexp, -1, points))
    high = 1 - np.exp2(np.linspace(-1, -info.nmant - 1, points))
    return np.unique(np.concatenate([[0], low, high, [1]]).astype(dtype))


def hold(way: str, clip: Clip, name: str, label: int, points: int) -> Held:
    """A clip in a format against the closed form."""
    dtype = jnp.dtype(name)
    p = probabilities(dtype, points)
    y = np.full_like(p, label)
    value = np.asarray(jax.jit(clip.on_probs)(p, y)).astype(np.float64)
    slope = np.asarray(jax.jit(jax.vmap(jax.grad(clip.on_probs)))(p, y)).astype(np.float64)
    wide = np.longdouble if name == "float64" else np.float64
    low, high = (np.asarray(each, dtype).astype(wide) for each in clip.bounds)
    with np.errstate(divide="ignore"):
        moved = np.clip(p.astype(wide), low, high)
        right = -np.log(moved) if label else -np.log1p(-moved)
    kept = np.isfinite(value) & np.isfinite(right)
    distance = np.abs(value[kept] - right[kept]) / (float(jnp.finfo(dtype).eps) * (1 + right[kept]))
    dead = moved != p.astype(wide)
    return Held(
        way,
        name,
        label,
        float(low if label else 1 - high),
        first_clipped(float(low), float(1 - high), label, float(jnp.finfo(dtype).epsneg)),
        float(value.max(initial=0, where=~np.isnan(value))),
        float(distance.max()),
        float(np.mean(slope == 0)),
        int(((slope == 0) != dead)[np.isfinite(slope)].sum()),
        int((~np.isfinite(value)).sum()),
    )


def first_clipped(low: float, gap: float, label: int, below_one: float) -> float:
    """The size of the wrong logit whose probability, rounded, is the first beyond the bound.

    Args:
        low: the lower bound.
        gap: 1 minus the upper bound; 0 where it has been rounded to 1.
        label: 1 looks for it near 0, 0 near 1.
        below_one: spacing of the format below 1.
    """
    q = low if label else (gap or below_one) - below_one / 2
    return float(np.log1p(-q) - np.log(q))


def honest_bias(points: int) -> float:
    """Largest expected surplus of Keras's clip, in float64, for labels drawn with p itself."""
    p = probabilities(np.float64, points)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = np.nan_to_num(-p * np.log(p)) + np.nan_to_num(-(1 - p) * np.log1p(-p))
    clipped = [
        np.asarray(KERAS.on_probs(jnp.asarray(p), jnp.full(p.shape, label))) for label in (0, 1)
    ]
    return float(np.max((1 - p) * clipped[0] + p * clipped[1] - entropy))


def hold_to_closed_forms(config: Config, track: Track) -> Result:
    """Every clip in every format that its library computes in."""
    kinds = [(way, name) for way, (_, names) in CLIPS.items() for name in names]
    held = [
        hold(way, CLIPS[way][0], name, label, config.points)
        for way, name in track(kinds, "clips")
        for label in (1, 0)
    ]
    bias = honest_bias(config.points)
    by = {(each.way, each.format, each.label): each for each in held}
    keras, half = (by[KERAS_WAY, name, 0] for name in ("float32", "bfloat16"))
    mirror = by[KERAS_WAY, "float32", 1]
    claims = (
        Claim(
            "clipped losses off the closed form, in eps (1 + loss)",
            max(each.distance for each in held),
            "<=",
            TOLERANCE,
        ),
        Claim(
            "probabilities whose gradient is 0 or not, against the closed form",
            sum(each.strays for each in held),
            "==",
            0,
        ),
        Claim("largest loss of label 1 by Keras, float32", mirror.largest, "<=", 16.2, "nats"),
        Claim("largest loss of label 0 by Keras, float32", keras.largest, "<=", 16.0, "nats"),
        Claim("infinite or nan losses by Keras, bfloat16, label 0", half.broken, ">=", 1),
        Claim("expected surplus of an honest probability, in clips", bias / 1e-7, "<=", 1.001),
    )
    answer = (
        f"Keras's clip ends the loss at {keras.largest:.1f} nats, and beyond the gradient is 0: "
        "of the most wrong examples nothing is learnt."
    )
    details = (
        f"In float32 Keras's clip stops the loss at {mirror.largest:.3f} for label 1 and "
        f"{keras.largest:.3f} for label 0, from logits {mirror.begins:.2f} and {keras.begins:.2f} "
        f"on the wrong side on, and the gradient is 0 beyond; in bfloat16 1 - 1e-7 is 1, and "
        f"from logit {half.begins:.2f} on the loss of label 0 is infinite. An honest probability "
        f"is charged {bias:.1e} nats too much at most.",
    )
    return Result(Verdict(claims, answer, details), (tabulate(held, config),))


def tabulate(held: list[Held], config: Config) -> Table:
    """Every clip in every format."""
    return Table(
        "formats",
        "Each clip as each format has it. Shares are of all probabilities of a 16-bit format, and "
        f"of {len(probabilities(np.float32, config.points))} of float32 and as many of float64, "
        "dense towards 0 and 1.",
        {
            "clip": [each.way for each in held],
            "format": [each.format for each in held],
            "label": [each.label for each in held],
            "bound, rounded": [each.bound for each in held],
            "begins at wrong logit": [each.begins for each in held],
            "largest loss (nats)": [each.largest for each in held],
            "off the closed form (eps (1 + loss))": [each.distance for each in held],
            "share with gradient 0": [each.blind for each in held],
            "losses not finite": [each.broken for each in held],
        },
        formats={
            "bound, rounded": ".4g",
            "begins at wrong logit": ".4f",
            "largest loss (nats)": ".4f",
            "off the closed form (eps (1 + loss))": ".2f",
            "share with gradient 0": ".3f",
        },
    )
