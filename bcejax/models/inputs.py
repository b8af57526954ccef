"""What a model takes: arrays whose last axis holds the features."""

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
