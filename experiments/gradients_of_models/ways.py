"""Autodiff through our loss, by every way, against the derivation by hand."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.analysis import gradients_of, hessian_products_of, hessians_of, ulp_error
from experiments import Claim, Figure, Result, Track, Verdict
from experiments.gradients_of_models.bounded import Bounded
from experiments.gradients_of_models.derivation import by_analysis, derive
from experiments.gradients_of_models.rows import (
    BOUND,
    COMPONENT,
    SHARE,
    WHOLE,
    Row,
    largest,
    make_table,
    measure,
    norm,
    where,
)
from experiments.gradients_of_models.setting import (
    LOGISTIC,
    NETWORK,
    Config,
    Problem,
    Setting,
    mean_loss,
)
from experiments.tolerances import tolerance

KINDS: dict[str, Callable[..., dict[str, Callable[..., jax.Array]]]] = {
    "gradient": gradients_of,
    "Hessian": hessians_of,
    "Hessian product": hessian_products_of,
}

POINTS = ("ordinary", "sure")
WORST_ULP = "worst (ulp)"


def against_derivation(settings: dict[str, Setting], config: Config, track: Track) -> Result:
    """Every way in every setting, with bounds that each component must keep."""
    found = [agreement(settings[name], config) for name in track(tuple(settings), "autodiff of")]
    rows = [row for each in found for row in each.rows]
    claims = (_same_by_hand(max(each.apart for each in found)), *_claims(rows, config))
    every = "Autodiff through our loss by every way, against the derivation."
    shown = [{name: row[name] for name in row if name != BOUND} for row in rows]
    tables = (
        make_table("worst", "Autodiff through our loss: the worst data set and way.", _worst(rows)),
        make_table("ways", every, shown),
    )
    return Result(Verdict(claims, *_answer(rows, config)), tables, (_figure(rows),))


class Agreement(NamedTuple):
    """Every way in one setting, and how far the two derivations by hand differ."""

    rows: list[Row]
    apart: float


def agreement(setting: Setting, config: Config) -> Agreement:
    """Autodiff against the derivation, at ordinary parameters and at those of a sure model."""
    made = setting.problem.thinned(config.rows)
    few = setting.problem.thinned(config.hessian_rows)
    drawn = np.random.default_rng(config.seed).normal(size=made.params.size)
    direction = jnp.asarray(drawn, made.params.dtype)
    ways = {kind: every_way(few if kind == "Hessian" else made, kind) for kind in KINDS}
    rows, apart = [], []
    for point, factor in zip(POINTS, (1.0, config.confidence / setting.median), strict=True):
        many, some = made.scaled(factor), few.scaled(factor)
        given = {
            "gradient": many.given(),
            "Hessian": some.given(),
            "Hessian product": (*many.given(), direction),
        }
        exact = exact_derivatives(many, some, direction)
        for kind, other in by_analysis(many, direction).items():
            apart.append(norm(exact[kind].value - other) / norm(other))
        rows += [
            setting.words()
            | {"parameters": point, "derivative": kind, "way": way}
            | measure(got, exact[kind])
            | _in_ulp(got, exact[kind], setting.precision)
            for kind in KINDS
            for way, got in ways[kind](*given[kind]).items()
        ]
    return Agreement(rows, max(apart))


def every_way(problem: Problem, kind: str) -> Callable[..., dict[str, jax.Array]]:
    """All ways to one kind of derivative, as one program, which compiles in half the time."""
    value = mean_loss(problem)

    def ways(params, inputs, labels, *direction):  # type: ignore[no-untyped-def]
        found = KINDS[kind](lambda at: value(at, inputs, labels))
        return {name: way(params, *direction) for name, way in found.items()}

    return jax.jit(ways)


def exact_derivatives(many: Problem, some: Problem, direction: jax.Array) -> dict[str, Bounded]:
    """Gradient and Hessian product on many rows, Hessian on some."""
    derived = derive(many)
    return {
        "gradient": derived.gradient(),
        "Hessian": derive(some).hessian(),
        "Hessian product": derived.product(direction),
    }


def _in_ulp(got: jax.Array, exact: Bounded, precision: str) -> Row:
    """Errors in the precision's units: forward mode gives float32 for a bfloat16 model."""
    error = ulp_error(got, exact.value, precision)
    return {"median (ulp)": float(np.median(error)), WORST_ULP: float(error.max())}


def _same_by_hand(apart: float) -> Claim:
    bound = 8192 * float(np.finfo(np.longdouble).eps)
    return Claim("relative difference between the two derivations by hand", apart, "<=", bound)


def _claims(rows: list[Row], config: Config) -> Iterator[Claim]:
    for precision in config.precisions:
        here = where(rows, precision=precision)
        for kind in KINDS:
            share = largest(where(here, derivative=kind), SHARE)
            text = f"{kind} in {precision}, any way: worst component as a share of its bound"
            yield Claim(text, share, "<=", 1)
        whole = largest(where(here, parameters="ordinary"), WHOLE)
        text = f"any derivative in {precision}, any way, ordinary parameters: relative error"
        # the certain bound is for the worst order of the worst signs, this is what to expect
        yield Claim(text, whole, "<=", tolerance(precision).model)


def _answer(rows: list[Row], config: Config) -> tuple[str, tuple[str, ...]]:
    share, ordinary = largest(rows, SHARE), where(rows, parameters="ordinary")
    wholes = ", ".join(
        f"{largest(where(ordinary, precision=each), WHOLE):.1e} in {each}"
        for each in config.precisions
    )
    answer = (
        f"{'Yes' if share <= 1 else 'No'}: of the rounding error that a worst-case analysis allows"
        f" the worst of {len(rows)} comparisons takes {share:.1%}."
    )
    return answer, (
        f"The relative error of a derivative at ordinary parameters is at most {wholes}.",
    )


def _worst(rows: list[Row]) -> list[Row]:
    keys = ("model", "derivative", "precision")
    groups = dict.fromkeys(tuple(row[key] for key in keys) for row in rows)
    found = []
    for words in (dict(zip(keys, group, strict=True)) for group in groups):
        here = where(rows, **words)
        errors = {
            f"{WHOLE}, {point}": largest(where(here, parameters=point), WHOLE) for point in POINTS
        }
        columns = (COMPONENT, WORST_ULP, SHARE)
        found.append(words | errors | {column: largest(here, column) for column in columns})
    return found


def _figure(rows: list[Row]) -> Figure:
    worst = max(rows, key=lambda row: row[SHARE])
    return Figure(
        "ways",
        "Relative error through our loss of gradients, Hessians and Hessian products, from above,"
        " by each way. Full points: ordinary parameters; hollow: a sure model; every data set."
        " Upright strokes: the certain bounds at ordinary parameters.",
        alt="The points of each precision stand in a column, whatever the way, left of their"
        f" bounds; the worst, {worst['way']} of {worst['model']} on {worst['data']} in"
        f" {worst['precision']}, takes {worst[SHARE]:.1%} of its bound.",
        draw=partial(draw_ways, rows=rows),
        panels=(1, 2),
    )


def draw_ways(*axes: Any, rows: Sequence[Row]) -> None:
    """One panel for each model, one line for each way."""
    lines = list(dict.fromkeys((row["derivative"], row["way"]) for row in rows))
    precisions = list(dict.fromkeys(row["precision"] for row in rows))
    for ax, model in zip(axes, (LOGISTIC, NETWORK), strict=True):
        for row in (row for row in rows if row["model"] == model):
            colour = f"C{precisions.index(row['precision'])}"
            at = lines.index((row["derivative"], row["way"]))
            ordinary = row["parameters"] == "ordinary"
            ax.plot(row[WHOLE], at, "o", color=colour, mfc=colour if ordinary else "white", ms=4)
            if ordinary:
                ax.plot(row[BOUND], at, "|", color=colour, alpha=0.6)
        for at in range(1, len(lines)):
            if lines[at][0] != lines[at - 1][0]:
                ax.axhline(at - 0.5, color="0.7", linewidth=0.8)
        ax.set(xscale="log", xlabel="relative error", title=model, ylim=(len(lines) - 0.5, -0.5))
        ax.set_yticks(range(len(lines)), [way for _, way in lines], fontsize=7)
    for number, precision in enumerate(precisions):
        axes[0].plot([], [], "o", color=f"C{number}", ms=4, label=precision)
    axes[0].legend(loc="lower left", bbox_to_anchor=(0.28, 0), fontsize=8)
