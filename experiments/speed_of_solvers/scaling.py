"""How times grow with examples and with columns, and how far they are from a limit.

Along an axis times go like size^e; e is the slope of log time in log size by least squares.  The
limit of an exact fit is what no way that looks at all of X can be quicker than by much: five
gradients, each of two passes over X at the speed at which NumPy copies it, and one product X'X.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from experiments import Claim, Figure, Table, Track
from experiments.speed_of_solvers.problems import draw
from experiments.speed_of_solvers.setting import TASKS, Config, Task
from experiments.speed_of_solvers.standings import standings_of
from experiments.speed_of_solvers.turns import Worker, race
from experiments.timing import OURS, Times, exponent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRADIENTS = 5  # at the least
EXAMPLES, COLUMNS = "examples", "columns"
STEEPEST = {EXAMPLES: 1.1, COLUMNS: 2.0}  # exponents of passes over X, and of X'X


class Point(NamedTuple):
    """One shape of an axis."""

    axis: str
    task: Task
    ours: Times
    best: Times  # of the peers
    peer: str
    limit: float  # seconds

    @property
    def size(self) -> int:
        """Along the axis."""
        return self.task.examples if self.axis == EXAMPLES else self.task.columns


def measure(workers: list[Worker], config: Config, track: Track) -> list[Point]:
    """All shapes of both axes."""
    axes = {EXAMPLES: config.by_examples, COLUMNS: config.by_columns}
    return [
        point_of(axis, TASKS[name], workers, config, track)
        for axis, names in axes.items()
        for name in names
    ]


def point_of(axis: str, task: Task, workers: list[Worker], config: Config, track: Track) -> Point:
    """All ways at one shape, and its limit."""
    standings = standings_of(task.name, draw(task, config.seed), race(task, workers, config, track))
    ours, *_ = (each for each in standings if each.way == OURS)
    best = min(
        (each for each in standings if not each.ours and each.near), key=lambda s: s.times.median
    )
    copy, product = workers[0].ask("limits")
    return Point(axis, task, ours.times, best.times, best.way, 2 * GRADIENTS * copy + product)


def exponents(points: Sequence[Point]) -> dict[tuple[str, str], float]:
    """By the axis, and "bcejax", "the best other" or "the limit"."""
    found = {}
    for axis in STEEPEST:
        those = [each for each in points if each.axis == axis]
        sizes = [each.size for each in those]
        for way, seconds in {
            OURS: [each.ours.median for each in those],
            "the best other": [each.best.median for each in those],
            "the limit": [each.limit for each in those],
        }.items():
            found[axis, way] = exponent(sizes, seconds)
    return found


def scaling_claims(points: Sequence[Point], config: Config) -> tuple[Claim, ...]:
    """Times grow no faster than the work does, where times are judged."""
    if not config.claimed:
        return ()
    found = exponents(points)
    return tuple(
        Claim(f"exponent of the time of L2 fits in {axis}", found[axis, OURS], "<=", most)
        for axis, most in STEEPEST.items()
    )


def growth_of(points: Sequence[Point]) -> str:
    """The exponents, and the distances from the limit, in a sentence."""
    found = exponents(points)
    off = [each.ours.median / each.limit for each in points]
    grown = ", ".join(
        f"in {axis} like their number to the {found[axis, OURS]:.2f} (the best other "
        f"{found[axis, 'the best other']:.2f})"
        for axis in STEEPEST
    )
    return (
        f"Time grows {grown}; it is {min(off):.2g} to {max(off):.2g} times that of ten passes and"
        " one product."
    )


def tabulate_scaling(points: Sequence[Point]) -> tuple[Table, Table]:
    """Every shape, and the exponents."""
    shapes = Table(
        "scaling",
        "L2 fits as one size grows, the best of the others, and the limit: ten passes over the "
        "inputs at the speed of a copy, and one product X'X.",
        {
            "axis": [each.axis for each in points],
            "examples": [each.task.examples for each in points],
            "columns": [each.task.columns for each in points],
            "bcejax (ms)": [1e3 * each.ours.median for each in points],
            "best other (ms)": [1e3 * each.best.median for each in points],
            "best other": [each.peer for each in points],
            "over bcejax": [each.best.median / each.ours.median for each in points],
            "limit (ms)": [1e3 * each.limit for each in points],
            "bcejax over the limit": [each.ours.median / each.limit for each in points],
            "first call (ms)": [1e3 * each.ours.first for each in points],
        },
        formats={"over bcejax": ".3g", "bcejax over the limit": ".3g"},
    )
    found = exponents(points)
    fitted = Table(
        "exponents",
        "e of time = a size^e, by least squares in logs over the shapes of an axis.",
        {
            "axis": [axis for axis, _ in found],
            "way": [way for _, way in found],
            "exponent": list(found.values()),
        },
        formats={"exponent": ".2f"},
    )
    return shapes, fitted


def figure_of_scaling(points: Sequence[Point]) -> Figure:
    """Time against size, along both axes."""
    told = "; ".join(
        f"{each.task.examples} x {each.task.columns}: bcejax {1e3 * each.ours.median:.3g} ms, "
        f"the best other {1e3 * each.best.median:.3g}, the limit {1e3 * each.limit:.3g}"
        for each in points
    )
    return Figure(
        "scaling",
        "Time of an L2 fit as examples (left) and columns (right) grow: bcejax, the best of the "
        "others at each size, and the limit. Both scales are logarithmic.",
        alt=f"Three curves rise on either side. {told}.",
        draw=partial(draw_scaling, points=points),
        panels=(1, 2),
    )


def draw_scaling(left: "Axes", right: "Axes", *, points: Sequence[Point]) -> None:
    """The same colours on both sides."""
    for ax, axis in zip((left, right), STEEPEST, strict=True):
        those = [each for each in points if each.axis == axis]
        sizes = [each.size for each in those]
        ax.plot(sizes, [1e3 * each.ours.median for each in those], "o-", label=OURS)
        ax.plot(sizes, [1e3 * each.best.median for each in those], "s-", label="the best other")
        ax.plot(sizes, [1e3 * each.limit for each in those], "--", color="0.5", label="the limit")
        ax.set(xscale="log", yscale="log", xlabel=axis, ylabel="time (ms)")
    left.legend()
