"""What a model takes: positive widths, and arrays whose last axis holds the features."""

import jax


def check_inputs(inputs: jax.Array, features: int, model: str) -> None:
    """Refuse inputs (..., d) for a model of another number of features.

    Raises:
        ValueError: d is not ``features``, or the inputs have no axis.
    """
    if inputs.shape[-1:] != (features,):
        raise ValueError(
            f"{model} takes inputs (..., {features}), one column per feature; got {inputs.shape}"
        )


def check_count(count: int, name: str) -> None:
    """Refuse a number of things that is not a positive integer.

    Raises:
        ValueError: the count is below 1.
        TypeError: the count is not an integer.
    """
    if isinstance(count, bool) or not hasattr(count, "__index__"):
        raise TypeError(f"{name} must be an integer, got {count!r}")
    if count < 1:
        raise ValueError(f"{name} must be at least 1, got {count}")
