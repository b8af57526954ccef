"""All experiments, one line each, in the order of the report; a name is the last part."""

REGISTRY = (
    "experiments.worked_examples",
    "experiments.gradients_of_models",
    "experiments.keras_tutorial",
    "experiments.calibration_of_training",
)
