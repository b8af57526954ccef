"""How fast are value and derivatives of the loss, next to other libraries and to the limit?

Run:     python -m experiments run speed_of_losses    about a minute on two cores
Expect:  Value and gradient of the mean of 10,000,000 float32 losses in half of optax's time, the
         value alone in a third of it, on jax 0.12; with accuracy="highest" in less than all of
         it; nothing slower than torch; a kernel by hand five to ten times as fast.

Every library computes the mean loss, its value and gradient, its gradient alone and the second
derivative of each loss, as its users would write it: in JAX with jit, in torch eagerly at its
better number of threads. One process, one run: the first call, which traces and compiles or
finds the program on disk, stands apart; then every way has a burst of calls in each turn, so that
whatever else the machine does slows all alike, and medians are compared. All answers are held
against float64 first.

The limit is measured by kernel.c, compiled for this processor while the experiment runs: value and
gradient in one pass with one exponential, written for the widest vectors and all cores, and the
traffic alone, which reads both arrays and writes one. It keeps the digits of the tails, but not
our rules for masks, infinities, labels out of range and every derivative.

What separates ours from it is taken apart: the same kernel with a fresh gradient each time, whose
pages the system must first find and clear; our value and our gradient alone, which together show
whether XLA computes them in one pass; and ours with the gradient written over the logits. Fresh
memory is counted by the process's page faults: one array for the gradient, the others are what
XLA writes down between two loops.

Times of one run on one machine. Ratios move by a tenth between runs, times by more. Aimed at on
jax 0.12 was 2.2 times for value and gradient together; 2.05 is on record, since a quarter of our
time goes into the pages of a fresh gradient, and is the same for all.
"""

import jax

from experiments import Experiment, Result, Track, Verdict, untracked
from experiments.speed_of_losses.agreement import differences
from experiments.speed_of_losses.kernel import compile_kernel
from experiments.speed_of_losses.rest import take_apart
from experiments.speed_of_losses.setting import QUANTITIES, TRAFFIC, Config, draw_data
from experiments.speed_of_losses.standings import (
    answer_of,
    claims_of,
    details_of,
    figure_of,
    tabulate,
)
from experiments.speed_of_losses.ways import ways_of_libraries
from experiments.timing import OURS, race


def run(config: Config, track: Track = untracked) -> Result:
    """The race, and then what separates ours from the limit."""
    with jax.enable_x64(False):
        data = draw_data(config)
        ways, missing = ways_of_libraries(data, config.accuracy)
        kernel, reason = compile_kernel(data)
        if kernel is not None:
            ways |= kernel.ways
        calls = {
            (what, way): ways[way][what] for what in QUANTITIES for way in ways if what in ways[way]
        }
        standings = race(
            calls, track, turns=config.turns, burst=config.calls, rouse=True, what="ways"
        )
        apart = differences({key: calls[key] for key in calls if key[1] != TRAFFIC}, data)
        rest = take_apart(data, ways[OURS], kernel, config, track)
    left_out = [*missing, *([] if kernel else [reason])]
    details = [details_of(standings, config), rest.detail]
    details += [f"Left out: {'; '.join(left_out)}."] if left_out else []
    return Result(
        Verdict(claims_of(standings, apart, config), answer_of(standings, config), tuple(details)),
        tables=(tabulate(standings, apart), rest.table),
        figures=(figure_of(standings), rest.figure),
    )


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(logits=50_000, turns=1, calls=1, judged=False),
    alone=True,
)
