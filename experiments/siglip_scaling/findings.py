"""Time and memory against the number of images, and what a ring sends."""

from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from bcejax.losses.contrastive import rows_at_a_time
from experiments import Claim, Figure, Table
from experiments.siglip_scaling.ring import Ring
from experiments.siglip_scaling.settings import (
    COMPILED,
    LEANER,
    MEGABYTES,
    TIMES,
    TORCH,
    WHOLE,
    Config,
)
from experiments.siglip_scaling.turns import Found
from experiments.timing import OURS, name_sizes, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EQUAL, EQUAL_ON_RING = 1e-5, 1e-6
WITH_MATRIX = {WHOLE, TORCH}  # a compiler may do without parts of it
LOOSE = {COMPILED: 1e-3}  # which adds many numbers in sequence
FORMULA = 1.1  # times the documented memory, at most: the rows of one chunk come on top


def _ours(found: Sequence[Found], images: int) -> Found:
    return next(each for each in found if (each.images, each.way) == (images, OURS))


def _times(each: Found, found: Sequence[Found]) -> float:
    return each.times.median / _ours(found, each.images).times.median


def _leaner(each: Found, found: Sequence[Found]) -> float:
    return each.beside / _ours(found, each.images).beside


def documented(images: int, size: int) -> int:
    """Bytes that the docstring of ``sigmoid_contrastive`` gives for the gradient."""
    return 4 * (3 * rows_at_a_time(images) * images + images * size)


def claims_of(found: Sequence[Found], rings: Sequence[Ring], config: Config) -> tuple[Claim, ...]:
    """All compute the same, in little memory; where it is judged, in little time."""
    peers = [each for each in found if each.way != OURS]
    same = [
        Claim(
            f"{each.images} images: {each.way} off bcejax",
            each.off,
            "<=",
            LOOSE.get(each.way, EQUAL),
        )
        for each in peers
    ]
    ours = [each for each in found if each.way == OURS]
    formula = [
        Claim(
            f"{each.images} images: memory over what is documented",
            each.beside / documented(each.images, config.size),
            "<=",
            FORMULA,
            "times",
        )
        for each in ours
    ]
    leaner = [
        Claim(
            f"{each.images} images: memory of {each.way} over ours, beside the results",
            _leaner(each, found),
            ">=",
            LEANER[each.images],
            "times",
        )
        for each in peers
        if each.images in LEANER and each.way in WITH_MATRIX and config.claimed
    ]
    whole = [
        Claim(
            f"{each.images} images: memory with the results",
            (each.beside + each.results) / 1e6,
            "<=",
            MEGABYTES[each.images],
            "MB",
        )
        for each in ours
        if each.images in MEGABYTES
    ]
    faster = [
        Claim(
            f"{each.images} images: time of {each.way} over ours",
            _times(each, found),
            ">=",
            config.claimed * TIMES[each.images, each.way],
            "times",
        )
        for each in peers
        if (each.images, each.way) in TIMES and config.claimed
    ]
    return (*same, *formula, *leaner, *whole, *faster, *_claims_of_rings(rings))


def _claims_of_rings(rings: Sequence[Ring]) -> list[Claim]:
    near = [
        Claim(f"ring of {each.devices}: off one device", each.off, "<=", EQUAL_ON_RING)
        for each in rings
    ]
    sent = [
        Claim(
            f"ring of {each.devices}: bytes that each device sends", each.sent, "==", each.expected
        )
        for each in rings
    ]
    gathered = Claim("operations that gather texts", sum(each.gathers for each in rings), "==", 0)
    return [*near, *sent, gathered]


def answer_of(
    found: Sequence[Found], rings: Sequence[Ring], config: Config
) -> tuple[str, tuple[str, ...]]:
    """Times and memory at the most images, and what is sent."""
    most = max(config.images)
    ours = _ours(found, most)
    others = "; ".join(
        f"{each.way} {_times(each, found):.3g} times as long in {_leaner(each, found):.3g} times "
        "the memory"
        for each in found
        if each.images == most and each.way != OURS
    )
    last = rings[-1]
    whole = next(each for each in found if each.images == most and each.way == WHOLE)
    answer = (
        f"Its matrix of pairs need not be there: for {most} images with as many texts bcejax takes "
        f"{ours.beside / 1e6:.3g} MB beside the results, and the whole matrix in JAX "
        f"{_leaner(whole, found):.3g} times that."
    )
    return answer, (
        f"On jax {version('jax')}, loss and gradients of {most} x {config.size} in float32 take "
        f"{1e3 * ours.times.median:.3g} ms and {ours.beside / 1e6:.3g} MB beside the results; "
        f"{others}.",
        f"On a ring of {last.devices} each device sends {last.sent / 1e6:.3g} MB for "
        f"{config.spread} images, and the answer is {last.off:.1g} off that of one.",
    )


def tabulate(found: Sequence[Found]) -> Table:
    """Every way at every number of images."""
    return Table(
        "ways",
        "Loss and all gradients, float32, each way in a process of its own, by turns.",
        {
            "images": [each.images for each in found],
            "way": [each.way for each in found],
            **spread(each.times for each in found),
            "over bcejax": [_times(each, found) for each in found],
            "memory beside the results (MB)": [each.beside / 1e6 for each in found],
            "memory over bcejax": [_leaner(each, found) for each in found],
            "growth of the process (MB)": [each.extra / 1e6 for each in found],
            "results (MB)": [each.results / 1e6 for each in found],
            "first call (ms)": [1e3 * each.times.first for each in found],
            "off bcejax": [each.off for each in found],
        },
        formats={"over bcejax": ".3g", "memory over bcejax": ".3g", "off bcejax": ".1e"},
    )


def tabulate_rings(rings: Sequence[Ring]) -> Table:
    """Every ring."""
    return Table(
        "rings",
        "Loss and all gradients on rings of simulated devices, from the compiled programs: what "
        "each device sends in all hops, and its memory beside arguments and results.",
        {
            "devices": [each.devices for each in rings],
            "off one device": [each.off for each in rings],
            "permutations in a hop": [each.permutes for each in rings],
            "sent by each (bytes)": [each.sent for each in rings],
            "gathers": [each.gathers for each in rings],
            "memory of each (MB)": [each.temporaries / 1e6 for each in rings],
        },
        formats={"off one device": ".1e"},
    )


def figure_of(found: Sequence[Found]) -> Figure:
    """Time and memory, one line for each way."""
    told = "; ".join(
        f"{each.way} at {each.images}: {1e3 * each.times.median:.3g} ms, {each.beside / 1e6:.3g} MB"
        for each in found
    )
    return Figure(
        "scaling",
        "Time (left) and memory beside the results (right) of loss and gradients, by the number "
        "of images. Both scales are logarithmic.",
        alt=f"Time grows with the square for all, memory for all but bcejax. {told}.",
        draw=partial(draw_scaling, found=found),
        panels=(1, 2),
    )


def draw_scaling(left: "Axes", right: "Axes", *, found: Sequence[Found]) -> None:
    """The same colours on both sides."""
    for way in dict.fromkeys(each.way for each in found):
        those = [each for each in found if each.way == way]
        images = [each.images for each in those]
        left.plot(images, [1e3 * each.times.median for each in those], "o-", label=way)
        right.plot(images, [each.beside / 1e6 for each in those], "o-", label=way)
    for ax in (left, right):
        ax.set(xscale="log", yscale="log", xlabel="images")
        name_sizes(ax, {each.images for each in found})
    left.set_ylabel("time (ms)")
    right.set_ylabel("memory beside the results (MB)")
    left.legend()


def figure_of_rings(rings: Sequence[Ring]) -> Figure:
    """What is sent and held, by the number of devices."""
    told = ", ".join(
        f"{each.devices}: {each.sent / 1e6:.3g} MB sent, {each.temporaries / 1e6:.3g} MB held"
        for each in rings
    )
    return Figure(
        "rings",
        "What each device of a ring sends in all, and holds beside arguments and results, of "
        "equally many images in all.",
        alt=f"What is sent nears a limit, what is held falls. By devices, {told}.",
        draw=partial(draw_rings, rings=rings),
    )


def draw_rings(ax: "Axes", *, rings: Sequence[Ring]) -> None:
    """Two lines."""
    devices = [each.devices for each in rings]
    ax.plot(devices, [each.sent / 1e6 for each in rings], "o-", label="sent by each device")
    ax.plot(devices, [each.temporaries / 1e6 for each in rings], "s-", label="held by each")
    ax.set(xlabel="devices", ylabel="MB")
    ax.set_xticks(devices)
    ax.legend()
