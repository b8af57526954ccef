"""``audit``: every check on one loss, one after the other, none stopped by another."""

import contextlib
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.analysis.auditing import accuracy, calls, edges, transforms
from bcejax.analysis.auditing.bench import Bench, NotOfferedError, set_up
from bcejax.analysis.auditing.records import AuditReport, Check, Curve, Status
from bcejax.analysis.subjects import Function, Subject, check_form, in_order

DTYPES = ("float32", "float64", "float16", "bfloat16")
QUANTITIES = {
    "value": "value",
    "gradient": "gradient",
    "hessian": "hessian",
    "third derivative": "third",
    "label gradient": "label_gradient",
}
OTHERS: dict[str, Callable[[Bench], Check]] = {
    "label precision": accuracy.check_label_precision,
    "logit 0": edges.check_zero,
    "certain answers": edges.check_certainty,
    "nan": edges.check_nan,
    "out of range": edges.check_range,
    "mask": edges.check_mask,
    "forward mode": transforms.check_forward_mode,
    "jit": transforms.check_jit,
    "vmap": transforms.check_vmap,
    "integer labels": calls.check_integer_labels,
    "boolean labels": calls.check_boolean_labels,
    "Python numbers": calls.check_python_numbers,
    "shapes": calls.check_shapes,
    "no examples": calls.check_empty,
    "reduction": calls.check_reduction,
}
CHECKS = (*QUANTITIES, *OTHERS)


def audit(
    loss: Function | Subject,
    *,
    dtype: Any = jnp.float32,
    labels: Sequence[float] = (0, 1, 0.25, 0.9),
    form: str | None = None,
    order: str | None = None,
    gradient: Function | None = None,
    hessian: Function | None = None,
    third: Function | None = None,
    label_gradient: Function | None = None,
    name: str | None = None,
    track: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> AuditReport:
    """Hold a binary cross-entropy against the oracle: digits, derivatives, edges, calls.

    The loss is called with arrays of shape (n,); it may return one loss for each example, or one
    number for all.  A loss of JAX is differentiated by JAX; one that turns its arguments into
    NumPy arrays offers the derivatives that are passed beside it.  A check in which the loss
    raises has failed, with the error in its note; the others go on.

    Args:
        loss: a function of (scores, labels), or a ``Subject`` such as ``find_subject`` gives.
        dtype: of scores and labels: float32, float64, float16 or bfloat16.
        labels: that are tried, in [0, 1].
        form: what the scores are, "logits" (None) or "probs".
        order: of the arguments, "logits,labels" (None) or "labels,logits".
        gradient: d loss / d score, of the same arguments; None for JAX's or none.
        hessian: its second derivative.
        third: its third derivative.
        label_gradient: d loss / d label.
        name: what the report calls the loss.
        track: gets the names of the checks and gives them back one by one, as a progress bar does.

    Returns:
        An ``AuditReport``: a ``Check`` for each name in ``CHECKS``.  Bounds and units are stated in
        bcejax/analysis/auditing/judging.py.  That each check catches its fault, and no other check
        cries out with it, is held by tests/analysis/auditing/test_mutants.py.

    Raises:
        TypeError: no such dtype.
        ValueError: no such form or order, labels outside [0, 1], or form, order or derivatives
            beside a ``Subject``, which has its own.
        ModuleNotFoundError: mpmath is not installed.

    Example:
        >>> from bcejax import bce_with_logits
        >>> audit(bce_with_logits).passed
        True
        >>> import optax
        >>> check = audit(optax.sigmoid_binary_cross_entropy).check("hessian")
        >>> check.status, check.got
        (<Status.FAILED: 'failed'>, 0.0)
    """
    given = {
        "gradient": gradient,
        "hessian": hessian,
        "third": third,
        "label_gradient": label_gradient,
    }
    subject = _subject(loss, name, form, order, given)
    kind, tried = _dtype(dtype), _labels(labels)
    with contextlib.ExitStack() as stack:
        if kind == np.float64:
            stack.enter_context(jax.enable_x64(True))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # divisions by 0 and the like; the checks see the results
        bench = set_up(subject, kind, tried)
        results = [_run(bench, each) for each in track(CHECKS)]
    checks, curves = zip(*results, strict=True)
    return AuditReport(
        subject.name,
        subject.form,
        str(kind),
        checks,
        tuple(curve for curve in curves if curve is not None),
    )


def _run(bench: Bench, name: str) -> tuple[Check, Curve | None]:
    curve = None
    try:
        if name in QUANTITIES:
            check, curve = accuracy.check_quantity(bench, QUANTITIES[name])
        else:
            check = OTHERS[name](bench)
    except NotOfferedError as error:
        check = Check(Status.NOT_OFFERED, str(error))
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        check = Check(Status.FAILED, f"raises {type(error).__name__}: {lines[0]}")
    return check._replace(name=name), curve


def _subject(
    loss: Function | Subject,
    name: str | None,
    form: str | None,
    order: str | None,
    given: dict[str, Function | None],
) -> Subject:
    if isinstance(loss, Subject):
        named = {key for key, each in {"form": form, "order": order, **given}.items() if each}
        if named:
            raise ValueError(f"{loss.name} is a Subject and has its own {', '.join(sorted(named))}")
        return loss if name is None else loss._replace(name=name)
    if not callable(loss):
        raise TypeError(f"loss must be a function or a Subject, got {type(loss).__name__}")
    order = order or "logits,labels"
    turned = {key: None if each is None else in_order(each, order) for key, each in given.items()}
    return Subject(
        name or str(getattr(loss, "__name__", type(loss).__name__)),
        in_order(loss, order),
        gradient=turned["gradient"],
        hessian=turned["hessian"],
        third=turned["third"],
        label_gradient=turned["label_gradient"],
        form=check_form(form or "logits"),
    )


def _dtype(dtype: Any) -> np.dtype:
    try:
        kind = np.dtype(dtype)
    except TypeError:
        kind = np.dtype(getattr(jnp, str(dtype), object))
    if str(kind) not in DTYPES:
        raise TypeError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}")
    return kind


def _labels(labels: Sequence[float]) -> tuple[float, ...]:
    tried = tuple(float(label) for label in labels)
    if not tried or not all(0 <= label <= 1 for label in tried):
        raise ValueError(f"labels lie in [0, 1], got {tried}")
    return tried
