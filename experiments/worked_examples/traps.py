"""What the formula gives in silence for another base, for percentages, and for a third class.

In base 10 every loss and gradient is 1 / ln 10 = 0.434 of what it should be. A percentage of 85
for label 1 gives -ln 85, a negative loss, and for label 0 nan. A label of 2 gives
-2 ln p + ln(1 - p), negative too; the softmax loss is right then, and for two classes with logits
(0, x) it is

    ln(1 + e^x) - y x,   the binary loss of the logit x
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax

from bcejax.losses import bce_with_logits, bce_with_probs
from bcejax.numerics import check_labels, check_probs
from experiments import Claim, Result, Table, Verdict
from experiments.worked_examples.printed import FORMS, SINGLE, mean_loss, textbook, ulp

CLASSES = ((0.9, 2.0), (0.2, 2.0))  # a probability and the label of a third class
PERCENTAGES = ((85.0, 1.0), (85.0, 0.0))


def silent_errors() -> Result:
    """Each trap: what the formula gives, what the loss gives, and what the check says."""
    percentages = refusal(check_probs, np.array([85.0, 10.0]))
    classes = refusal(check_labels, np.array([0, 1, 2]))
    advised = ("divide percentages by 100" in percentages) + ("optax.softmax_cross" in classes)
    percent, third = -np.log(85.0), textbook(*CLASSES[0])
    cases = ((0.85, 1.0), *PERCENTAGES, CLASSES[0])
    claims = (
        Claim("base 10: ln 10 times it off the loss, worst of 3 forms", base_10(), "<=", 4, "ulp"),
        Claim("p = 85, label 1: -ln p", percent, "<", 0),
        Claim("p = 0.9, label 2: the formula's loss", third, "<", 0),
        Claim("percentages, three classes: how many are refused with advice", advised, "==", 2),
        Claim("percentages, three classes: numbers under jit that are not nan", numbers(), "==", 0),
        Claim("two classes: the softmax loss off this one", from_softmax(), "<=", 2, "ulp of 8"),
    )
    table = Table(
        "traps",
        "What the formulas give, what the loss gives, and what the check of its inputs says.",
        {
            "input": [
                "p = 0.85, label 1, logarithms of base 10",
                "p = 85, label 1",
                "p = 85, label 0",
                "p = 0.9, label 2",
            ],
            "-ln p, or -ln(1 - p) for label 0": [-np.log10(0.85), percent, np.nan, None],
            "-y ln p - (1 - y) ln(1 - p)": [
                textbook(*cases[0], np.log10),
                *(textbook(*case) for case in cases[1:]),
            ],
            "bce_with_probs": [float(mean_loss(bce_with_probs, *case)) for case in cases],
            "the check": [None, percentages, percentages, classes],
        },
    )
    details = (
        f"Of p = 85 the formula makes a loss of {percent:.2f}, of a label 2 one of {third:.2f}; the"
        f" checks refuse {advised} of the 2 with advice.",
    )
    return Result(Verdict(claims, "", details), (table,))


def refusal(check: Callable[..., Any], values: np.ndarray) -> str:
    """What a check says of values that it does not take; nothing if it takes them."""
    try:
        check(values)
    except ValueError as error:
        return str(error)
    return ""


def base_10() -> float:
    """The loss of the worked points off ln 10 times the formula in base 10, in ulp."""
    return max(
        ulp(mean_loss(loss, convert(p), 1.0), np.log(10) * textbook(p, 1.0, np.log10))
        for loss, convert in FORMS.values()
        for p in (each.probs[0] for each in SINGLE)
    )


def numbers() -> int:
    """How many losses and gradients of wrong inputs, under jit and in every form, are not nan."""
    inputs = {
        form: [(convert(p), label) for p, label in CLASSES] for form, (_, convert) in FORMS.items()
    }
    inputs["probs"] += PERCENTAGES
    found = 0
    for form, pairs in inputs.items():
        both = jax.jit(jax.vmap(jax.value_and_grad(FORMS[form][0])))(*np.array(pairs).T)
        found += sum(int((~np.isnan(each)).sum()) for each in both)
    return found


def from_softmax() -> float:
    """The largest difference from the softmax loss of logits (0, x), |x| <= 8."""
    x, labels = (each.ravel() for each in np.meshgrid(np.linspace(-8, 8, 33), (0, 1)))
    pairs = np.stack([np.zeros_like(x), x], axis=-1)
    softmax = jax.jit(optax.softmax_cross_entropy_with_integer_labels)(pairs, labels)
    gap = np.asarray(softmax - jax.jit(bce_with_logits)(x, labels))
    return float(abs(gap).max() / np.spacing(8.0))
