"""The arithmetic of the outcome on made-up runs, and the parts on a set of two files."""

import dataclasses
import signal

import numpy as np
import pytest

from bcejax.data.shards import open_shards
from bcejax.data.streams import read_batches
from experiments.streaming import EXPERIMENT, killing, outcome, training
from experiments.streaming.drawing import LABEL, write_set
from experiments.streaming.killing import Attempt, Kill
from experiments.streaming.outcome import Outcome
from experiments.streaming.training import Trained

TINY = EXPERIMENT.tiny


def trained(peak, weights=(1.0, 2.0)):
    peaks = np.array([100.0, peak])
    return Trained(
        np.float32(weights), np.array([0.5]), 1000, 2.0, 100.0, np.array([0.0, 1.0]), peaks
    )


def found(**changes):
    good = Outcome(
        [100.0, 1100.0],
        [trained(500), trained(550)],
        trained(540),
        [Kill(0.1, 3, True)] * 5,
        np.array([[2.0, 2.0, 9.0], [1.0, 1.0, 1.0]]),
    )
    return good._replace(**changes)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({}, 0),
        ({"resumed": trained(1600)}, 1),
        ({"undisturbed": [trained(500), trained(1000)]}, 1),
        ({"resumed": trained(540, (1.0, np.nextafter(np.float32(2), np.float32(3))))}, 1),
        ({"resumed": trained(540, (1.0,))}, 1),
        ({"kills": [Kill(0.1, 3, True)] * 4 + [Kill(0.1, 3, False)]}, 1),
        ({"seconds": np.array([[5.0], [1.0]])}, 1),
        ({"seconds": None}, 0),
    ],
)
def test_claims_follow_the_runs(changes, failing):
    claims = outcome.claims_of(found(**changes), EXPERIMENT.default)
    assert sum(not claim.holds for claim in claims) == failing
    assert len(claims) == (4 if "seconds" in changes and changes["seconds"] is None else 5)


def test_the_outcome_is_arithmetic_on_the_runs():
    assert found().growth == pytest.approx(50 / 1000)
    assert found().slower == 2
    assert found().differing == 0
    answer, details = outcome.answer_of(found(), EXPERIMENT.default)
    assert "1100 MB train within 550 MB" in answer
    assert "at 0.001 million rows a second" in details[0]
    runs, kills = outcome.tables_of(found())
    assert runs.columns["peak memory (MB)"] == [500, 550, 540]
    assert kills.columns["was training"] == [True] * 5


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "set"
    return folder, write_set(folder, 1, TINY)


def test_a_set_has_its_size_and_its_truth(written):
    folder, size = written
    assert size == pytest.approx(1e6, rel=0.1)
    shards = open_shards(folder, label=LABEL)
    assert all(set(shard.blocks) == {TINY.group} for shard in shards.shards)
    assert len(shards.features) == TINY.columns
    batch = next(read_batches(shards, shards.rows, seed=None)).batch
    error = 5 / np.sqrt(shards.rows)
    assert np.abs(batch.inputs.mean(axis=0)).max() < error
    covariance = (batch.inputs * (batch.labels - 0.5)[:, None]).mean(axis=0)
    assert covariance[0] > covariance[1] > covariance[3] > 2 * error / 5
    again = folder.parent / "again"
    assert write_set(again, 1, TINY) == size
    assert (again / "part-0000.parquet").read_bytes() == (folder / "part-0000.parquet").read_bytes()


def test_a_race_times_both_ways(written, tmp_path):
    config = dataclasses.replace(TINY, turns=2, epochs=1)
    training.race(written[0], tmp_path / "seconds.npy", config)
    seconds = np.load(tmp_path / "seconds.npy")
    assert seconds.shape == (2, 2)
    assert (seconds > 0).all()


def test_a_process_that_fails_is_told_of(tmp_path):
    process = training.start(training.train, tmp_path / "none", None, tmp_path / "s", config=TINY)
    with pytest.raises(RuntimeError, match=r"^training ended with 1$"):
        training.finish(process, "training")


def test_the_newest_checkpoint_is_the_one_that_is_whole(tmp_path):
    assert killing._newest(tmp_path / "none") == 0
    for name in ("2", "11", "12.orbax-checkpoint-tmp"):
        (tmp_path / name).mkdir()
    assert killing._newest(tmp_path) == 11


def test_a_kill_is_one(written, tmp_path):
    attempt = Attempt(written[0], tmp_path, TINY)
    kill = attempt.dies(0.0)
    assert kill.alive
    assert attempt._process.exitcode == -signal.SIGKILL
    assert kill.checkpoint == 0
