"""What the layouts found: claims, tables, the figure and the answer."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from experiments import Claim, Figure, Table
from experiments.collectives import Collective, sent
from experiments.data_parallel.found import Found
from experiments.data_parallel.paper import step_of
from experiments.data_parallel.setting import CHIPS, Config

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCALARS = 64  # bytes: sums of losses, hits and weights, and whether all is finite


def foreign(found: Found, config: Config) -> list[Collective]:
    """Operations that carry examples: with an axis as long as all, a batch, or a device's part."""
    part = -(-config.batch_size // found.layout.devices)
    rows = {config.examples, config.batch_size, part}
    return [each for each in found.collectives if any(rows.intersection(s) for s in each.shapes)]


def claims_of(every: Sequence[Found], config: Config) -> tuple[Claim, ...]:
    """Equality, and what is sent."""
    off = {
        "parameters": [found.off_params for found in every],
        "losses": [found.off_losses for found in every],
        "sums of the calibration state over the largest": [
            found.off_calibration for found in every if found.off_calibration is not None
        ],
    }
    divided = [found for found in every if found.layout.devices > 1]
    carried = sum(len(foreign(found, config)) for found in divided)
    return (
        *(
            # NumPy's, for which nothing is larger than nan
            Claim(f"{what}: largest difference from one device", np.max(values), "<=", config.near)
            for what, values in off.items()
            if values
        ),
        Claim("operations that send examples or logits to other devices", carried, "==", 0),
        *(claim for found in divided if not found.layout.params for claim in _sums_alone(found)),
    )


def _sums_alone(found: Found) -> tuple[Claim, ...]:
    """Where the state is whole on each device, a step adds up the gradient and a few numbers."""
    others = len(found.collectives) - found.number_of("all-reduce")
    beyond = found.bytes_of("all-reduce") - 4 * found.parameters
    return (
        Claim(f"{found.name}: operations but all-reduce", others, "==", 0),
        Claim(f"{found.name}: bytes added up, beyond 4 P", beyond, ">=", 0, "bytes"),
        Claim(f"{found.name}: bytes added up, beyond 4 P", beyond, "<=", SCALARS, "bytes"),
    )


def answer_of(every: Sequence[Found], config: Config) -> tuple[str, tuple[str, ...]]:
    """Equality, bytes, and what paper says."""
    off = max(max(found.off_params, found.off_losses) for found in every)
    most = max(every, key=lambda found: found.layout.devices)
    chips, size = config.chips[-1], config.parameters[-1]
    steps = {chip: step_of(chip, chips, size, config.per_chip, config) for chip in CHIPS}
    told = ", ".join(f"{step.efficiency:.0%} on {chips} {chip}s" for chip, step in steps.items())
    answer = (
        f"On each of {len(every)} meshes of up to {most.layout.devices} devices parameters and "
        f"losses are those of one device to {off:.0e}. A step sends one gradient: "
        f"{most.bytes_of('all-reduce')} bytes, of which {4 * most.parameters} are the gradient."
    )
    return answer, (
        f"On paper, with {config.per_chip} examples per chip and nothing hidden, the share of the "
        f"time that computes for {size:.0e} parameters is {told}.",
    )


def tabulate(every: Sequence[Found]) -> Table:
    """A line for each layout."""
    return Table(
        "layouts",
        "The same training on several meshes: largest differences from one device, and what a "
        "step sends.",
        {
            "mesh": [found.name for found in every],
            "epochs": [found.epochs for found in every],
            "parameters off": [found.off_params for found in every],
            "losses off": [found.off_losses for found in every],
            "calibration state off": [found.off_calibration for found in every],
            "all-reduce (bytes)": [found.bytes_of("all-reduce") for found in every],
            "all-gather (bytes)": [found.bytes_of("all-gather") for found in every],
            "other operations": [
                len(found.collectives)
                - found.number_of("all-reduce")
                - found.number_of("all-gather")
                for found in every
            ],
            "sent per device (bytes)": [
                sum(sent(each, found.layout.devices) for each in found.collectives)
                for found in every
            ],
        },
        formats=dict.fromkeys(("parameters off", "losses off", "calibration state off"), ".1e")
        | {"sent per device (bytes)": ".0f"},
    )


def tabulate_paper(config: Config) -> Table:
    """A line for each kind and number of chips and size of model."""
    rows = [
        (chip, chips, size)
        for chip in CHIPS
        for chips in config.chips
        for size in config.parameters
    ]
    steps = [step_of(*row, config.per_chip, config) for row in rows]
    return Table(
        "paper",
        f"A step of {config.per_chip} examples per chip on paper, nothing hidden behind anything; "
        "the assumptions are fields of the configuration.",
        {
            "chip": [chip for chip, *_ in rows],
            "chips": [chips for _, chips, _ in rows],
            "parameters": [size for *_, size in rows],
            "compute (ms)": [1e3 * step.compute for step in steps],
            "all-reduce (ms)": [1e3 * step.reduce for step in steps],
            "efficiency": [step.efficiency for step in steps],
        },
        formats={
            "parameters": ".0e",
            "compute (ms)": ".3g",
            "all-reduce (ms)": ".3g",
            "efficiency": ".3f",
        },
    )


def figure_of(every: Sequence[Found], config: Config) -> Figure:
    """Bytes by layout, and efficiency on paper."""
    told = ", ".join(
        f"{found.name} {found.bytes_of('all-reduce', 'all-gather')}" for found in every
    )
    return Figure(
        "scaling",
        "Left: bytes of the results of what a step sends between devices, from the compiled "
        "program. Right: share of a step that computes, on paper, for the largest model.",
        alt=f"Bars of bytes by mesh: {told}. Curves of efficiency that rise with the examples per "
        "chip and are lower for more chips.",
        draw=partial(draw, every=every, config=config),
        panels=(1, 2),
    )


def draw(left: "Axes", right: "Axes", *, every: Sequence[Found], config: Config) -> None:
    """Bars and curves."""
    places, before = np.arange(len(every)), np.zeros(len(every))
    for kind in ("all-reduce", "all-gather"):
        sizes = np.array([found.bytes_of(kind) for found in every]) / 1e3
        left.barh(places, sizes, left=before, label=kind)
        before += sizes
    left.set_yticks(places, [found.name for found in every], fontsize=7.5)
    left.invert_yaxis()
    left.set(xlabel="kB per step")
    left.legend(fontsize=7.5)
    examples = np.logspace(1, 6, 51)
    for color, chip in enumerate(CHIPS):
        for style, chips in zip(("-", "--", ":"), config.chips, strict=False):
            steps = [step_of(chip, chips, config.parameters[-1], b, config) for b in examples]
            right.plot(
                examples,
                [step.efficiency for step in steps],
                f"C{color}{style}",
                label=f"{chips} {chip}",
            )
    right.set(xscale="log", xlabel="examples per chip", ylabel="share that computes")
    right.legend(fontsize=7.5)
