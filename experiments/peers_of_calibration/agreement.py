"""Where the peers are right, ours is equal: the same examples through both."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from bcejax.calibration.calibrators import (
    BetaCalibration,
    HistogramBinning,
    IsotonicCalibration,
    PlattScaling,
    VennAbers,
)
from bcejax.calibration.decomposition.corp import corp_decomposition
from bcejax.calibration.errors import (
    cumulative_calibration_error,
    expected_calibration_error,
    smooth_calibration_error,
)
from bcejax.calibration.regression import spiegelhalter_test
from bcejax.calibration.scores import brier_score, log_score, roc_auc
from experiments import Track
from experiments.peers_of_calibration.faults import kernel_of_confidence
from experiments.peers_of_calibration.peers import installed, peer, quietly
from experiments.peers_of_calibration.settings import Config

EXACT = 1e-10
STOPS = 5e-3  # where an optimiser of the peer stops before the optimum


class Data(NamedTuple):
    """Predictions and labels, weighted where a peer weighs."""

    labels: np.ndarray  # (n,) 0 or 1
    probs: np.ndarray  # (n,)
    weights: np.ndarray  # (n,)

    @property
    def logits(self) -> np.ndarray:
        """Of the probabilities."""
        return np.log(self.probs) - np.log1p(-self.probs)


class Pair(NamedTuple):
    """One quantity by a peer and by us."""

    what: str
    theirs: Any  # a number or an array
    ours: Any
    tolerance: float = EXACT

    @property
    def difference(self) -> float:
        """The largest, absolute."""
        return float(np.max(np.abs(np.asarray(self.theirs) - np.asarray(self.ours))))


def draw_data(config: Config) -> Data:
    """Overconfident predictions, half of them rounded to two digits: ties."""
    rng = np.random.default_rng(config.seed)
    truth = rng.normal(scale=1.5, size=config.examples)
    probs = 1 / (1 + np.exp(-1.4 * truth - 0.2))
    probs[::2] = np.clip(probs[::2].round(2), 0.01, 0.99)
    labels = (rng.random(config.examples) < 1 / (1 + np.exp(-truth))).astype(int)
    return Data(labels, probs, rng.uniform(0.5, 2, config.examples))


def pairs(config: Config, track: Track) -> list[tuple[str, Pair]]:
    """Those of the peers that are here, each with its package and version."""
    data, here = draw_data(config), installed()
    with quietly():
        return [
            (here[name], pair)
            for name in track(tuple(here), "agreement")
            for pair in COMPARES[name](data)
        ]


def of_sklearn(data: Data) -> Iterator[Pair]:
    """Scores, weighted, and isotonic regression; its Platt and temperature stop early."""
    labels, probs, weights = data
    metrics, fitted = peer("sklearn.metrics"), peer("sklearn.isotonic")
    ours = {"probs": probs, "weights": weights}
    yield Pair(
        "log loss, weighted",
        metrics.log_loss(labels, probs, sample_weight=weights),
        log_score(labels, **ours),
    )
    yield Pair(
        "Brier score, weighted",
        metrics.brier_score_loss(labels, probs, sample_weight=weights),
        brier_score(labels, **ours),
    )
    yield Pair(
        "AUC, weighted",
        metrics.roc_auc_score(labels, probs, sample_weight=weights),
        roc_auc(labels, **ours),
    )
    isotonic = fitted.IsotonicRegression(out_of_bounds="clip")
    new = np.linspace(-6, 6, 333)
    plain = IsotonicCalibration.fit(labels, logits=data.logits, weights=weights, smoothing=0)
    yield Pair(
        "isotonic regression, weighted, at new logits",
        isotonic.fit(data.logits, labels, sample_weight=weights).predict(new),
        plain.probs(logits=new),
    )
    inner = peer("sklearn.calibration")
    slope, intercept = inner._sigmoid_calibration(data.logits, labels, weights)
    yield Pair(
        "Platt's sigmoid, weighted",
        1 / (1 + np.exp(slope * data.logits + intercept)),
        PlattScaling.fit(labels, **ours).probs(probs=probs),
        STOPS,
    )


def of_torchmetrics(data: Data) -> Iterator[Pair]:
    """No probability here is 1."""
    torch = peer("torch")
    metric = peer("torchmetrics.functional.classification").binary_calibration_error
    probs, labels = torch.tensor(data.probs), torch.tensor(data.labels)
    for name, norm in (("l1", 1), ("l2", 2), ("max", np.inf)):
        yield Pair(
            f"calibration error, {name}, 15 bins",
            float(metric(probs, labels, n_bins=15, norm=name)),
            expected_calibration_error(data.labels, probs=data.probs, norm=norm),
        )


def of_netcal(data: Data) -> Iterator[Pair]:
    """Its bins, its histogram, and MMCE of two columns."""
    metrics, binning = peer("netcal.metrics"), peer("netcal.binning")
    labels, probs, _ = data
    for theirs, norm in ((metrics.ECE, 1), (metrics.MCE, np.inf)):
        yield Pair(
            f"{theirs.__name__}, 15 bins",
            theirs(15).measure(probs, labels),
            expected_calibration_error(labels, probs=probs, norm=norm),
        )
    confidence = np.maximum(probs, 1 - probs)
    right = ((probs > 0.5) == labels).astype(float)
    yield Pair(
        "MMCE of the confidence in the likelier class",
        metrics.MMCE().measure(np.column_stack([1 - probs, probs]), labels),
        kernel_of_confidence(right, confidence),
    )
    inside, outcomes = probs[1::2], labels[1::2]  # none on an edge
    yield Pair(
        "histogram binning, 10 bins of equal width",
        binning.HistogramBinning(10).fit(inside, outcomes).transform(inside),
        HistogramBinning.fit(
            outcomes, probs=inside, bins=10, strategy="width", smoothing=0, monotone=False
        ).probs(probs=inside),
    )


def of_relplot(data: Data) -> Iterator[Pair]:
    """Its bandwidth lies on a grid of 2^-10, so its smooth ECE is off by some thousandths."""
    metrics = peer("relplot.metrics")
    labels, probs, _ = data
    yield Pair(
        "ECE, 15 bins",
        metrics.binnedECE(probs, labels, nbins=15),
        expected_calibration_error(labels, probs=probs),
    )
    yield Pair(
        "smooth ECE",
        metrics.smECE(probs, labels),
        smooth_calibration_error(labels, probs=probs),
        3e-3,
    )


def of_uncertainty_calibration(data: Data) -> Iterator[Pair]:
    """Its debiased error on distinct scores: its bins split no ties, but count otherwise."""
    package = peer("calibration")
    labels, probs, _ = data
    yield Pair(
        "ECE, 15 bins, closed on the right",
        package.get_ece(probs, labels, mode="marginal"),
        expected_calibration_error(labels, probs=probs, closed="right"),
    )


def of_betacal(data: Data) -> Iterator[Pair]:
    """On scores better than chance, where its optimum is inside."""
    labels, probs, _ = data
    for form in ("abm", "am"):
        yield Pair(
            f"beta calibration {form}",
            peer("betacal").BetaCalibration(form).fit(probs, labels).predict(probs),
            BetaCalibration.fit(labels, probs=probs, variant=form).probs(probs=probs),
            STOPS,
        )


def of_venn_abers(data: Data) -> Iterator[Pair]:
    """Both probabilities of the inductive predictor."""
    labels, probs, _ = data
    new = np.linspace(0.003, 0.997, 333)
    theirs = peer("venn_abers").VennAbers()
    theirs.fit(np.column_stack([1 - probs, probs]), labels)
    _, both = theirs.predict_proba(np.column_stack([1 - new, new]))
    ours = VennAbers.fit(labels, logits=data.logits).interval(np.log(new) - np.log1p(-new))
    yield Pair("Venn-Abers, p0 and p1", both, np.column_stack(ours))


def of_mapie(data: Data) -> Iterator[Pair]:
    """Cumulative differences that leave 0 on both sides need no start at 0."""
    metrics = peer("mapie.metrics.calibration")
    labels, probs, _ = data
    probs = probs + 1e-9 * np.arange(len(probs))  # no ties, whose order its sums depend on
    ours = cumulative_calibration_error(labels, probs=probs)
    scale = metrics.length_scale(probs)
    yield Pair(
        "Kolmogorov-Smirnov statistic",
        metrics.kolmogorov_smirnov_statistic(labels, probs) * scale,
        ours.kolmogorov_smirnov,
        1e-8,  # its scores carry a jitter
    )
    yield Pair("Kuiper's p-value", metrics.kuiper_p_value(labels, probs), ours.kuiper_p_value, 1e-8)
    yield Pair(
        "Spiegelhalter's z",
        abs(metrics.spiegelhalter_statistic(labels, probs)),
        abs(spiegelhalter_test(labels, probs=probs).statistic),
    )


def of_model_diagnostics(data: Data) -> Iterator[Pair]:
    """The decomposition by isotonic regression, weighted."""
    scoring = peer("model_diagnostics.scoring")
    labels, probs, weights = data
    for score, function in (("log", scoring.LogLoss), ("brier", scoring.SquaredError)):
        theirs = scoring.decompose(
            labels.astype(float), probs, weights=weights, scoring_function=function()
        )
        ours = corp_decomposition(labels, probs=probs, weights=weights, score=score)
        yield Pair(
            f"CORP decomposition, {score} score, weighted",
            [theirs[part][0] for part in ("miscalibration", "discrimination", "uncertainty")],
            [ours.miscalibration, ours.discrimination, ours.uncertainty],
        )


COMPARES: dict[str, Callable[[Data], Iterator[Pair]]] = {
    "sklearn": of_sklearn,
    "torchmetrics": of_torchmetrics,
    "netcal": of_netcal,
    "relplot": of_relplot,
    "calibration": of_uncertainty_calibration,
    "betacal": of_betacal,
    "venn_abers": of_venn_abers,
    "mapie": of_mapie,
    "model_diagnostics": of_model_diagnostics,
}
