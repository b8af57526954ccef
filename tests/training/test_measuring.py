"""Calibration on shards against calibration of the whole."""

import jax
import numpy as np
import pytest
from flax import nnx

from bcejax.calibration import state as calibration
from bcejax.data.layouts import CorruptShardError
from bcejax.data.shards import open_shards
from bcejax.models import LogisticRegression
from bcejax.training.measuring import stream_calibration

ROWS = (500, 1, 230)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(sum(ROWS), 2)).astype(np.float32)
    y = rng.random(sum(ROWS)) < 1 / (1 + np.exp(-x[:, 0]))
    return x, y, rng.uniform(0, 2, sum(ROWS)).astype(np.float32)


@pytest.fixture
def folder(tmp_path, data):
    ends = np.cumsum(ROWS)[:-1]
    for number, (x, y, w) in enumerate(zip(*(np.split(each, ends) for each in data), strict=True)):
        np.savez(tmp_path / f"{number}.npz", x=x, y=y, w=w)
    return tmp_path


@pytest.fixture(scope="module")
def model():
    model = LogisticRegression(2, rngs=nnx.Rngs(0))
    model.coefficients[...] = np.array([1.5, -0.5], np.float32)
    return model


def measure(model, shards, **options):
    return stream_calibration(model, shards, batch_size=100, progress=False, **options)


def test_equals_that_of_the_whole(model, folder, data):
    shards = open_shards(folder, label="y", weights="w")
    found = measure(model, shards)
    x, y, w = data
    whole = calibration.update(calibration.init(), y, logits=model(x), weights=w)
    assert found.summary.examples == sum(ROWS)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5),
        found.summary,
        calibration.summary(whole),
    )
    assert found.skipped == ()
    both = calibration.merge(found.state, found.state)
    assert calibration.summary(both).examples == 2 * sum(ROWS)


def test_skips_and_says_so_or_stops(model, folder):
    (folder / "1.npz").write_bytes(b"")
    with pytest.raises(CorruptShardError, match=r"1\.npz is not a whole"):
        open_shards(folder, label="y", weights="w")
    shards = open_shards(folder, label="y", weights="w", skip_corrupt=True)
    with pytest.warns(RuntimeWarning, match=r"^skipped 1 corrupt part .*1\.npz is not a whole"):
        found = measure(model, shards)
    assert found.summary.examples == 730
    assert len(found.skipped) == 1


def test_refuses_bins_before_it_reads(model, folder, monkeypatch):
    shards = open_shards(folder, label="y", weights="w")
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="bins is 7; it must divide the state's 3600 cells"):
        measure(model, shards, bins=7)
    with pytest.raises(TypeError, match=r"^shards must be a ShardSet from open_shards, got str$"):
        stream_calibration(model, "folder")
    with pytest.raises(ValueError, match=r"^batch_size is 0; there must be 1 or more$"):
        stream_calibration(model, shards, batch_size=0)
    with pytest.raises(CorruptShardError, match=r"0\.npz is not a whole npz archive: \[Errno 2\]"):
        measure(model, shards)
