"""How fast are exact logistic regressions, one or a thousand, next to other programs?

Run:     python -m experiments run speed_of_solvers    about two minutes on two cores
Expect:  The best other program takes twice as long for an L2 fit of 10k x 50 where columns are
         independent and four times as long where they correlate, 1.3 times with L1, over 30 times
         for a thousand refits, draws included, over four times for a path with folds, and over
         three times for a small fit in a new process. Time grows like the examples and less than
         the square of the columns. Where an aim is higher (``setting.py``), what is reached is
         claimed; of all four fifths, and the whole by ``--config full``.

Every program works in a process of its own and is blocked while another has its turn: ours with
NumPy's threads as a user has them, the peers with one, in full with one and with two. All minimise
the same function in float64, from the same NumPy matrix, and are asked for a gradient of 1e-8. What
each has reached is then measured by the same lines of NumPy; one that comes within 1e-6 still takes
part, for scikit-learn's lbfgs stops where it cannot tell values apart. Ours is held against the
best setting of all peers.

The matrix lies in memory as NumPy leaves it; one that is aligned, which JAX takes as it is where it
copies others, stands apart, though large fits with L2 alone are NumPy's own work and copy neither.
So does the first call, which compiles where anything is compiled. Peers that
prefer columns in a row are given both orders, and only the fit counts.

Columns are standard normal, the labels' logits have a standard deviation of 2. Where columns are
independent, few gradients find the optimum, and lbfgs is the best of the others; where neighbours
correlate by 0.9, as real columns do, it is newton-cholesky: both are raced. Single fits have no
intercept, for LIBLINEAR would penalise it. Resamples and folds are given to all as the same counts,
the resamples also drawn by us. A cold fit is timed in fresh interpreters, from the import and from
the data on.

L2 fits of correlated columns are timed at growing numbers of examples and of columns as well, next
to the time of ten passes over the inputs and one product X'X (``scaling.py``).

Default tasks are those that take seconds; ``--config full`` has all.

Times of one run on one machine. Ratios move by a fifth between runs, times by more.
"""

from experiments import Experiment, Result, Track, Verdict, naming, untracked
from experiments.speed_of_solvers.cold import race_cold
from experiments.speed_of_solvers.peers import PEERS, installed
from experiments.speed_of_solvers.problems import draw
from experiments.speed_of_solvers.scaling import (
    figure_of_scaling,
    growth_of,
    measure,
    scaling_claims,
    tabulate_scaling,
)
from experiments.speed_of_solvers.setting import (
    ALL,
    BY_COLUMNS,
    BY_EXAMPLES,
    COLD,
    TASKS,
    TINY,
    TINY_BY_COLUMNS,
    TINY_BY_EXAMPLES,
    Config,
    Task,
    check,
)
from experiments.speed_of_solvers.standings import (
    answer_of,
    claims_of,
    details_of,
    figure_of,
    ratios_of,
    standings_of,
    tabulate,
)
from experiments.speed_of_solvers.turns import Lap, Worker, crew, race


def run(config: Config, track: Track = untracked) -> Result:
    """All tasks, one after the other.

    Raises:
        ValueError: a task or an axis cannot be used; nothing has run then.
    """
    check(config)
    standings, ratios = [], []
    with crew(config) as workers:
        for name in config.tasks:
            task = TASKS[name]
            data = draw(task, config.seed)
            for what, lap in _laps(task, workers, config, track).items():
                found = standings_of(what, data, lap)
                standings += found
                ratios += ratios_of(what, task, found)
        points = measure(workers, config, track)
    claims = (*claims_of(standings, ratios, config), *scaling_claims(points, config))
    return Result(
        Verdict(
            claims,
            answer_of(ratios),
            (*details_of(standings, ratios), growth_of(points), *_left_out()),
        ),
        tables=(tabulate(standings), *tabulate_scaling(points)),
        figures=(figure_of(standings), figure_of_scaling(points)),
    )


def _laps(task: Task, workers: list[Worker], config: Config, track: Track) -> dict[str, Lap]:
    """What is timed of a task."""
    if task.kind == COLD:
        laps = race_cold(task, config, track)
        return {f"{task.name}, {what}": lap for what, lap in laps.items()}
    return {task.name: race(task, workers, config, track)}


def _left_out() -> tuple[str, ...]:
    here = installed()
    missing = [package for package in PEERS if package not in here]
    return naming("Not installed, and left out", missing)


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        tasks=TINY,
        by_examples=TINY_BY_EXAMPLES,
        by_columns=TINY_BY_COLUMNS,
        threads=(1,),
        turns=1,
        burst=0.0,
        anew=False,
        claimed=0.0,
    ),
    full=Config(
        tasks=ALL,
        by_examples=BY_EXAMPLES,
        by_columns=BY_COLUMNS,
        threads=(1, 2),
        turns=9,
        burst=0.5,
        patience=6.0,
        fresh=9,
        claimed=1.0,
    ),
    alone=True,
)
