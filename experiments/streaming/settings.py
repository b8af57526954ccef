"""What there is to choose."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """The sets, the model, and how often its training is killed."""

    megabytes: tuple[int, ...] = (40, 100, 400)
    """Sizes of the sets, each of which is trained on; the largest is the one to be killed on."""
    columns: int = 30
    """Of the inputs."""
    group: int = 2**15
    """Rows of a row group."""
    groups: int = 4
    """Row groups of a file."""
    window: int = 2**16
    """Rows to mix at a time."""
    prefetch: int = 1
    """Windows to read ahead."""
    hidden: int = 16
    """Units of the network."""
    batch_size: int = 256
    """Rows per step."""
    epochs: int = 2
    """Passes over a set."""
    every: int = 8
    """Blocks from one checkpoint to the next."""
    kills: int = 5
    """How often training is killed."""
    method: str = "spawn"
    """How processes start: anew, or by "forkserver" in a moment, but with less memory to see."""
    limit: float = 1500.0
    """Megabytes of memory that a training process may take."""
    growth: float = 0.25
    """Bytes of memory that a byte of data may add; a process varies by tens of megabytes."""
    turns: int = 9
    """Turns in which training from files and from memory are timed, on the smallest set."""
    slower: float = 4.0
    """How many times as long as from memory training from files may take."""
    seed: int = 0
    """Of data, weights, order and kills."""
