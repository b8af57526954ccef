"""The sweep of one binade: every result by the public functions, compiled, as a user has them."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.losses import bce_gradient, bce_hessian, bce_with_logits
from experiments.exhaustive_float32.errors import Found, errors_of, sum_up
from experiments.exhaustive_float32.oracle import Label, label_of, share, value_and_gradient
from experiments.exhaustive_float32.setting import (
    DEFAULT,
    GRADIENT,
    HESSIAN,
    THIRD,
    VALUE,
    Config,
    Kind,
    kinds,
    logits_of,
)


class Row(NamedTuple):
    """What a binade showed of one kind."""

    kind: Kind
    binade: int
    worst: float  # in the kind's unit
    logit: float  # where
    judged: int
    rounded_wrong: int
    beyond_one: int
    lost: int


def sweep_binade(binade: int, config: Config) -> list[Row]:
    """One row for each kind."""
    rows: dict[Kind, Row] = {}
    for logits in logits_of(binade, config):
        for kind, found in _errors(logits, config):
            row = _row(kind, binade, logits, found)
            rows[kind] = _merged(rows[kind], row) if kind in rows else row
    return [rows[kind] for kind in kinds(config)]


def _errors(logits: np.ndarray, config: Config) -> Iterator[tuple[Kind, Found]]:
    """Ours in float32 with x64 off, the oracle with x64 on."""
    x = jax.device_put(logits)
    with jax.enable_x64(True):
        shared = share(logits)
        unlabelled = {HESSIAN: shared.hessian, THIRD: shared.third}
    for label in (*config.labels, None):
        with jax.enable_x64(True):
            right = unlabelled if label is None else _labelled(shared, label_of(label))
        with jax.enable_x64(False):
            labels = jnp.full_like(x, label or 0)
            asked = [kind for kind in kinds(config) if kind.label == label]
            ours = partial(function_of, eager=config.eager)
            got = {kind: ours(kind.accuracy, kind.quantity)(x, labels) for kind in asked}
        with jax.enable_x64(True):
            errors = {
                kind: errors_of(kind, got[kind], right[kind.quantity], shared.sigmoid)
                for kind in asked
            }
        for kind in asked:
            yield kind, sum_up(np.asarray(errors[kind]))


def _labelled(shared: Any, label: Label) -> dict[str, jax.Array]:
    value, gradient = value_and_gradient(shared, label)
    return {VALUE: value, GRADIENT: gradient}


@cache
def function_of(accuracy: str, quantity: str, *, eager: bool) -> Callable[..., jax.Array]:
    """A public function of logits and labels at an accuracy, compiled unless eager."""
    options: dict[str, Any] = {} if accuracy == DEFAULT else {"accuracy": accuracy}

    def third(logits: jax.Array, labels: jax.Array) -> jax.Array:
        hessian = partial(bce_hessian, labels=labels, **options)
        return jax.jvp(hessian, (logits,), (jnp.ones_like(logits),))[1]

    functions: dict[str, Callable[..., jax.Array]] = {
        VALUE: partial(bce_with_logits, **options),
        GRADIENT: partial(bce_gradient, **options),
        HESSIAN: partial(bce_hessian, **options),
        THIRD: third,
    }
    return functions[quantity] if eager else jax.jit(functions[quantity])


def _row(kind: Kind, binade: int, logits: np.ndarray, found: Found) -> Row:
    return Row(kind, binade, found.worst, float(logits[found.place]), *found[2:])


def _merged(one: Row, other: Row) -> Row:
    """The counts of both, and the worse of both."""
    worse = other if other.worst > one.worst else one
    counts = (a + b for a, b in zip(one[4:], other[4:], strict=True))
    return Row(*worse[:4], *counts)


def worst_by_words(rows: Sequence[Row]) -> dict[tuple[str, str], Row]:
    """The worst row of all hard labels and of all soft ones, by accuracy and words."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = (row.kind.accuracy, row.kind.words)
        if key not in found or row.worst > found[key].worst:
            found[key] = row
    return found
