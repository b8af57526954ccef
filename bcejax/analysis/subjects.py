"""What an audit looks at: a loss of scores and labels, and the derivatives that come with it."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

FORMS = ("logits", "probs")
Function = Callable[..., Any]  # (scores, labels) to numbers, one per example


class Subject(NamedTuple):
    """A loss, in whichever library it lives, as functions of scores and labels in this order.

    A derivative that is None is taken by JAX where ``jax`` holds; elsewhere the library does not
    offer it.  ``gradient``, ``hessian`` and ``third`` are derivatives in the score,
    ``label_gradient`` in the label; each gives one number for each example.

    Example:
        >>> mine = Subject("mine", lambda logits, labels: jax.nn.softplus(logits) - labels * logits)
        >>> mine.loss(jnp.zeros(1), jnp.ones(1)), mine.form
        (Array([0.6931472], dtype=float32), 'logits')
    """

    name: str
    loss: Function
    gradient: Function | None = None
    hessian: Function | None = None
    third: Function | None = None
    label_gradient: Function | None = None
    form: str = "logits"  # what the scores are: "logits" or "probs"
    jax: bool = True  # JAX can trace and differentiate the loss


def in_order(function: Function, order: str) -> Function:
    """The function with its first two arguments taken as (scores, labels).

    Args:
        function: takes scores and labels in the order that ``order`` says.
        order: "logits,labels" or "labels,logits"; "probs" and "scores" are fine for "logits".

    Returns:
        A function of (scores, labels), with the signature of the original.

    Raises:
        ValueError: no such order.

    Example:
        >>> in_order(lambda labels, probs: probs - labels, "labels,probs")(5, 2)
        3
    """
    words = [word.strip() for word in order.split(",")]
    if sorted(words, key=lambda word: word == "labels")[1:] != ["labels"] or not (
        set(words) < {"labels", "scores", *FORMS}
    ):
        raise ValueError(f"order {order!r} is not 'logits,labels' or 'labels,logits'")
    if words[1] == "labels":
        return function

    @functools.wraps(function)
    def turned(scores: Any, labels: Any, **options: Any) -> Any:
        return function(labels, scores, **options)

    return turned


def takes(function: Function, parameter: str) -> bool:
    """Whether the function has a parameter of that name.

    Example:
        >>> takes(lambda logits, labels, where=None: logits, "where")
        True
    """
    try:
        return parameter in inspect.signature(function).parameters
    except (TypeError, ValueError):  # a function written in C need not tell
        return False


def check_form(form: str) -> str:
    """The form, if there is such a one.

    Raises:
        ValueError: there is not.

    Example:
        >>> check_form("probs")
        'probs'
    """
    if form not in FORMS:
        raise ValueError(f"form {form!r} is not one of {', '.join(FORMS)}")
    return form
