"""The training as one loop of NumPy in float64: backpropagation by hand, Adam from the paper."""

from collections.abc import Sequence

import numpy as np

from bcejax.analysis import network_gradient, network_loss
from bcejax.data import Split

Layers = Sequence[tuple[np.ndarray, np.ndarray]]


def train_by_hand(
    layers: Layers, parts: Split, orders: np.ndarray, *, rate: float, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean loss of each epoch's batches before their steps, and validation loss after it.

    Adam is Algorithm 1 of Kingma and Ba (2015), with b1 = 0.9, b2 = 0.999, epsilon = 1e-8.
    """
    w = [np.asarray(array, np.float64) for pair in layers for array in pair]
    m, v, t = [np.zeros_like(a) for a in w], [np.zeros_like(a) for a in w], 0
    train, validation = parts
    losses, seen = np.zeros(len(orders)), np.zeros(len(orders))
    for epoch, order in enumerate(orders):
        for rows in np.split(order, range(batch_size, len(order), batch_size)):
            batch, t = (train.inputs[rows], train.labels[rows]), t + 1
            losses[epoch] += len(rows) * network_loss(*batch, _pairs(w), dtype=np.float64)
            gradient = network_gradient(*batch, _pairs(w), dtype=np.float64)
            g = [array for pair in gradient for array in pair]
            m = [0.9 * a + 0.1 * b for a, b in zip(m, g, strict=True)]
            v = [0.999 * a + 0.001 * b**2 for a, b in zip(v, g, strict=True)]
            c1, c2 = 1 - 0.9**t, 1 - 0.999**t
            w = [
                a - rate * (b / c1) / (np.sqrt(c / c2) + 1e-8)
                for a, b, c in zip(w, m, v, strict=True)
            ]
        seen[epoch] = network_loss(*validation[:2], _pairs(w), dtype=np.float64)
    return losses / orders.shape[1], seen


def _pairs(arrays: Sequence[np.ndarray]) -> Layers:
    return list(zip(arrays[::2], arrays[1::2], strict=True))
