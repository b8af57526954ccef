"""Faults of the peers, each on the few examples that show it, with the right number by hand.

What is right is worked out on paper: it stands as a literal number, not as ours.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from bcejax.calibration.calibrators import BetaCalibration
from bcejax.calibration.errors import (
    cumulative_calibration_error,
    expected_calibration_error,
    kernel_calibration_error,
    smooth_calibration_error,
)
from bcejax.calibration.inference import bootstrap_interval
from bcejax.calibration.isotonic import isotonic_regression
from bcejax.calibration.regression import spiegelhalter_test
from bcejax.calibration.scores import log_score
from experiments import Track
from experiments.peers_of_calibration.peers import installed, peer, quietly

MASS_ECE = partial(expected_calibration_error, strategy="mass")


class Exhibit(NamedTuple):
    """What a peer makes of some examples; None where it, or we, refuse."""

    what: str
    given: float | None
    ours: float | None
    right: float | None  # None: to be refused
    tolerance: float = 1e-12  # of ours, absolute

    @property
    def peer_is_right(self) -> bool:
        """Within a hundredth."""
        return _near(self.given, self.right, 1e-2)

    @property
    def excess(self) -> float:
        """How far we are off, over the tolerance."""
        if self.ours is None or self.right is None or self.ours == self.right:
            return 0.0 if self.ours == self.right else np.inf
        return abs(self.ours - self.right) / self.tolerance


def _near(one: float | None, other: float | None, tolerance: float) -> bool:
    if one is None or other is None or one == other:
        return one == other
    return abs(one - other) <= tolerance


def show_faults(track: Track) -> list[tuple[str, Exhibit]]:
    """Those of the peers that are here, each with its package and version."""
    here = installed()
    with quietly():
        return [
            (here[name], exhibit)
            for name in track([name for name in here if name in SHOWS], "exhibits")
            for exhibit in SHOWS[name]()
        ]


def _or_refused(call: Callable[[], object]) -> float | None:
    """A number, or None where it raises."""
    try:
        return float(np.asarray(call()))
    except ValueError:
        return None


def _ece(labels: Any, bins: int = 15, **more: Any) -> float | None:
    return _or_refused(lambda: expected_calibration_error(labels, bins=bins, **more))


def of_torchmetrics() -> list[Exhibit]:
    """A bin too many, and scores that are guessed to be logits."""
    torch = peer("torch")
    metric = peer("torchmetrics.functional.classification").binary_calibration_error

    def theirs(probs: list[float], labels: list[int], norm: str = "l1") -> float:
        scores = torch.tensor(probs, dtype=torch.float64)
        return float(metric(scores, torch.tensor(labels), n_bins=15, norm=norm))

    end, labels = [0.95, 1.0], [1, 0]
    logits, mixed = [0.1, 0.5, 0.95], [0, 1, 1]
    sigmoid = 1 / (1 + np.exp(-np.array(logits)))
    slip = [0.1, 0.9, 1.0000001]
    return [
        Exhibit(
            "ECE, p = 1 in a bin of its own",
            theirs(end, labels),
            _ece(labels, probs=np.array(end)),
            0.475,
        ),
        Exhibit(
            "MCE, p = 1 in a bin of its own",
            theirs(end, labels, "max"),
            _ece(labels, probs=np.array(end), norm=np.inf),
            0.475,
        ),
        Exhibit(
            "ECE of logits between 0 and 1, taken for probabilities",
            theirs(logits, mixed),
            _ece(mixed, logits=np.array(logits)),
            # each has a bin of its own
            float(np.abs(np.array(mixed) - sigmoid).mean()),
        ),
        Exhibit(
            "ECE of probabilities with 1.0000001 among them, all taken for logits",
            theirs(slip, mixed),
            _ece(mixed, probs=np.array(slip)),
            None,
        ),
    ]


def of_relplot() -> list[Exhibit]:
    """A bin too many, and ends that count half."""
    metrics = peer("relplot.metrics")
    end, labels = np.array([0.95, 1.0]), np.array([1.0, 0.0])
    ends, clear = np.array([0.0, 0.0, 0.5, 0.5]), np.array([1.0, 1.0, 0.0, 1.0])
    return [
        Exhibit(
            "ECE, p = 1 in a bin of its own",
            float(metrics.binnedECE(end, labels)),
            _ece(labels, bins=10, probs=end),
            0.475,
        ),
        Exhibit(
            "smooth ECE, p = 0 counts half",
            float(metrics.smECE(ends, clear)),
            float(smooth_calibration_error(clear, probs=ends)),
            0.5,  # the residuals at 1/2 cancel, those at 0 are both 1
            1e-6,
        ),
    ]


def of_mapie() -> list[Exhibit]:
    """Edges, order, a start that is forgotten, one side of two."""
    metrics = peer("mapie.metrics.calibration")
    close, apart = np.array([0.09, 0.105]), np.array([1, 0])
    shuffled, mixed = np.array([0.1, 0.9, 0.2, 0.8]), np.array([0, 1, 1, 0])
    falling, late = np.array([0.3, 0.6, 0.7]), np.array([0, 0, 1])
    modest, met = np.array([0.8, 0.3, 0.5, 0.5, 0.7, 0.1]), np.array([1, 0, 1, 0, 1, 0])
    ece = metrics.expected_calibration_error
    scale = float(metrics.length_scale(falling))
    return [
        Exhibit(
            "ECE in 10 bins, of which there are 9",
            float(ece(apart, close, num_bins=10)),
            _ece(apart, bins=10, probs=close),
            0.5075,
        ),
        Exhibit(
            "ECE in 2 bins of equal mass, of scores that are not sorted",
            float(ece(mixed, shuffled, num_bins=2, split_strategy="array split")),
            _ece(mixed, bins=2, strategy="mass", probs=shuffled),
            0.35,  # {0.1, 0.2} with labels {0, 1} and {0.8, 0.9} with {0, 1}
        ),
        Exhibit(
            "Kuiper's range, whose start 0 is left out",
            float(metrics.kuiper_statistic(late, falling)) * scale,
            float(cumulative_calibration_error(late, probs=falling).kuiper),
            0.3,
        ),
        Exhibit(
            "Spiegelhalter's p-value, of one side of two",
            float(metrics.spiegelhalter_p_value(met, modest)),
            float(spiegelhalter_test(met, probs=modest).p_value),
            0.30289529545993,
            1e-9,
        ),
    ]


def of_uncertainty_calibration() -> list[Exhibit]:
    """A share that is taken for a percentage."""
    package, resampling = peer("calibration"), peer("calibration.utils")
    rng = np.random.default_rng(0)
    probs = rng.random(500)
    labels = (rng.random(500) < probs**1.5).astype(int)
    pairs = list(zip(probs, labels, strict=True))

    def error(pairs: list[tuple[float, int]]) -> float:
        return float(package.get_calibration_error(*zip(*pairs, strict=True), 1, debias=False))

    before = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(0)  # noqa: NPY002
        low, _, high = package.get_calibration_error_uncertainties(probs, labels, p=1, alpha=0.1)
        lower, _, upper = resampling.bootstrap_uncertainty(pairs, error, num_samples=400, alpha=10)
    finally:
        np.random.set_state(before)  # noqa: NPY002
    ours = bootstrap_interval(
        MASS_ECE, labels, probs=probs, key=jax.random.key(0), confidence=0.9, n_resamples=1000
    )
    return [
        Exhibit(
            "width of the 90 % interval of the ECE (alpha = 0.1 is taken as 0.1 %)",
            float(high - low),
            float(ours.upper - ours.lower),
            float(upper - lower),  # its own bootstrap, told 10
            0.01,
        )
    ]


def of_netcal() -> list[Exhibit]:
    """A confidence that is none, and bins that ties break."""
    metrics = peer("netcal.metrics")
    probs, labels = np.tile([0.1, 0.9, 0.2, 0.8], 5), np.tile([0, 1, 0, 1], 5)
    confidence = np.maximum(probs, 1 - probs)
    tied, mixed = np.repeat([0.5, 0.6], [20, 10]), np.tile([0, 1], 15)
    return [
        Exhibit(
            "MMCE, p taken for the confidence in the likelier class",
            float(metrics.MMCE().measure(probs, labels)),
            kernel_of_confidence(np.ones(20), confidence),
            # all right: residuals 0.1 and 0.2, half each, at a distance of 0.1
            np.sqrt(0.25 * (0.1**2 + 0.2**2 + 2 * 0.1 * 0.2 * np.exp(-0.25))),
        ),
        Exhibit(
            "ECE in 5 bins of equal mass, with ties",
            _or_refused(lambda: metrics.ECE(5, equal_intervals=False).measure(tied, mixed)),
            _ece(mixed, bins=5, strategy="mass", probs=tied),
            1 / 30,  # ten examples off by 0.1, twenty right
        ),
    ]


def of_betacal() -> list[Exhibit]:
    """Maps that should not fall, but do, where scores are worse than chance."""
    rng = np.random.default_rng(1)
    probs = 1 / (1 + np.exp(-rng.normal(size=500)))
    labels = (rng.random(500) > probs).astype(int)
    ends = np.array([0.1, 0.9])
    shown = []
    for form in ("abm", "am", "ab"):
        theirs = peer("betacal").BetaCalibration(form).fit(probs, labels).predict(ends)
        ours = BetaCalibration.fit(labels, probs=probs, variant=form).probs(probs=ends)
        rise = float(ours[1] - ours[0])
        shown.append(
            Exhibit(
                f"rise of the map {form} of scores worse than chance, >= 0",
                float(theirs[1] - theirs[0]),
                rise,
                0.0,
                1e-6,
            )
        )
    return shown


def of_sklearn() -> list[Exhibit]:
    """A clip that depends on the dtype, and scores that are taken for ties."""
    log_loss = peer("sklearn.metrics").log_loss
    labels, probs = np.array([1, 0]), np.array([0.0, 0.5])
    return [
        Exhibit(
            f"log loss of p = 0 where the label is 1, {dtype.__name__}",
            float(log_loss(labels, probs.astype(dtype), labels=[0, 1])),
            float(log_score(labels, probs=probs.astype(dtype))),
            np.inf,
        )
        for dtype in (np.float64, np.float32)
    ] + [_of_near_scores()]


def _of_near_scores() -> Exhibit:
    """Two rare events, one a hundred times as likely as the other."""
    probs, labels = np.array([1e-8, 9e-7], np.float32), np.array([0, 1], np.float32)
    theirs = peer("sklearn.isotonic").IsotonicRegression().fit(probs, labels).predict(probs)
    ours = isotonic_regression(labels, probs=probs)
    return Exhibit(
        "isotonic regression, rise from p = 1e-8 to 9e-7, which float32 takes for a tie",
        float(theirs[1] - theirs[0]),
        float(ours[1] - ours[0]),
        1.0,
    )


def kernel_of_confidence(right: np.ndarray, confidence: np.ndarray) -> float:
    """MMCE as Kumar, Sarawagi and Jain define it, by our kernel error."""
    return float(
        np.sqrt(kernel_calibration_error(right, probs=confidence, width=0.4, estimate="biased"))
    )


SHOWS: dict[str, Callable[[], list[Exhibit]]] = {
    "sklearn": of_sklearn,
    "torchmetrics": of_torchmetrics,
    "netcal": of_netcal,
    "relplot": of_relplot,
    "calibration": of_uncertainty_calibration,
    "betacal": of_betacal,
    "mapie": of_mapie,
}
