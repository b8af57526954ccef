"""Does training on data larger than memory stay small, and survive being killed?

Run:     python -m experiments run streaming    about half a minute on two cores
Expect:  Memory does not grow with the data: 5 GB train within 1.5 GB, JAX and all. Killed at random
         five times and called again, training ends with the very weights of the run that nobody
         disturbed. It takes some twice as long as training from memory, and less than four times.

A logistic model draws Parquet files: uncompressed float32 columns, a label, checksums on each page.
A small network trains on them with Adam, in a process of its own whose peak memory (``VmHWM``)
is read every 10 ms, from its first moment with JAX, Flax and Orbax imported. Sets of several sizes
tell what a byte of data adds.

The largest set is then trained on again, by processes that are killed (SIGKILL) at a random moment
after each has written a checkpoint, and one that ends; its weights are held against the undisturbed
run's, byte for byte. Last, on the smallest set, training from files and ``fit`` on the same rows in
memory take turns in one process.

By default the sets are small enough for half a minute; ``--config full`` has the 5 GB, in the
folder for temporary files, and deletes them.
"""

import tempfile
from pathlib import Path

import numpy as np

from experiments import Experiment, Result, Track, Verdict, untracked
from experiments.streaming.drawing import write_set
from experiments.streaming.killing import train_and_kill, train_undisturbed
from experiments.streaming.outcome import Outcome, answer_of, claims_of, figures_of, tables_of
from experiments.streaming.settings import Config
from experiments.streaming.training import finish, race, start


def run(config: Config, track: Track = untracked) -> Result:
    """Each size undisturbed; the largest killed; the smallest against memory."""
    with tempfile.TemporaryDirectory() as name:
        outcome = _found(config, Path(name), track)
    return Result(
        Verdict(claims_of(outcome, config), *answer_of(outcome, config)),
        tables=tables_of(outcome),
        figures=figures_of(outcome),
    )


def _found(config: Config, folder: Path, track: Track) -> Outcome:
    sizes = sorted(config.megabytes)
    undisturbed, written, seconds = [], [], 0.0
    for megabytes in track(sizes, "megabytes"):
        data = folder / str(megabytes)
        written.append(write_set(data, megabytes, config) / 1e6)
        trained, seconds = train_undisturbed(data, folder / f"{megabytes}.runs", config)
        undisturbed.append(trained)
    for _ in track(("killed",), "largest set"):
        resumed, kills = train_and_kill(data, folder / "killed", seconds, config)
    if config.turns:
        for _ in track(("from memory",), "smallest set"):
            timed = folder / "seconds.npy"
            finish(start(race, folder / str(sizes[0]), timed, config=config), "the race")
    times = np.load(timed) if config.turns else None
    return Outcome(written, undisturbed, resumed, kills, times)


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        megabytes=(1, 3),
        group=2**10,
        window=2**12,
        epochs=6,
        every=2,
        kills=1,
        method="forkserver",
        turns=0,
        growth=20.0,
    ),
    full=Config(megabytes=(1000, 2500, 5000), group=2**16, window=2**17, every=64, growth=0.05),
    alone=True,
)
