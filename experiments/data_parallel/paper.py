"""How long a step takes on paper, on many chips.

A chip works on b examples of a step, with 6 operations per example and parameter (2 forward, 4
back), and S = 4 P bytes of gradient are then added over K groups of g chips: within each group,
between equal chips of the groups, and within again,

    compute      6 P b / (reached peak)
    all-reduce   2 (1 - 1/g) S / inner  +  2 (1 - 1/K) (S / g) / outer
                 + 2 log2(g) inner_delay  +  2 log2(K) outer_delay

with nothing hidden behind the other.  P falls out of their ratio but for the delays: what counts
is the number of examples per chip.

Reference: R. Thakur, R. Rabenseifner and W. Gropp, Optimization of collective communication
operations in MPICH (2005).
"""

from typing import NamedTuple

import numpy as np

from experiments.data_parallel.setting import CHIPS, Config


class Step(NamedTuple):
    """Seconds of a step."""

    compute: float
    reduce: float

    @property
    def efficiency(self) -> float:
        """Share of the time that computes."""
        return self.compute / (self.compute + self.reduce)


def step_of(chip: str, chips: int, parameters: float, per_chip: float, config: Config) -> Step:
    """On so many chips of a kind of CHIPS."""
    kind = CHIPS.index(chip)
    group = min(config.group[kind], chips)
    groups = chips / group
    size = 4 * parameters
    compute = 6 * parameters * per_chip / (config.reached * config.peak[kind])
    within = 2 * (1 - 1 / group) * size / config.inner[kind]
    between = 2 * (1 - 1 / groups) * size / group / config.outer[kind]
    delays = np.log2(group) * config.inner_delay + np.log2(groups) * config.outer_delay
    return Step(compute, within + between + 2 * float(delays))
