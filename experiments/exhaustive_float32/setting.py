"""Which logits, labels, quantities and bounds: the numbers of the sweep."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

BINADES = 255  # by the exponent's field: 0 holds zero and the subnormal logits
MANTISSAS = 2**23
SMALLEST = 2.0**-126  # smallest normal number
VALUE, GRADIENT, HESSIAN, THIRD = QUANTITIES = ("value", "gradient", "hessian", "third derivative")
DEFAULT, HIGHEST = "default", "highest"


@dataclass(frozen=True)
class Config:
    """Which logits, and how to share the work."""

    stride: int = 257
    """Every how many-th float is taken in each binade; 1 takes all."""
    labels: tuple[float, ...] = (0.0, 1.0, 0.3, 0.5, 0.999)
    """Labels, rounded to float32."""
    accuracy: tuple[str, ...] = (DEFAULT, HIGHEST)
    """Accuracies of the loss: default, highest."""
    eager: bool = False
    """Whether operations run one after the other instead of compiled together."""
    shard: int = 0
    """Which share of the binades to sweep, from 0 on."""
    shards: int = 1
    """Number of shares."""
    swept: str = ""
    """Folder that keeps each finished binade, for this sweep to go on from or another to join."""
    block: int = 2**18
    """Largest number of logits at once."""

    def __post_init__(self) -> None:
        """Refuse what makes no sweep."""
        if self.stride < 1 or self.block < 1:
            raise ValueError(f"stride {self.stride} and block {self.block} must be 1 or more")
        if not 0 <= self.shard < self.shards:
            raise ValueError(f"shard {self.shard} is not one of 0 to {self.shards - 1}")


class Kind(NamedTuple):
    """What is measured: a quantity at an accuracy for one label; None where none matters."""

    accuracy: str
    quantity: str
    label: float | None

    @property
    def soft(self) -> bool:
        """Whether the label lies between 0 and 1."""
        return self.label is not None and 0 < self.label < 1

    @property
    def words(self) -> str:
        """For tables and figures."""
        return self.quantity + (" (soft labels)" if self.soft else "")


def kinds(config: Config) -> list[Kind]:
    """All that is measured.  Second and third derivative have no label in them."""
    found = []
    for accuracy in config.accuracy:
        for label in config.labels:
            found += [Kind(accuracy, quantity, label) for quantity in (VALUE, GRADIENT)]
        found.append(Kind(accuracy, HESSIAN, None))
        if accuracy == DEFAULT:
            found.append(Kind(accuracy, THIRD, None))
    return found


def bound_of(kind: Kind) -> float:
    """The promised error, in the units of ``unit_of``."""
    if kind.accuracy == HIGHEST:
        hard = {VALUE: 1.0, GRADIENT: 1.0, HESSIAN: 2.0}
        return 2.0 if kind.soft else hard[kind.quantity]
    if kind.soft and kind.quantity == GRADIENT:
        return 1.0
    return {VALUE: 3.0, GRADIENT: 2.0, HESSIAN: 3.5, THIRD: 7.0}[kind.quantity]


def unit_of(kind: Kind) -> str:
    """What an error is measured in: a soft gradient crosses 0."""
    if not (kind.soft and kind.quantity == GRADIENT):
        return "ulp"
    if kind.accuracy == HIGHEST:
        return "ulp, past 2^-44 sigmoid"
    return "ulp of the larger of sigmoid and gradient"


def logits_of(binade: int, config: Config) -> list[np.ndarray]:
    """The float32 logits of both signs in a binade, in blocks of equal length or nearly so."""
    bits = np.arange(binade * MANTISSAS, (binade + 1) * MANTISSAS, config.stride, dtype=np.uint32)
    logits = np.concatenate([bits, bits | np.uint32(2**31)]).view(np.float32)
    return np.array_split(logits, -(-logits.size // config.block))


def binades_of(config: Config) -> list[int]:
    """This share of the binades: neighbours go to different shares, for they cost alike."""
    return list(range(config.shard, BINADES, config.shards))


def count_logits(config: Config) -> int:
    """How many logits a sweep meets."""
    return 2 * len(binades_of(config)) * len(range(0, MANTISSAS, config.stride))
