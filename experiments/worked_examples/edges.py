"""Probabilities of exactly 0 and 1: the limits, the formula's nan, and what a clip makes of them.

    p  label   loss   in p    in the logit
    0    0       0      1          0           the formula: nan, for 0 ln 0
    0    1     inf   -inf         -1
    1    0     inf    inf          1
    1    1       0     -1          0           the formula: nan

A clip to [1e-7, 1 - 1e-7] caps the loss at -ln 1e-7 = 16.118 in float64; in float32, where 1 - 1e-7
is 1 - 2^-23, at 23 ln 2 = 15.942 for label 0. Its gradient is 0: nothing is learnt where the model
is most wrong.
"""

from functools import partial

import jax
import numpy as np

from bcejax.analysis import exact_values
from bcejax.losses import bce_with_probs
from experiments import Claim, Result, Table, Verdict
from experiments.worked_examples.epsilon import EPSILON
from experiments.worked_examples.printed import FORMS, textbook, ulp

PROBS, LABELS = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], float).T


def certain_answers() -> Result:
    """Values and gradients of every form there, of the formula, and of the clip."""
    results = {form: at_the_edges(form) for form in FORMS}
    missed = sum(off for *_, off in results.values())
    clip = jax.jit(jax.vmap(jax.value_and_grad(partial(bce_with_probs, clip=EPSILON))))
    (clipped, flat), (clipped32, flat32) = (
        map(np.asarray, clip(PROBS.astype(dtype), LABELS)) for dtype in (np.float64, np.float32)
    )
    by_formula = textbook(PROBS, LABELS)
    caps = ulp(clipped[1], -np.log(EPSILON)), ulp(clipped32[2], 23 * np.log(2))
    steepest = max(abs(flat).max(), abs(flat32).max())
    claims = (
        Claim("p of 0 or 1: values and gradients off their limits, of 24", missed, "==", 0),
        Claim("p of 0 or 1: nan by the formula, of 4", np.isnan(by_formula).sum(), "==", 2),
        Claim("clip, p = 0, label 1: loss off -ln 1e-7", caps[0], "<=", 2, "ulp"),
        Claim("clip in float32, p = 1, label 0: loss off 23 ln 2", caps[1], "<=", 2, "ulp"),
        Claim("clip: steepest gradient of the four, both precisions", float(steepest), "==", 0),
    )
    table = Table(
        "edges",
        "Probabilities of exactly 0 and 1; an infinite gradient is held at the largest number.",
        {
            "p": PROBS,
            "label": LABELS,
            "loss": results["probs"][0],
            "gradient in p": results["probs"][1],
            "gradient in the logit": results["logits"][1] + 0.0,  # -0 is 0
            "the formula": by_formula,
            "clipped": clipped,
            "clipped, float32": clipped32,
            "gradient of the clipped": flat + 0.0,
        },
    )
    details = (
        f"Where a certain answer is wrong, a clip of p ends the loss at {clipped.max():.1f}, with "
        f"gradient {steepest:g}.",
    )
    return Result(Verdict(claims, "", details), (table,))


def at_the_edges(form: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Losses and gradients of a form, and how many of them are not the limit."""
    loss, convert = FORMS[form]
    with np.errstate(divide="ignore"):
        scores = convert(PROBS)
    values, gradients = map(np.asarray, jax.jit(jax.vmap(jax.value_and_grad(loss)))(scores, LABELS))
    limits, slopes = (
        exact_values(quantity, scores, LABELS, domain=form).float64()
        for quantity in ("value", "gradient")
    )
    most = np.finfo(float).max
    off = (values != limits).sum() + (gradients != np.clip(slopes, -most, most)).sum()
    return values, gradients, int(off)
