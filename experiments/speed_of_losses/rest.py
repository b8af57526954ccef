"""What our value and gradient take beside the traffic: a ladder of times, step by step."""

import resource
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments import Figure, Table, Track
from experiments.speed_of_losses.kernel import Kernel
from experiments.speed_of_losses.setting import (
    BOTH,
    GRADIENT,
    TRAFFIC,
    VALUE,
    Call,
    Config,
    Data,
    Way,
)
from experiments.speed_of_losses.ways import our_loss
from experiments.timing import OURS, Times, race, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OLD_BUFFER, NEW_BUFFER = "C by hand, one buffer", "C by hand, a fresh buffer"
ALONE, SLOPE, TOGETHER = f"{OURS}, value", f"{OURS}, gradient", f"{OURS}, both"
DONATED = f"{OURS}, both, over the logits"


class Step(NamedTuple):
    """A step of the ladder."""

    times: Times
    arrays: float  # as large as the logits, whose pages a call touches for the first time


class Rest(NamedTuple):
    """What this chapter adds."""

    detail: str
    table: Table
    figure: Figure


def take_apart(data: Data, ours: Way, kernel: Kernel | None, config: Config, track: Track) -> Rest:
    """The steps by turns, and how much fresh memory each takes."""
    calls: dict[str, Call] = {}
    if kernel is not None:
        calls |= {
            TRAFFIC: kernel.ways[TRAFFIC][BOTH],
            OLD_BUFFER: kernel.ways[kernel.name][BOTH],
            NEW_BUFFER: kernel.fresh,
        }
    calls |= {ALONE: ours[VALUE], SLOPE: ours[GRADIENT], TOGETHER: ours[BOTH]}
    calls[DONATED] = over_the_logits(data)
    times = race(calls, track, turns=config.turns, burst=config.calls, rouse=True, what="steps")
    size = data.logits.nbytes
    steps = {name: Step(times[name], fresh_bytes(call) / size) for name, call in calls.items()}
    return Rest(_detail(steps), _table(steps), _figure(steps))


def over_the_logits(data: Data) -> Call:
    """Value and gradient with the logits given away: each call's logits are the last gradient."""

    def mean(logits: jax.Array, labels: jax.Array) -> jax.Array:
        return jnp.mean(our_loss("default")(logits, labels))

    step = jax.jit(jax.value_and_grad(mean), donate_argnums=0)
    held = {"logits": jnp.array(data.logits)}

    def call() -> object:
        value, held["logits"] = jax.block_until_ready(step(held["logits"], data.on_device[1]))
        return value

    return call


def fresh_bytes(call: Call) -> float:
    """Memory whose pages a warm call touches for the first time since the system gave them."""
    counts = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        call()
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return float(np.median(counts)) * resource.getpagesize()


def _detail(steps: Mapping[str, Step]) -> str:
    """Where the time of value and gradient goes."""
    ms = {name: 1e3 * step.times.median for name, step in steps.items()}
    shared = (
        f"value and gradient together take {ms[TOGETHER] / (ms[ALONE] + ms[SLOPE]):.2f} times as "
        f"long as one after the other, and touch {steps[TOGETHER].arrays:.1f} fresh arrays"
    )
    if TRAFFIC not in ms:
        return f"Our {shared}."
    return (
        f"Of our {ms[TOGETHER]:.1f} ms for both, a pass by hand takes {ms[OLD_BUFFER]:.1f} (its "
        f"traffic alone {ms[TRAFFIC]:.1f}), page faults of a fresh gradient add "
        f"{ms[NEW_BUFFER] - ms[OLD_BUFFER]:.1f}, and the other "
        f"{ms[TOGETHER] - ms[NEW_BUFFER]:.1f} are what XLA makes of it: {shared}."
    )


def _table(steps: Mapping[str, Step]) -> Table:
    return Table(
        "rest",
        "What value and gradient of the mean are made of.",
        {
            "step": list(steps),
            **spread(step.times for step in steps.values()),
            "fresh memory (arrays of the logits' size)": [s.arrays for s in steps.values()],
        },
    )


def _figure(steps: Mapping[str, Step]) -> Figure:
    told = ", ".join(f"{name} {1e3 * step.times.median:.1f} ms" for name, step in steps.items())
    return Figure(
        "rest",
        "From the memory's traffic to our value and gradient. The line spans the middle half of "
        "the calls; beside it the median, and the fresh memory in arrays of the logits' size.",
        alt=f"Bars that grow from the traffic to ours: {told}.",
        draw=partial(draw_ladder, steps=steps),
    )


def draw_ladder(ax: "Axes", *, steps: Mapping[str, Step]) -> None:
    """A bar for each step, the first on top."""
    places = np.arange(len(steps))
    median = np.array([1e3 * step.times.median for step in steps.values()])
    reach = 1e3 * np.array([step.times.quartiles for step in steps.values()]).T
    colours = ["C0" if name.startswith(OURS) else "0.7" for name in steps]
    ax.barh(places, median, color=colours, height=0.6)
    ax.hlines(places, *reach, color="black", linewidth=1.2)
    for place, step in enumerate(steps.values()):
        said = f"  {1e3 * step.times.median:.1f} ms, {step.arrays:.1f} arrays"
        ax.text(reach[1, place], place, said, va="center", fontsize=8)
    ax.set_yticks(places, list(steps))
    ax.set(xlabel="time (ms)", xlim=(0, 1.5 * reach[1].max()))
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
