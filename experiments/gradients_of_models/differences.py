"""Central differences of the mean loss against the gradient by hand, step by step.

With step t they are off by t^2 |f'''| / 6 + u |f| / t. The third derivatives come from autodiff,
so both terms are predictions, not fits. relu has no second derivative where it bends: for
a network the first term holds only for steps too small for any row to cross the bend.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.analysis import StepScan, scan_steps
from experiments import Claim, Figure, Result, Track, Verdict
from experiments.gradients_of_models.bounded import rounding_of
from experiments.gradients_of_models.derivation import derive
from experiments.gradients_of_models.rows import WHOLE, Row, make_table, measure, norm
from experiments.gradients_of_models.setting import LOGISTIC, NETWORK, Config, Setting, mean_loss


def by_differences(settings: dict[str, Setting], config: Config, track: Track) -> Result:
    """Central differences in every setting, at every step, and what was predicted for them."""
    names = track(tuple(settings), "differences of")
    found = [differences(settings[name], config) for name in names]
    best = "Central differences at the step that suits each best, and autodiff (jax.grad)."
    steps = [row for each in found for row in _every_step(each)]
    tables = (
        make_table("differences", best, [_best_step(each) for each in found]),
        make_table("steps", "Central differences at every step.", steps),
    )
    first = [each for each in found if each.setting.data == config.data[0]]
    return Result(
        Verdict(tuple(_claims(found)), "", (_detail(found[0]),)), tables, (_figure(first),)
    )


class Differences(NamedTuple):
    """Central differences of one mean loss, and the errors that were predicted for each step."""

    setting: Setting
    scan: StepScan
    autodiff: float  # relative error of jax.grad
    truncation: np.ndarray  # relative error of the formula
    rounding: np.ndarray  # and of the arithmetic


def differences(setting: Setting, config: Config) -> Differences:
    """The gradient by central differences against the derivation."""
    problem = setting.problem.thinned(config.hessian_rows)
    value, exact = mean_loss(problem), derive(problem).gradient()
    scan = scan_steps(lambda at: value(at, *problem.given()[1:]), problem.params, exact.value)
    mean, got = jax.jit(jax.value_and_grad(value))(*problem.given())
    third = jax.jit(third_derivatives(value))(*problem.rounded("float64").given())
    growth = np.maximum(1, np.abs(np.asarray(problem.params, np.float64)))  # of a coordinate's step
    unit = rounding_of(setting.precision).unit * float(mean)
    return Differences(
        setting,
        scan,
        measure(got, exact)[WHOLE],
        scan.steps**2 / 6 * norm(growth**2 * np.asarray(third)) / norm(exact.value),
        unit / scan.steps * norm(1 / growth) / norm(exact.value),
    )


def third_derivatives(f: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """The third derivative of f in each coordinate of its first argument."""

    def along(unit: jax.Array, x: jax.Array, *rest: jax.Array) -> jax.Array:
        def line(t: jax.Array) -> jax.Array:
            return f(x + t * unit, *rest)

        return jax.grad(jax.grad(jax.grad(line)))(jnp.zeros((), x.dtype))

    return lambda x, *rest: jax.vmap(lambda unit: along(unit, x, *rest))(jnp.eye(x.size))


def _claims(found: list[Differences]) -> Iterator[Claim]:
    smooth = [each for each in found if each.setting.model == LOGISTIC]
    off = np.concatenate([off_prediction(each) for each in smooth])
    text = "central differences of logistic regression: error over t^2 |f'''| / 6, off 1 by"
    yield Claim(text, off.max() if off.size else math.nan, "<=", 0.05)
    over = [(each.scan.errors / (each.truncation + each.rounding)).max() for each in smooth]
    text = "central differences of logistic regression: error over t^2 |f'''| / 6 + u |f| / t"
    yield Claim(text, max(over), "<=", 4)
    gains = [
        each.scan.floor / each.autodiff for each in found if each.setting.precision != "bfloat16"
    ]
    text = "error of central differences at their best step over that of autodiff, at least"
    yield Claim(text, min(gains, default=math.nan), ">=", 10)


def off_prediction(found: Differences) -> np.ndarray:
    """By how much errors differ from t^2 |f'''| / 6, at the steps where little else is in them."""
    seen = (found.truncation >= 300 * found.rounding) & (found.truncation <= 2e-3)
    return np.abs(found.scan.errors / found.truncation - 1)[seen]


def _detail(found: Differences) -> str:
    times = float(f"{found.scan.floor / found.autodiff:.1e}")
    return (
        f"The best central difference of {found.setting.model} in {found.setting.precision} is"
        f" {times:,.0f} times as far off as autodiff."
    )


def _best_step(found: Differences) -> Row:
    return found.setting.words() | {
        "best step": found.scan.step,
        WHOLE: found.scan.floor,
        "autodiff's relative error": found.autodiff,
        "ratio of the errors": found.scan.floor / found.autodiff,
    }


def _every_step(found: Differences) -> list[Row]:
    columns = {
        "step": found.scan.steps,
        WHOLE: found.scan.errors,
        "predicted error of the formula": found.truncation,
        "predicted error of the arithmetic": found.rounding,
    }
    entries = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [found.setting.words() | dict(zip(columns, entry, strict=True)) for entry in entries]


def _figure(found: list[Differences]) -> Figure:
    floors = "; ".join(
        f"{each.setting.model} in {each.setting.precision} {each.scan.floor:.0e} at step"
        f" {each.scan.step:.0e}, autodiff {each.autodiff:.0e}"
        for each in found
    )
    return Figure(
        "steps",
        f"Error of central differences against their step, {found[0].setting.data}. Thin lines:"
        " the predicted t^2 |f'''| / 6 + u |f| / t. Short strokes at the left: autodiff. The"
        " network's relu bends at a point, so the network keeps to the prediction only where the"
        " step is too small for any row to cross it.",
        alt="V-shaped curves: towards smaller steps the error falls as the square of the step,"
        f" then rises as its reciprocal. Lowest points: {floors}.",
        draw=partial(draw_steps, found=found),
        panels=(1, 2),
    )


def draw_steps(*axes: Any, found: list[Differences]) -> None:
    """One panel for each model, one curve for each precision."""
    for ax, model in zip(axes, (LOGISTIC, NETWORK), strict=True):
        for number, each in enumerate(one for one in found if one.setting.model == model):
            steps, colour = each.scan.steps, f"C{number}"
            ax.plot(steps, each.scan.errors, ".-", color=colour, label=each.setting.precision)
            ax.plot(steps, each.truncation + each.rounding, color=colour, linewidth=0.8, alpha=0.7)
            left = {"color": colour, "transform": ax.get_yaxis_transform()}
            ax.plot([0, 0.04], [each.autodiff] * 2, **left)
        ax.set(xscale="log", yscale="log", xlabel="step t", title=model)
    axes[0].set_ylabel("relative error of the gradient")
    axes[0].legend()
