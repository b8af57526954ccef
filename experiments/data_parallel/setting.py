"""What there is to choose: where to train, on what, and what the paper model assumes."""

from dataclasses import dataclass
from typing import NamedTuple

CHIPS = ("H100", "TPU v5e")


class Layout(NamedTuple):
    """How many devices each axis of a mesh has; 0 where there is no such axis."""

    data: int
    params: int = 0

    @property
    def devices(self) -> int:
        """Altogether."""
        return max(self.data, 1) * max(self.params, 1)

    @property
    def name(self) -> str:
        """In tables."""
        axes = [f"{n} {axis}" for axis, n in self._asdict().items() if n]
        return " x ".join(axes)


@dataclass(frozen=True)
class Config:
    """Devices, the training run, and the assumptions of the paper model."""

    devices: tuple[int, ...] = (1, 2, 4, 8)
    """Simulated devices of one process that divide each batch; the most of them also divide the
    state, all of it and in pairs."""
    processes: int = 2
    """Processes of the run over several; below 2, there is none."""
    local_devices: int = 4
    """Devices of each of these processes, where they are simulated."""
    coordinator: str | None = None
    """HOST:PORT of process 0. Where it is given, this process is one of them, the others are
    started elsewhere, and nothing else runs."""
    process_id: int = 0
    """Which of the processes this is, from 0; with a coordinator."""
    checkpoint: str | None = None
    """Folder that all processes share, where that run is kept and goes on from; with a
    coordinator."""
    platform: str = "cpu"
    """What the processes compute on, as JAX_PLATFORMS has it; devices are simulated on "cpu"."""
    killed: bool = True
    """Whether the run over several processes has one of them killed and is then called again."""
    patience: float = 240.0
    """Seconds that a process may take."""

    examples: int = 2112
    """Examples that are drawn; batches divide them."""
    features: int = 32
    """Columns of the inputs."""
    hidden: tuple[int, ...] = (256, 64)
    """Widths of the hidden layers."""
    batch_size: int = 264
    """Examples of a step, over all devices; no layer is as wide, nor as wide as a device's part."""
    epochs: int = 4
    """Epochs of each run, besides those that a killed one has behind it."""
    near: float = 1e-6
    """How far from one device's the parameters and losses may be."""
    seed: int = 0
    """Of the data, the model and the order."""

    chips: tuple[int, ...] = (256, 4096)
    """Paper model: how many there are."""
    peak: tuple[float, float] = (989e12, 197e12)
    """Assumed, of an H100 and of a TPU v5e: operations per second in bfloat16, as published."""
    reached: float = 0.4
    """Assumed: share of them that training reaches."""
    group: tuple[int, int] = (8, 256)
    """Assumed: chips that the fast network joins; a machine, a pod."""
    inner: tuple[float, float] = (450e9, 200e9)
    """Assumed: bytes per second out of a chip within its group; NVLink and ICI, as published."""
    outer: tuple[float, float] = (50e9, 3.1e9)
    """Assumed: the same between groups; 400 Gb/s for each GPU, 200 Gb/s for a host of 8 TPUs."""
    inner_delay: float = 1e-6
    """Assumed: seconds for a message within a group."""
    outer_delay: float = 10e-6
    """Assumed: seconds for a message between groups."""
    parameters: tuple[float, ...] = (1e6, 1e9)
    """Paper model: sizes of models, with gradients in float32."""
    per_chip: int = 1024
    """Paper model: examples of a step on each chip."""


def layouts_of(config: Config) -> list[Layout]:
    """Of the one process."""
    most = max(config.devices)
    found = [Layout(n) for n in config.devices] + [Layout(0, most)]
    return [*found, Layout(most // 2, 2)] if most % 2 == 0 and most > 2 else found
