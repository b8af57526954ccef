"""How many places, starts and products, and which networks."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Sizes and seed."""

    places: int = 300
    """Random coefficients at each scale, whose Hessians are taken."""
    scales: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
    """Standard deviations of these coefficients; columns have standard deviation 1."""
    starts: int = 100
    """Descents, from coefficients of the largest scale."""
    steps: int = 4000
    """Steps of each descent."""
    networks: tuple[tuple[str, int], ...] = (("pima", 16), ("spambase", 64))
    """Data, and units of the one hidden layer."""
    epochs: tuple[int, ...] = (0, 100, 1000)
    """When the Hessian of a network is taken."""
    products: int = 200
    """Products with the Hessian that Lanczos takes."""
    probes: int = 4
    """Random vectors that it starts from."""
    seed: int = 0
    """Seed of all of them."""
