"""Means of what is drawn again and again, and how sure they are."""

from typing import NamedTuple

import numpy as np


class Mean(NamedTuple):
    """A mean, or a difference of means, and its standard error."""

    value: float
    error: float

    @property
    def sigmas(self) -> float:
        """The mean in standard errors; 0 where it is 0."""
        return self.value / self.error if self.value else 0.0


def mean_of(values: np.ndarray) -> Mean:
    """The mean of numbers (n,) that are independent of each other."""
    wide = np.asarray(values, np.float64)
    return Mean(float(wide.mean()), float(wide.std(ddof=1) / np.sqrt(len(wide))))
