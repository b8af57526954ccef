"""Transforms of JAX: forward mode, jit and vmap say what reverse mode, eager and one call say.

One way is held against the other, not against the oracle: a wrong loss that is wrong in the same
way everywhere passes here.  Each may be off by the bound of its quantity, so twice that is allowed.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.analysis.auditing.bench import (
    Bench,
    NotOfferedError,
    as_numbers,
    pulled,
    pushed,
)
from bcejax.analysis.auditing.edges import certain_answers
from bcejax.analysis.auditing.judging import compare, conclude
from bcejax.analysis.auditing.records import Check, Status
from bcejax.analysis.subjects import Function


def check_forward_mode(bench: Bench) -> Check:
    """Gradient by jvp against vjp, hessian by jvp of vjp against vjp of vjp; zero tangents."""
    ways = {"gradient": pushed(bench.each), "hessian": pushed(pulled(bench.each))}
    compiled = {name: bench.compiled(function) for name, function in ways.items()}
    check = _agree(bench, "by jvp", compiled, bench.derived)
    return _zero_tangents(bench) or check if check.status is Status.PASSED else check


def check_jit(bench: Bench) -> Check:
    """Value and gradient, compiled against eager."""
    eager = {"value": bench.each, "gradient": pulled(bench.each)}
    compiled = {name: jax.jit(function) for name, function in eager.items()}
    return _agree(bench, "under jit", compiled, eager)


def check_vmap(bench: Bench) -> Check:
    """Value and gradient of rows of two examples, mapped, against all at once."""

    def by_rows(function: Function) -> Function:
        def mapped(x: Any, y: Any) -> Any:
            return jax.vmap(function)(x.reshape(-1, 2), y.reshape(-1, 2)).reshape(-1)

        return bench.compiled(mapped)

    ways = {"value": by_rows(bench.each), "gradient": by_rows(pulled(bench.each))}
    return _agree(bench, "under vmap", ways, bench.derived)


def _zero_tangents(bench: Bench) -> Check | None:
    """A tangent of 0 stays 0 at certain answers, where a derivative may be inf: None, if so."""
    points = certain_answers(bench)

    def along_zero(x: Any, y: Any) -> Any:
        return jax.jvp(bench.each, (x, y), (jnp.zeros_like(x), jnp.zeros_like(y)))[1]

    scores, labels = (bench.spread(each) for each in points[:2])
    out = np.asarray(bench.compiled(along_zero)(scores, labels))[: len(points.scores)]
    bad = np.flatnonzero(~(out == 0))
    if not bad.size:
        return None
    got = float(out[bad[0]])
    note = f"a zero tangent becomes {got:.3g} {points.regions[0]}"
    at = (points.scores[bad[0]], points.labels[bad[0]])
    return Check(Status.FAILED, note, at=at, got=got, right=0.0)


def _agree(
    bench: Bench, way: str, ones: Mapping[str, Function], others: Mapping[str, Function]
) -> Check:
    """The quantities of ``ones`` are what ``others`` say they are."""
    if not bench.subject.jax:
        raise NotOfferedError(f"{bench.subject.name} is not of JAX")
    points, readings = bench.points, []
    scores, labels = bench.spread(points.scores), bench.spread(points.labels)
    for quantity, one in ones.items():
        got, other = (
            as_numbers(function(scores, labels), scores.shape)[: len(points.scores)]
            for function in (one, others[quantity])
        )
        readings.append(compare(bench, quantity, points, got, other, way))
    return conclude(readings)
