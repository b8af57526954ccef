"""Predictions that lie on the edges of bins, and what each program makes of them."""

import numpy as np

from bcejax.calibration.errors import expected_calibration_error
from experiments import Table
from experiments.peers_of_calibration.peers import installed, peer, quietly

PROBS = np.arange(11) / 10  # one on each edge of 10 bins
LABELS = np.array([0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0])


def edge_rules() -> Table:
    """The ECE in 10 bins of predictions that lie on the edges."""
    shown = {
        f"bcejax, closed={closed!r}": float(
            expected_calibration_error(LABELS, probs=PROBS, bins=10, closed=closed)
        )
        for closed in ("left", "right")
    }
    with quietly():
        for name, package in installed().items():
            shown |= {f"{package}{more}": value for more, value in RULES.get(name, dict)().items()}
    return Table(
        "edges",
        "The ECE in 10 bins of predictions 0, 0.1, ..., 1: which bin an edge belongs to.",
        {"program": list(shown), "ECE": list(shown.values())},
    )


def of_sklearn() -> dict[str, float]:
    """From the curve, whose bins are (a, b]."""
    curve = peer("sklearn.calibration").calibration_curve
    found, predicted = curve(LABELS, PROBS, n_bins=10)
    inner = np.linspace(0, 1, 11)[1:-1]
    counts = np.bincount(np.searchsorted(inner, PROBS))
    return {"": float(np.sum(counts[counts > 0] * np.abs(found - predicted)) / len(PROBS))}


def of_torchmetrics() -> dict[str, float]:
    """By the dtype."""
    torch = peer("torch")
    metric = peer("torchmetrics.functional.classification").binary_calibration_error
    return {
        f", {dtype}".replace("torch.", ""): float(
            metric(torch.tensor(PROBS, dtype=dtype), torch.tensor(LABELS), n_bins=10)
        )
        for dtype in (torch.float32, torch.float64)
    }


def of_netcal() -> dict[str, float]:
    """[a, b)."""
    return {"": float(peer("netcal.metrics").ECE(10).measure(PROBS, LABELS))}


def of_relplot() -> dict[str, float]:
    """p over the width of a bin, cut off."""
    return {"": float(peer("relplot.metrics").binnedECE(PROBS, LABELS.astype(float), nbins=10))}


def of_uncertainty_calibration() -> dict[str, float]:
    """(a, b]."""
    ece = peer("calibration").get_ece
    return {"": float(ece(PROBS, LABELS, num_bins=10, mode="marginal"))}


RULES = {
    "sklearn": of_sklearn,
    "torchmetrics": of_torchmetrics,
    "netcal": of_netcal,
    "relplot": of_relplot,
    "calibration": of_uncertainty_calibration,
}
