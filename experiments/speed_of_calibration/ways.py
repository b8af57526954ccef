"""Each task by each program, as its users would write it and as fast as it can be had."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.calibration.calibrators import (
    IsotonicCalibration,
    PlattScaling,
    TemperatureScaling,
    VennAbers,
)
from bcejax.calibration.errors import (
    expected_calibration_error,
    kernel_calibration_error,
    smooth_calibration_error,
)
from bcejax.calibration.reporting.report import calibration_report
from bcejax.numerics import log_odds
from experiments.peers_of_calibration.peers import installed, peer
from experiments.speed_of_calibration.setting import Call, Config, Data
from experiments.timing import OURS


class Task(NamedTuple):
    """Something to compute, every way to it, and what is claimed of the times."""

    ways: dict[str, Call]  # ours first
    peer: str  # whose time is held against ours: the start of a way's name
    bar: float  # how many times ours it should be, at least
    tolerance: float  # how far answers may be from ours, absolute


ECE, COMPILED = "ECE", "ECE inside a compiled function"
ISOTONIC, SMOOTH = "isotonic fit and predict", "smooth ECE"
TEMPERATURE, PLATT = "temperature scaling", "Platt scaling"
KERNEL, VENN_ABERS = "kernel error", "Venn-Abers"


def tasks_of(data: Data, config: Config) -> dict[str, Task]:
    """All tasks by name; peers that are not installed have no way."""
    here = installed()
    every = data.first(config.predictions)
    return {
        ECE: Task(_ece(every, here), "torchmetrics", 10, 1e-4),
        COMPILED: Task(_ece_compiled(every, here), "torchmetrics", 4, 1e-4),
        ISOTONIC: Task(_isotonic(every, here), "scikit-learn", 2, 1e-4),
        SMOOTH: Task(_smooth(every, here), "relplot", 10, 3e-3),
        TEMPERATURE: Task(_temperature(every, here), "scikit-learn", 8, 1e-3),
        PLATT: Task(_platt(every, here), "scikit-learn", 8, 1e-3),
        KERNEL: Task(_kernel(data.first(config.pairs), here), "netcal", 1000, 1e-4),
        VENN_ABERS: Task(
            _venn_abers(data.first(config.venn_abers), here, config), "venn-abers", 10, 1e-4
        ),
    }


def _ece(data: Data, here: dict[str, str]) -> dict[str, Call]:
    """From probabilities, values checked."""
    _, probs, labels = data.on_device
    ways: dict[str, Call] = {OURS: lambda: expected_calibration_error(labels, probs=probs)}
    if "torchmetrics" in here:
        ways[here["torchmetrics"]] = _torchmetrics(data, validate_args=True)
    if "netcal" in here:
        ways[here["netcal"]] = lambda: (
            peer("netcal.metrics").ECE(15).measure(data.probs, data.labels)
        )
    if "relplot" in here:
        ways[here["relplot"]] = lambda: peer("relplot.metrics").binnedECE(
            data.probs, data.labels, nbins=15
        )
    return ways


def _ece_compiled(data: Data, here: dict[str, str]) -> dict[str, Call]:
    """Nothing checked."""
    _, probs, labels = data.on_device
    compiled = jax.jit(lambda labels, probs: expected_calibration_error(labels, probs=probs))
    ways: dict[str, Call] = {OURS: lambda: compiled(labels, probs)}
    if "torchmetrics" in here:
        name = f"{here['torchmetrics']}, no validation"
        ways[name] = _torchmetrics(data, validate_args=False)
    return ways


def _torchmetrics(data: Data, **options: Any) -> Call:
    torch = peer("torch")
    metric = peer("torchmetrics.functional.classification").binary_calibration_error
    probs, labels = torch.from_numpy(data.probs), torch.from_numpy(data.labels)
    return lambda: float(metric(probs, labels, n_bins=15, **options))


def _isotonic(data: Data, here: dict[str, str]) -> dict[str, Call]:
    """Fitted to all, and applied to all; scikit-learn in float64: in float32 it merges scores."""
    logits, _, labels = data.on_device
    isotonic = peer("sklearn.isotonic").IsotonicRegression
    scores, targets = data.logits.astype(np.float64), data.labels.astype(np.float64)

    def ours() -> jax.Array:
        fitted = IsotonicCalibration.fit(labels, logits=logits, smoothing=0)
        return fitted.probs(logits=logits)

    return {
        OURS: ours,
        here["sklearn"]: lambda: (
            isotonic(out_of_bounds="clip").fit(scores, targets).predict(scores)
        ),
    }


def _smooth(data: Data, here: dict[str, str]) -> dict[str, Call]:
    _, probs, labels = data.on_device
    ways: dict[str, Call] = {OURS: lambda: smooth_calibration_error(labels, probs=probs)}
    if "relplot" in here:
        ways[here["relplot"]] = lambda: peer("relplot.metrics").smECE(data.probs, data.labels)
    return ways


def _temperature(data: Data, here: dict[str, str]) -> dict[str, Call]:
    """The factor of the logits."""
    logits, _, labels = data.on_device
    scaling = peer("sklearn.calibration")._TemperatureScaling
    columns = np.column_stack([-data.logits, data.logits]) / 2  # whose softmax is the sigmoid
    return {
        OURS: lambda: TemperatureScaling.fit(labels, logits=logits).params["inverse_temperature"],
        here["sklearn"]: lambda: scaling().fit(columns, data.labels).beta_,
    }


def _platt(data: Data, here: dict[str, str]) -> dict[str, Call]:
    """Slope and intercept."""
    logits, _, labels = data.on_device
    scaling = peer("sklearn.calibration")._sigmoid_calibration

    def ours() -> jax.Array:
        params = PlattScaling.fit(labels, logits=logits).params
        return jnp.stack([params["slope"], params["intercept"]])

    return {
        OURS: ours,
        here["sklearn"]: lambda: -np.array(scaling(data.logits, data.labels)),
    }


def _kernel(data: Data, here: dict[str, str]) -> dict[str, Call]:
    """MMCE of the confidence in the likelier class: an exponential of distances over 0.4."""
    probs = data.probs
    confidence = jax.device_put(np.maximum(probs, 1 - probs))
    right = jax.device_put(((probs > 0.5) == data.labels).astype(np.float32))
    ways: dict[str, Call] = {
        OURS: lambda: jnp.sqrt(
            kernel_calibration_error(right, probs=confidence, width=0.4, estimate="biased")
        )
    }
    if "netcal" in here:
        columns = np.column_stack([1 - probs, probs])
        ways[here["netcal"]] = lambda: peer("netcal.metrics").MMCE().measure(columns, data.labels)
    return ways


def _venn_abers(data: Data, here: dict[str, str], config: Config) -> dict[str, Call]:
    """Fitted, and asked for both probabilities of new scores."""
    logits, _, labels = data.on_device
    new = np.linspace(0.01, 0.99, config.new, dtype=np.float32)
    on_device = log_odds(jax.device_put(new))

    ways: dict[str, Call] = {
        OURS: lambda: jnp.stack(VennAbers.fit(labels, logits=logits).interval(on_device), axis=-1)
    }
    if "venn_abers" in here:
        columns, asked = (np.column_stack([1 - each, each]) for each in (data.probs, new))

        def theirs() -> np.ndarray:
            fitted = peer("venn_abers").VennAbers()
            fitted.fit(columns, data.labels)
            both: np.ndarray = fitted.predict_proba(asked)[1]
            return both

        ways[here["venn_abers"]] = theirs
    return ways


def report_of(data: Data, config: Config) -> Call:
    """The whole report, with intervals."""
    logits, _, labels = data.first(config.reported).on_device
    return partial(
        calibration_report,
        labels,
        logits=logits,
        n_resamples=config.resamples,
        key=jax.random.key(config.seed),
    )
