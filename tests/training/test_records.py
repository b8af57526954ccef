import dataclasses

import jax
import numpy as np
import pytest

from bcejax.training import History, Status
from bcejax.training.records import describe

SEEN = History(*np.arange(12.0).reshape(4, 3) / 8, epochs=3, best_epoch=2, status=Status.FINISHED)


@pytest.mark.parametrize(
    ("history", "held", "line"),
    [
        (
            SEEN,
            3,
            "finished 3 epochs; the model holds epoch 3: "
            "loss 0.25, accuracy 0.625, validation loss 1, validation accuracy 1.375",
        ),
        (
            dataclasses.replace(SEEN, status=Status.EARLY_STOPPED, validation_loss=None),
            2,
            "stopped early after epoch 3; the model holds epoch 2: "
            "loss 0.125, accuracy 0.5, validation accuracy 1.25",
        ),
        (
            dataclasses.replace(SEEN, status=Status.DIVERGED, epochs=0),
            0,
            "diverged in epoch 1: loss or parameters not finite; the model holds epoch 0",
        ),
        (
            dataclasses.replace(SEEN, status=Status.INTERRUPTED, epochs=0),
            0,
            "interrupted after epoch 0; the model holds epoch 0",
        ),
    ],
)
def test_tells_the_end_in_one_line(history, held, line):
    assert describe(history, held) == line


def test_is_frozen_and_a_pytree():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SEEN.epochs = 4
    doubled = jax.tree.map(lambda a: 2 * a, SEEN)
    assert doubled.epochs == 6
    np.testing.assert_array_equal(doubled.loss, 2 * SEEN.loss)
