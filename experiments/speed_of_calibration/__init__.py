"""How fast are calibration errors and calibrators, next to other programs?

Run:     python -m experiments run speed_of_calibration    about a minute on two cores
Expect:  For the ECE of a million predictions torchmetrics takes fifteen times as long, relplot one
         and a half times; for the smooth one relplot more than forty times; venn-abers, and
         scikit-learn for temperature and Platt scaling, more than twenty times, for isotonic
         regression almost three times; netcal thousands of times for the kernel error. Claimed is
         less than three fifths of that, so that a busy machine passes. No measure's time grows as
         the square of the number of predictions, and the ECE takes about four times as long as to
         copy its arrays.

A million float32 predictions of an overconfident model. Each program computes as its users would
have it and in its better setting; what is installed takes part. One process, one run: the first
call, which compiles what no run before it has left on disk, stands apart, then every way has a turn
after the other, so that whatever else the machine does slows all alike, and medians are compared. A
turn is a tenth of a second of calls, one at least: what wakes threads and fills caches comes once
in it, for every program. Answers are held against each other.

Functions of bcejax are called as they stand, eagerly, with every check of the values; only the ECE
is also timed inside a compiled function, against torchmetrics without its validation.

Where a peer takes all pairs (netcal's kernel error) or minutes (venn-abers), the number of
predictions is smaller: netcal's error grows with its square. ``--config full`` gives venn-abers its
million. A slow way has fewer turns.

Times of one run on one machine. Ratios move by a fifth between runs, times by more.
"""

import jax

from experiments import Experiment, Result, Track, Verdict, untracked
from experiments.peers_of_calibration.peers import left_out, quietly
from experiments.speed_of_calibration.scaling import (
    calls_of,
    claims_of_growth,
    details_of_growth,
    figure_of_growth,
    tabulate_growth,
)
from experiments.speed_of_calibration.setting import REPORT, Config, draw_data
from experiments.speed_of_calibration.standings import (
    answer_of,
    claims_of,
    details_of,
    differences,
    figure_of,
    tabulate,
)
from experiments.speed_of_calibration.turns import race
from experiments.speed_of_calibration.ways import report_of, tasks_of
from experiments.timing import OURS


def run(config: Config, track: Track = untracked) -> Result:
    """The race."""
    with jax.enable_x64(False), quietly():
        data = draw_data(config)
        tasks = tasks_of(data, config)
        calls = {
            (task, way): call for task, each in tasks.items() for way, call in each.ways.items()
        }
        if config.reported:
            calls[REPORT, OURS] = report_of(data, config)
        standings, answers = race(calls, config, track)
        growth, _ = race(calls_of(data, config), config, track)
        apart = differences(tasks, answers)
    return Result(
        Verdict(
            claims_of(standings, apart, tasks, config)
            + (claims_of_growth(growth) if config.claimed else ()),
            answer_of(standings, tasks, config),
            (details_of(standings, tasks, config), details_of_growth(growth), *left_out()),
        ),
        tables=(tabulate(standings, apart), tabulate_growth(growth)),
        figures=(figure_of(standings), figure_of_growth(growth)),
    )


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        predictions=2000,
        pairs=500,
        venn_abers=500,
        new=50,
        reported=0,
        sizes=(500, 1000, 2000),
        turns=1,
        burst=0.0,
        claimed=0.0,
    ),
    full=Config(venn_abers=1_000_000, claimed=1.0),
    alone=True,
)
