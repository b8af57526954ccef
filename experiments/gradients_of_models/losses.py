"""Three losses on rows that a model is sure of: those it judges right, and those it does not.

Of the same function on paper, optax takes -y log s(x) - (1 - y) log s(-x) from the logit, and the
schoolbook -y log p - (1 - y) log(1 - p) with p = s(x).  In the first, autodiff meets 1 - 1 in the
second derivative; in the second, log 0 in the loss itself.
"""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from experiments import Claim, Figure, Result, Track, Verdict
from experiments.gradients_of_models.bounded import Bounded
from experiments.gradients_of_models.derivation import derive
from experiments.gradients_of_models.rows import (
    SHARE,
    WHOLE,
    Row,
    largest,
    make_table,
    measure,
    where,
)
from experiments.gradients_of_models.setting import (
    LOGISTIC,
    LOSSES,
    NETWORK,
    OPTAX,
    OURS,
    PROBABILITIES,
    Config,
    Problem,
    Setting,
    mean_loss,
)

LEAST = "smallest |logit|"
CORNER = "error of the Hessian's last layer"
ALIVE = "entries of that layer that are not 0"
FINITE = "finite entries of gradient and Hessian"


def through_three_losses(settings: dict[str, Setting], config: Config, track: Track) -> Result:
    """Logistic regression in all precisions and the network in one, on the first data set."""
    precision = "float32" if "float32" in config.precisions else config.precisions[0]
    chosen = {
        name: setting
        for name, setting in settings.items()
        if setting.data == config.data[0]
        and (setting.model == LOGISTIC or setting.precision == precision)
    }
    names = track(tuple(chosen), "losses for")
    rows = [row for name in names for row in comparison(chosen[name], config)]
    # float64 holds on to 1 - s(x) up to a logit of 37
    least = config.confidence * (2 if precision == "float64" else 1)
    shown, sure = where(rows, precision=precision), where(rows, **{LEAST: least})
    lost = where(sure, precision=precision, judged="wrong")
    tables = (
        make_table(
            "losses",
            f"Three losses in {precision}, each |logit| at least {least:g}.",
            where(sure, precision=precision),
        ),
        make_table("confidences", "Three losses, however sure the model.", rows),
    )
    claims = (_on_ours(rows), *_on_optax(lost, least), _on_probabilities(sure, least))
    verdict = Verdict(claims, *_answer(where(lost, model=LOGISTIC), least))
    return Result(verdict, tables, (_figure(shown, config.data[0]),))


def comparison(setting: Setting, config: Config) -> list[Row]:
    """Derivatives through each loss, on rows judged right and on rows judged wrong."""
    sizes, median = np.abs(setting.logits), setting.median
    middle = (sizes >= median) & (sizes <= 2 * median)
    right = (setting.logits > 0) == (np.asarray(setting.problem.labels) == 1)
    chosen = {"right": np.flatnonzero(middle & right), "wrong": np.flatnonzero(middle & ~right)}
    count = min(map(len, chosen.values()))  # of one shape, so that each loss compiles once
    programs = {
        loss: jax.jit(_gradient_and_hessian(mean_loss(setting.problem, loss))) for loss in LOSSES
    }
    rows = []
    for judged, step in itertools.product(chosen, range(1, 2 * config.confidences + 1)):
        least = config.confidence * (step / config.confidences)
        at = setting.problem.on(chosen[judged][:count]).scaled(least / median)
        derived = derive(at)
        exact = derived.gradient(), derived.hessian()
        words = setting.words() | {"judged": judged, LEAST: least}
        rows += [
            words | {"loss": loss} | _compared(program(*at.given()), exact, at)
            for loss, program in programs.items()
        ]
    return rows


def _gradient_and_hessian(value: Callable[..., jax.Array]) -> Callable[..., tuple]:
    return lambda *given: (jax.grad(value)(*given), jax.hessian(value)(*given))


def _compared(got: tuple, exact: tuple[Bounded, Bounded], at: Problem) -> Row:
    """Errors of both; a network's bend hides in the whole what is lost in its last layer."""
    gradient, hessian = (np.asarray(each) for each in got)
    last = np.ix_(*[np.sort(at.places[-1].ravel())] * 2)
    of_gradient, of_hessian = measure(gradient, exact[0]), measure(hessian, exact[1])
    corner = measure(hessian[last], exact[1].placed(lambda each: each[last]))
    return {
        "error of the gradient": of_gradient[WHOLE],
        "error of the Hessian": of_hessian[WHOLE],
        CORNER: corner[WHOLE],
        ALIVE: int(np.count_nonzero(hessian[last])),
        FINITE: int(np.isfinite(gradient).sum() + np.isfinite(hessian).sum()),
        SHARE: max(of_gradient[SHARE], of_hessian[SHARE]),
    }


def _on_ours(rows: list[Row]) -> Claim:
    share = largest(where(rows, loss=OURS), SHARE)
    text = "through bcejax, however sure the model: worst component as a share of its bound"
    return Claim(text, share, "<=", 1)


def _on_optax(rows: list[Row], least: float) -> Iterator[Claim]:
    for row in where(rows, loss=OPTAX):
        part = "Hessian" if row["model"] == LOGISTIC else "last layer's part of the Hessian"
        what = f"{part} of {row['model']} in {row['precision']} through optax"
        what += f", each |logit| at least {least:g} and wrong"
        yield Claim(f"{what}: relative error", row[CORNER], ">=", 0.5)
        yield Claim(f"{what}: entries that are not 0", row[ALIVE], "==", 0)


def _on_probabilities(rows: list[Row], least: float) -> Claim:
    text = f"derivatives of logistic regression {PROBABILITIES}, each |logit| at least {least:g}"
    finite = [row[FINITE] for row in where(rows, loss=PROBABILITIES, model=LOGISTIC)]
    return Claim(f"{text}: finite ones", sum(finite), "==", 0)


def _answer(rows: list[Row], least: float) -> tuple[str, tuple[str, ...]]:
    found = {row["loss"]: row for row in rows}
    answer = (
        f"Where the model is sure and wrong, the {rows[0]['precision']} Hessian of logistic"
        f" regression is off by {found[OURS][CORNER]:.1e} of itself through bcejax and by"
        f" {found[OPTAX][CORNER]:.2g} through optax."
    )
    return answer, (
        f"Sure and wrong is each |logit| at least {least:g} on the wrong side. Through"
        f" probabilities the Hessian's {FINITE} there: {found[PROBABILITIES][FINITE]}.",
    )


def _figure(rows: list[Row], data: str) -> Figure:
    return Figure(
        "confidence",
        f"Relative error of the Hessian in {rows[0]['precision']} through three losses, {data},"
        " against the smallest |logit| of the rows; of the network, its last layer's part."
        " Crosses on the upper edge: nan or infinite.",
        alt="On rows judged right, optax and bcejax lie on one low line. On rows judged wrong,"
        " optax rises to 1, where nothing is left of the Hessian, and bcejax stays low. Through"
        " probabilities the Hessian is nan as soon as a probability rounds to 1.",
        draw=partial(draw_losses, rows=rows),
        panels=(2, 2),
    )


def draw_losses(*axes: Any, rows: list[Row]) -> None:
    """One panel for each model and judgement, one curve for each loss."""
    panels = [(model, judged) for model in (LOGISTIC, NETWORK) for judged in ("right", "wrong")]
    for ax, (model, judged) in zip(axes, panels, strict=True):
        for loss in LOSSES:
            here = where(rows, model=model, judged=judged, loss=loss)
            at, off = (np.array([row[key] for row in here]) for key in (LEAST, CORNER))
            lost = ~np.isfinite(off)
            (line,) = ax.plot(at[~lost], off[~lost], ".-", label=loss)
            edge = {"color": line.get_color(), "transform": ax.get_xaxis_transform()}
            ax.plot(at[lost], np.full(lost.sum(), 0.97), "x", **edge)
        ax.set(yscale="log", title=f"{model}, rows judged {judged}")
        ax.set_ylim(top=100)
    for ax in axes[2:]:
        ax.set_xlabel(LEAST)
    for ax in axes[::2]:
        ax.set_ylabel("relative error")
    axes[1].legend(loc="center right")
