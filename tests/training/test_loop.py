import itertools
import types

import numpy as np
import pytest

from bcejax.data import Batch
from bcejax.losses import bce_with_logits
from bcejax.training import fit, init_state, loop
from bcejax.training.loop import Loop
from bcejax.training.passes import Data
from bcejax.training.program import Plan


@pytest.fixture
def run(make_model, train, key):
    def run(epochs, batch_size=8, **options):
        options |= {"epochs": epochs, "batch_size": batch_size, "key": key, "progress": False}
        return fit(make_model(), train, **options)

    return run


def test_compiles_once_however_the_epochs_are_cut(run, monkeypatch):
    traces = 0

    def loss(logits, labels):
        nonlocal traces
        traces += 1
        return bce_with_logits(logits, labels)

    monkeypatch.setattr(loop, "_ROWS", 3)
    programs = loop._advance._cache_size()
    run(epochs=7, batch_size=11, loss=loss)
    assert traces == 1  # three calls of 3, 3 and 1 epochs, two steps each
    run(epochs=2, batch_size=11, loss=loss)
    assert traces == 1
    assert loop._advance._cache_size() == programs + 1
    run(epochs=2, batch_size=8, loss=loss)
    assert traces == 3  # once for 8 examples and once for the last 6


def test_the_pace_decides_how_many_epochs_a_call_runs(run, monkeypatch):
    counts = []
    advance = loop._advance

    def counting(leaves, data, order, count, **named):
        counts.append(int(count))
        return advance(leaves, data, order, count, **named)

    monkeypatch.setattr(loop, "_advance", counting)
    for seconds, expected in [
        (0.01, [16, 6]),  # a call takes so long: as many epochs as an order holds
        (0.25, [16, 6]),  # 16 in 0.25 s: 12 would fit, but only 6 are left
        (0.8, [16, 4, 1, 1]),  # 16 in 0.8 s: 4 fit; 4 in 0.8 s: not one fits, so one
        (60.0, [16, 1, 1, 1, 1, 1, 1]),
    ]:
        clock = itertools.count(0, seconds)
        watch = types.SimpleNamespace(perf_counter=clock.__next__)
        monkeypatch.setattr(loop, "time", watch)
        counts.clear()
        run(epochs=22)
        assert counts == expected


@pytest.mark.parametrize(("n", "rows"), [(22, 16), (2**17, 8), (2**21, 1)])
def test_a_large_order_holds_fewer_epochs(make_model, n, rows):
    batch = Batch(np.zeros((n, 3), np.float32), np.zeros(n, np.float32))
    state = init_state(make_model())
    assert Loop(state, Data(batch, None), [0, 0], Plan(32, None))._rows == rows
