"""Each way of training held against Keras itself, in both precisions."""

from collections.abc import Mapping
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import jax
import numpy as np

from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.keras_tutorial.peer import train_keras
from experiments.keras_tutorial.setting import Course, Task
from experiments.keras_tutorial.ways import KERAS_WAY, PLAIN_WAY, WAYS, train_way

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOSS_BOUND, WEIGHT_BOUND = 1e-5, 1e-12  # in float32, and in float64


class Distance(NamedTuple):
    """How far a training is from Keras's, epoch by epoch, (epochs,)."""

    loss: np.ndarray  # nats, the larger of training and validation
    weights: np.ndarray  # the largest


Distances = Mapping[str, Distance]  # by way


def compare_with_keras(keras: ModuleType, name: str, task: Task, track: Track) -> Result:
    """Keras trained from the weights and through the batches of each way."""
    orders = task.orders()
    whole = orders.shape[1] - orders.shape[1] % task.config.batch_size
    single = _distances(keras, task, orders, "float32", track)
    double = _distances(keras, task, orders[:, :whole], "float64", track)
    loss, weights = single[KERAS_WAY].loss.max(), double[KERAS_WAY].weights.max()
    drift, strayed = single[PLAIN_WAY].loss.max(), double[PLAIN_WAY].weights.max()
    claims = (
        Claim(f"distance of loss curves from {name}'s, float32", loss, "<=", LOSS_BOUND, "nats"),
        Claim(f"distance of weights from {name}'s, float64", weights, "<=", WEIGHT_BOUND),
    )
    answer = f"They equal {name}'s to {loss:.1e} in float32."
    details = (
        f"Weights equal {name}'s in float64 to {weights:.1e}; optax.adam on the exact loss ends up "
        f"{drift:.1e} (loss curves) and {strayed:.1e} (weights) away.",
    )
    return Result(
        Verdict(claims, answer, details),
        tables=(_tabulate({"float32": single, "float64": double}),),
        figures=(
            Figure(
                "distance",
                f"Distance of each training from {name}'s: loss curves in float32 (the larger of "
                "training and validation), weights in float64 over whole batches.",
                alt=(
                    "In float32 all four loss curves lie close together, at "
                    f"{max(each.loss.max() for each in single.values()):.0e} or below. In float64 "
                    f"the weights with Keras's Adam stay within {weights:.0e}, those with "
                    f"optax.adam stray to {strayed:.0e}."
                ),
                draw=partial(draw_distances, single=single, double=double),
                panels=(1, 2),
            ),
        ),
    )


def _distances(
    keras: ModuleType, task: Task, orders: np.ndarray, dtype: str, track: Track
) -> Distances:
    with jax.enable_x64(dtype == "float64"):
        theirs = train_keras(keras, task, orders, dtype)
        return {
            way: _distance(train_way(way, task, orders, dtype), theirs)
            for way in track(tuple(WAYS), f"ways in {dtype}")
        }


def _distance(ours: Course, theirs: Course) -> Distance:
    loss, validation_loss, weights = (
        np.abs(a.astype(np.float64) - b) for a, b in zip(ours, theirs, strict=True)
    )
    return Distance(np.maximum(loss, validation_loss), weights.max(axis=1))


def _tabulate(distances: Mapping[str, Distances]) -> Table:
    rows = [
        (dtype, way, each.loss.max(), each.weights.max())
        for dtype, ways in distances.items()
        for way, each in ways.items()
    ]
    headers = ("precision", "way", "loss curves (nats)", "weights")
    columns = dict(zip(headers, map(list, zip(*rows, strict=True)), strict=True))
    return Table(
        "distance",
        "Largest distance from Keras's training, in float64 over whole batches only.",
        columns,
        formats=dict.fromkeys(headers[2:], ".1e"),
    )


def draw_distances(left: "Axes", right: "Axes", *, single: Distances, double: Distances) -> None:
    """Distance of the loss curves in float32, and of the weights in float64, by epoch."""
    _draw(left, {way: each.loss for way, each in single.items()}, LOSS_BOUND)
    _draw(right, {way: each.weights for way, each in double.items()}, WEIGHT_BOUND)
    left.set(title="loss curves, float32", ylabel="distance from Keras (nats)", ylim=(1e-8, 1e-4))
    right.set(title="weights, float64", ylabel="distance from Keras", ylim=(1e-18, 1e-2))
    left.legend(ncols=2, loc="lower right")


def _draw(ax: "Axes", ways: Mapping[str, np.ndarray], bound: float) -> None:
    for way, values in ways.items():
        exact = way.endswith("exact loss")
        ax.plot(
            np.arange(1, len(values) + 1),
            np.where(values > 0, values, np.nan),  # 0 has no place on this axis
            color="C1" if way.startswith("optax") else "C0",
            linewidth=1.2 if exact else 5,  # so that of two equal lines both are seen
            alpha=1 if exact else 0.35,
            label=way,
        )
    ax.axhline(bound, color="0.3", linewidth=1, linestyle=":", label="claimed")
    ax.set(xlabel="epoch", yscale="log")
    ax.locator_params("x", integer=True)
