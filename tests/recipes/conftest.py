import numpy as np
import pytest

from bcejax.data import Batch


@pytest.fixture(scope="session")
def batch():
    """96 examples of three inputs from a logistic truth, in float32."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(96, 3))
    truth = 1 / (1 + np.exp(-inputs @ np.array([1.5, -1.0, 0.5])))
    return Batch(inputs.astype(np.float32), (rng.random(96) < truth).astype(np.float32))


@pytest.fixture(scope="session")
def gradient_on_paper(batch):
    """The gradient of the mean loss of a linear model, X'(p - y) / n and mean p - y, in float64."""

    def gradient(coefficients, intercept):
        logits = np.float64(batch.inputs) @ np.float64(coefficients) + np.float64(intercept)
        missed = (1 / (1 + np.exp(-logits)) - batch.labels) / len(batch.labels)
        return missed @ batch.inputs, missed.sum()

    return gradient
