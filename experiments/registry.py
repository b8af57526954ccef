"""All experiments, one line each, in the order of the report; a name is the last part."""

import ast
import difflib
import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.experiment import Experiment, Opening, read_opening

REGISTRY = (
    "experiments.worked_examples",
    "experiments.gradients_of_models",
    "experiments.landscape",
    "experiments.keras_tutorial",
    "experiments.newton_or_adam",
    "experiments.separation",
    "experiments.likelihood",
    "experiments.bootstrap_thousand",
    "experiments.calibration_of_training",
    "experiments.saliency_of_digits",
    "experiments.calibration_of_losses",
    "experiments.recalibration",
    "experiments.bias_of_ece",
    "experiments.coverage_of_intervals",
    "experiments.peers_of_calibration",
    "experiments.accuracy_of_forms",
    "experiments.dead_derivatives",
    "experiments.finite_differences",
    "experiments.clipping_bias",
    "experiments.low_precision",
    "experiments.exhaustive_float32",
    "experiments.memory_of_fusion",
    "experiments.siglip_scaling",
    "experiments.ensembles",
    "experiments.data_parallel",
    "experiments.streaming",
    "experiments.speed_of_losses",
    "experiments.speed_of_training",
    "experiments.speed_of_solvers",
    "experiments.speed_of_calibration",
    "experiments.import_time",
)


def name_of(module: str) -> str:
    """An experiment's name: the last part of its module's."""
    return module.rpartition(".")[2]


def find(names: Sequence[str], registry: Sequence[str] = REGISTRY) -> tuple[str, ...]:
    """The modules of these names, in their order, each once.

    Args:
        names: names of experiments, or "all" among them.
        registry: modules to choose from.

    Returns:
        Dotted names of modules.

    Raises:
        ValueError: no name, or one that no experiment has; names the nearest.
    """
    modules = {name_of(module): module for module in registry}
    if not names:
        raise ValueError(f"run takes names of experiments, or all; there are {', '.join(modules)}")
    for name in names:
        if name != "all" and name not in modules:
            near = difflib.get_close_matches(name, modules) or [m for m in modules if name in m]
            raise ValueError(
                f"no experiment is named {name!r}; there is {', '.join(near or modules)}"
            )
    chosen = list(modules) if "all" in names else names
    return tuple(modules[name] for name in dict.fromkeys(chosen))


def opening_of(module: str) -> Opening:
    """The opening of an experiment's file, read without importing it: listing is quick.

    Raises:
        ValueError: there is no such file, or it does not open as an experiment does.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ValueError(f"the registry names {module}, which has no file")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    return read_opening(ast.get_docstring(tree) or "")


def load(module: str) -> Experiment[Any]:
    """The ``EXPERIMENT`` of a module."""
    experiment: Experiment[Any] = importlib.import_module(module).EXPERIMENT
    return experiment
