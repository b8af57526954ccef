"""A report of calibration: scores, errors, their intervals and p-values, and what would help.

All metrics share one bootstrap, which says how sure the numbers are, and one simulation of labels
from the probabilities themselves, which says how large the errors of a calibrated model are. Basic
intervals end where the metric's range does. A debiased error estimates, from a resample, the error
of the data with its bias, so its resamples are held against their own mean. The examples are first
laid out in order of score, then of label, so that the order they come in does not matter to the
draws either.

The errors are each blind to something else: the binned error has bins, the smooth error a
bandwidth, the kernel error a scale; the cumulative ones have none and see slow drifts best.
"""

import functools
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.calibration.calibrators import CALIBRATORS
from bcejax.calibration.calibrators.cross_fitting import (
    check_folds,
    cross_fit,
    deal_folds,
    log_odds_of,
)
from bcejax.calibration.decomposition import murphy_decomposition
from bcejax.calibration.decomposition.corp import corp_decomposition
from bcejax.calibration.examples import Examples, as_examples
from bcejax.calibration.inference.bootstrap import interval_of
from bcejax.calibration.inference.simulation import judge
from bcejax.calibration.regression import calibration_regression, spiegelhalter_test
from bcejax.calibration.reporting.draws import Draws, draw_measures
from bcejax.calibration.reporting.findings import CalibrationReport, Finding, Recalibration
from bcejax.calibration.reporting.measures import FREE, MASS_BINS, NAMES, SIGNED, range_of
from bcejax.calibration.threads import as_here
from bcejax.losses import bce_gradient, bce_with_logits
from bcejax.numerics.options import check_confidence, check_count

Progress: TypeAlias = Callable[[str, int, int], None]

CONTESTANTS = ("temperature", "affine", "beta", "isotonic")
ENOUGH = 10**6  # examples to compare calibrators by; more would tell no more of them


def calibration_report(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    key: jax.Array | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    calibrators: Sequence[str] = CONTESTANTS,
    folds: int = 5,
    progress: Progress | None = None,
) -> CalibrationReport:
    """All that this package can say of a model's probabilities, in one record.

    It draws and compares, so it is for arrays whose values are there, not for jit. Its digits are
    those of the scores' dtype; float64 is wise for more than 1e5 examples.

    Args:
        labels: numbers 0 and 1, any shape.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how much each example counts, >= 0; broadcasts to that shape. The bootstrap draws
            an example as a whole, with its weight.
        where: whether it counts at all; broadcasts to that shape.
        key: of ``jax.random``; None takes key 0, so that the same data have the same report.
        n_resamples: of the bootstrap and of the simulation; 0 leaves out intervals and p-values.
        confidence: of the intervals.
        calibrators: names of ``CALIBRATORS`` to compare by cross-fitting, on 1e6 of the examples if
            there are more; () leaves that out.
        folds: of the cross-fitting.
        progress: called as ``progress(stage, done, count)``, of two stages at a time.

    Returns:
        A ``CalibrationReport``; print it, or have rich print it. With one class only, what needs
        two is nan.

    Raises:
        TypeError: as ``bcejax.calibration.examples.as_examples``; n_resamples or folds that is not
            an integer; calibrators that are one text.
        ValueError: likewise; soft labels; n_resamples below 0, a confidence outside (0, 1); an
            unknown calibrator; fewer than 2 folds, or fewer examples than folds.

    Each number equals what the function of that name gives, and the whole is reproducible
    (tests/calibration/reporting/test_report.py).

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> probs = rng.random(500)
        >>> labels = rng.random(500) < probs**2  # the model is too sure of label 1
        >>> report = calibration_report(labels, probs=probs, n_resamples=0, calibrators=["beta"])
        >>> report.best, round(report.regression["in_the_large"].value, 1)
        ('beta', -1.0)
    """
    check_count("n_resamples", n_resamples, least=0)
    check_confidence(confidence)
    _check_calibrators(calibrators)
    examples = _in_order(
        as_examples(labels, logits=logits, probs=probs, weights=weights, where=where, hard=True)
    )
    if calibrators:
        check_folds(folds, examples.labels.size)
    dealing, drawing = jax.random.split(jax.random.key(0) if key is None else key)
    few = _thinned(examples, dealing)
    with ThreadPoolExecutor(1) as beside:
        compared = beside.submit(as_here(_compare), few, dealing, calibrators, folds, progress)
        regressed = beside.submit(as_here(_regression), examples, confidence)
        measured = _measure(examples, drawing, n_resamples, confidence, progress)
        decompositions = measured["parts"] | _brier_parts(examples)
    contest = compared.result()
    return CalibrationReport(
        examples=examples.labels.size,
        form="probs" if logits is None else "logits",
        confidence=confidence,
        n_resamples=n_resamples,
        scores=measured["scores"],
        errors=measured["errors"],
        decompositions=decompositions,
        regression=regressed.result(),
        recalibrations=contest,
        best=min(contest, key=lambda name: _or_inf(contest[name].log_score), default=""),
        notes=(f"Calibrators are compared on {ENOUGH:,} of the examples.",)
        if few is not examples
        else (),
    )


def _check_calibrators(names: Sequence[str]) -> None:
    if isinstance(names, str):
        raise TypeError(f"calibrators is {names!r}; it must be a sequence of names")
    unknown = [name for name in names if name not in CALIBRATORS]
    if unknown:
        raise ValueError(f"calibrator {unknown[0]!r} is not one of {', '.join(CALIBRATORS)}")


def _in_order(examples: Examples) -> Examples:
    """Those that count, ascending by score, then by label and weight."""
    labels, weights, scores = map(np.asarray, (*examples[:2], examples.scores()))
    order = np.lexsort((weights, labels, scores))  # the last key comes first
    return _taken(examples, order[weights[order] > 0])


def _taken(examples: Examples, places: np.ndarray) -> Examples:
    """Those at the places, by NumPy, which has nothing to compile."""
    return jax.tree.map(lambda each: jnp.asarray(np.asarray(each)[places]), examples)


def _thinned(examples: Examples, key: jax.Array) -> Examples:
    """As many examples as are enough, drawn without replacement."""
    n = examples.labels.size
    if n <= ENOUGH:
        return examples
    seed = np.asarray(jax.random.key_data(key)).ravel()
    return _taken(examples, np.sort(np.random.default_rng(seed).permutation(n)[:ENOUGH]))


def _measure(
    examples: Examples, key: jax.Array, draws: int, confidence: float, progress: Progress | None
) -> dict[str, dict[str, Finding]]:
    """The metrics by part, with intervals and p-values where there are draws."""

    def drawn(stage: str, key: jax.Array, values: Draws | None = None) -> Draws:
        return draw_measures(
            examples,
            key=key,
            draws=draws,
            simulate=stage == "simulating",
            values=values,
            progress=progress and functools.partial(progress, stage),
        )

    to_simulate, to_resample = jax.random.split(key)
    simulated = drawn("simulating", to_simulate)
    values = jax.tree.map(lambda each: each[0], simulated)
    if not draws:
        return {
            part: {name: Finding(float(values[part][name])) for name in names}
            for part, names in NAMES.items()
        }
    resampled = _table(drawn("resampling", to_resample, values))
    estimates, *null = _table(simulated)
    test = judge(estimates, np.stack(null), "greater", confidence)
    interval = interval_of(
        estimates, _centred(resampled[1:], estimates), kind="basic", confidence=confidence
    )
    columns = (estimates, interval.lower, interval.upper, test.p_value, test.null_mean)
    found: dict[str, dict[str, Finding]] = {part: {} for part in NAMES}
    for (part, name), *numbers in zip(NAMED, *map(np.asarray, columns), strict=True):
        value, lower, upper, p_value, null_mean = map(float, numbers)
        lower, upper = (float(np.clip(end, *range_of(name))) for end in (lower, upper))
        tested = part != "scores" and name not in FREE
        found[part][name] = Finding(value, lower, upper, p_value if tested else math.nan)
        if name == "log_miscalibration":
            excess = Finding(value - null_mean)
    found["parts"]["log_miscalibration_above_chance"] = excess
    return found


NAMED = [(part, name) for part, names in NAMES.items() for name in names]


def _table(draws: Draws) -> np.ndarray:
    """Draws by metrics, in the order of ``NAMED``: one array is quicker to compile than many."""
    return np.stack([draws[part][name] for part, name in NAMED], axis=-1)


def _centred(resampled: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The replicates; those of a debiased error moved as ``bootstrap_interval(population=)`` does.

    What a resample's debiased error estimates, the plug-in error of the data, is their mean.
    """
    signed = np.array([name in SIGNED for _, name in NAMED])
    centred = resampled.copy()
    centred[:, signed] += values[signed] - resampled[:, signed].mean(axis=0)
    return centred


def _brier_parts(examples: Examples) -> dict[str, Finding]:
    """What the Brier score is made of, by isotonic regression and by bins."""
    corp = examples.taken_by(corp_decomposition, score="brier")
    murphy = examples.taken_by(murphy_decomposition, **MASS_BINS)
    parts = {
        "brier_miscalibration": corp.miscalibration,
        "brier_discrimination": corp.discrimination,
        "brier_uncertainty": corp.uncertainty,
        "murphy_reliability": murphy.reliability,
        "murphy_resolution": murphy.resolution,
    }
    return {name: Finding(float(value)) for name, value in parts.items()}


def _regression(examples: Examples, confidence: float) -> dict[str, Finding]:
    """Slope and intercept by Wald, the likelihood-ratio tests of each, and Spiegelhalter's."""
    fit = examples.taken_by(calibration_regression, confidence=confidence)
    z = examples.taken_by(spiegelhalter_test)

    def wald(estimate: Any, p_value: Any = math.nan) -> Finding:
        return Finding(*map(float, (estimate.settled, estimate.lower, estimate.upper, p_value)))

    def statistic(test: Any) -> Finding:
        return Finding(float(test.statistic), p_value=float(test.p_value))

    return {
        "slope": wald(fit.slope, fit.spread.p_value),
        "intercept": wald(fit.intercept),
        "in_the_large": wald(fit.in_the_large, fit.mean.p_value),
        "likelihood_ratio": statistic(fit.weak),
        "spiegelhalter": statistic(z),
    }


def _compare(
    examples: Examples,
    key: jax.Array,
    names: Sequence[str],
    folds: int,
    progress: Progress | None,
) -> dict[str, Recalibration]:
    """What each calibrator makes of examples it has not seen; first, what none does."""
    if not names:
        return {}
    found, fold = {"none": log_odds_of(examples)}, deal_folds(examples, folds, key)
    for done, name in enumerate(names):
        if progress is not None:
            progress(f"cross-fitting {name}", done, len(names))
        found[name], _ = cross_fit(CALIBRATORS[name], examples, fold, folds)
    return {
        name: Recalibration(*map(float, _judge(examples, found["none"], logits)))
        for name, logits in found.items()
    }


@jax.jit
def _judge(examples: Examples, before: jax.Array, after: jax.Array) -> tuple[jax.Array, ...]:
    shares, labels = examples.weights / jnp.sum(examples.weights), examples.labels

    def mean(values: jax.Array) -> jax.Array:
        return jnp.sum(jnp.where(shares == 0, 0, shares * values))

    losses = bce_with_logits(after, labels)
    falls = bce_with_logits(before, labels) - losses
    gain = mean(falls)
    error = jnp.sqrt(mean(shares * (falls - gain) ** 2))
    return mean(losses), mean(bce_gradient(after, labels) ** 2), gain, error


def _or_inf(value: float) -> float:
    return math.inf if math.isnan(value) else value
