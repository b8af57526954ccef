"""What data is here: a batch of examples, and a table that says where its batch came from.

A batch of n examples is inputs X (n, d), labels y (n,) in [0, 1] and, where examples count
unequally, weights w (n,) >= 0; the mean loss of a batch is sum(w l) / sum(w).

Data at rest lies in NumPy arrays on the host, float32 or float64 as its source has it;
training casts it.
"""

import dataclasses
from typing import NamedTuple, TypeAlias

import jax
import numpy as np

Array: TypeAlias = np.ndarray | jax.Array


class Batch(NamedTuple):
    """Examples to learn from or to be judged on; a pytree.

    Attributes:
        inputs: (n, d), one row per example.
        labels: (n,), numbers in [0, 1].
        weights: (n,), how much each example counts; None counts all alike.

    Example:
        >>> import numpy as np
        >>> batch = Batch(np.zeros((4, 3)), np.array([0.0, 1.0, 1.0, 0.0]))
        >>> first_two = jax.tree.map(lambda array: array[:2], batch)
        >>> first_two.inputs.shape, first_two.weights
        ((2, 3), None)
    """

    inputs: Array
    labels: Array
    weights: Array | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """A batch whose columns have names and whose origin is known.

    Attributes:
        batch: the examples, as NumPy arrays.
        features: the name of each of the d columns of ``batch.inputs``.
        name: what to call the table in a report.
        label: what a label of 1 means: the name of the label column.
        source: who collected the data, when, under which licence; or the file it was read from.
        notes: what a user of the data has to know, such as how missing values are written.

    Example:
        >>> batch = Batch(np.array([[40.0, 22.5], [61.0, 31.0]]), np.array([0.0, 1.0]))
        >>> table = Table(batch, ("age", "bmi"), "patients", label="ill", source="made up")
        >>> table.batch.inputs[:, table.features.index("bmi")]
        array([22.5, 31. ])
    """

    batch: Batch
    features: tuple[str, ...]
    name: str
    label: str
    source: str
    notes: str = ""


def check_batch(batch: Batch) -> None:
    """Refuse a batch whose arrays do not hold one entry per example.

    Raises:
        ValueError: labels or weights are not (n,) for inputs (n, ...), or n is 0.

    Example:
        >>> import numpy as np
        >>> check_batch(Batch(np.zeros((4, 3)), np.zeros((4, 1))))
        Traceback (most recent call last):
        ...
        ValueError: labels must be (4,) beside inputs (4, 3), got (4, 1)
    """
    shape = np.shape(batch.inputs)
    if not shape or shape[0] == 0:
        raise ValueError(f"inputs must be (n, d) with n >= 1, got {shape}")
    for name, array in (("labels", batch.labels), ("weights", batch.weights)):
        if array is not None and np.shape(array) != shape[:1]:
            raise ValueError(
                f"{name} must be {shape[:1]} beside inputs {shape}, got {np.shape(array)}"
            )
