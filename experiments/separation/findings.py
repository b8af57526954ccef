"""Who was right: claims, the answer, the table."""

import math

import numpy as np

from bcejax.solvers import SolverStatus
from experiments import Claim, Table
from experiments.separation.judges import OF_SCIKIT, Found
from experiments.separation.settings import NORMAL, Config, Kind


def law(rows: int, columns: int) -> float:
    """Cover's: how often a fair coin's labels of points in general position are separated."""
    return float(2 * sum(math.comb(rows - 1, k) for k in range(columns + 1)) / 2**rows)


def off_the_law(found: Found, config: Config) -> float:
    """The largest distance from it, in standard errors."""
    scores = []
    for kind, each in found.items():
        if kind.name == NORMAL:
            expected = law(kind.rows, config.columns)
            error = math.sqrt(expected * (1 - expected) / config.trials) or math.inf
            scores.append(abs(each.said.mean() - expected) / error)
    return max(scores)


def share_silent(found: Found, solver: str) -> float:
    """Of separated data sets, those of which scikit-learn said nothing."""
    truth = np.concatenate([each.truth for each in found.values()])
    silent = np.concatenate([each.silent[solver] for each in found.values()])
    return float(silent[truth].mean())


def claims_of(found: Found, config: Config) -> tuple[Claim, ...]:
    """Ours are right every time, by the program, the law and their own proof."""
    wrong = {kind: int(np.sum(each.said != each.truth)) for kind, each in found.items()}
    settled = (SolverStatus.CONVERGED, SolverStatus.SEPARATED, SolverStatus.SINGULAR)
    others = [int(np.sum(~np.isin(each.status, settled))) for each in found.values()]
    margin = np.concatenate([each.margin[each.said] for each in found.values()])
    reach = np.concatenate([each.reach[each.said] for each in found.values()])
    firth = np.concatenate([each.largest["firth"] for each in found.values()])
    names = dict.fromkeys(kind.name for kind in wrong)
    return (
        *(
            Claim(
                f"{name}: data sets where our status and the linear program differ",
                sum(count for kind, count in wrong.items() if kind.name == name),
                "==",
                0,
            )
            for name in names
        ),
        Claim(
            "fits that are neither solved nor called separated or singular", sum(others), "==", 0
        ),
        Claim(
            "directions: the smallest margin over the largest, worst",
            float(np.min(margin / reach)),
            ">=",
            -1e-9,
        ),
        Claim(
            "Cover's law: the share called separated is off, worst",
            off_the_law(found, config),
            "<=",
            4,
            "standard errors",
        ),
        Claim("Firth's estimates that are not finite", int(np.sum(~np.isfinite(firth))), "==", 0),
        Claim("Firth's estimates: the largest |logit| of a row", float(firth.max()), "<=", 20),
        *(
            Claim(
                f"scikit-learn by {solver}: share of separated data sets without a warning",
                share_silent(found, solver),
                ">=",
                0.5,
            )
            for solver in OF_SCIKIT
        ),
    )


def answer_of(found: Found) -> tuple[str, tuple[str, ...]]:
    """The findings in words."""
    truth = np.concatenate([each.truth for each in found.values()])
    said = np.concatenate([each.said for each in found.values()])
    told = " and ".join(
        f"{share_silent(found, solver):.0%} by {solver} (logits up to "
        f"{_largest(found, solver):.2g})"
        for solver in OF_SCIKIT
    )
    silent = [share_silent(found, solver) for solver in OF_SCIKIT]
    answer = (
        f"When a hyperplane separates the labels, as in {truth.sum()} of {truth.size} data sets. "
        f"Our status errs on {np.sum(truth != said)}; scikit-learn says nothing of "
        f"{min(silent):.0%} or more of them."
    )
    return answer, (
        f"scikit-learn says nothing of {told}; Firth's logits are at most "
        f"{_largest(found, 'firth'):.2g}.",
    )


def _largest(found: Found, name: str) -> float:
    return float(
        np.nanmax(np.concatenate([each.largest[name][each.truth] for each in found.values()]))
    )


def tabulate(found: Found, config: Config) -> Table:
    """A row for each kind."""

    def expected(kind: Kind) -> float | None:
        return law(kind.rows, config.columns) if kind.name == NORMAL else None

    return Table(
        "data_sets",
        f"Data sets of {config.columns} columns and an intercept, {config.trials} of each kind.",
        {
            "data": [kind.name for kind in found],
            "rows": [kind.rows for kind in found],
            "separated, by linear program": [float(each.truth.mean()) for each in found.values()],
            "separated, by our status": [float(each.said.mean()) for each in found.values()],
            "by Cover's law": [expected(kind) for kind in found],
            "singular": [
                float(np.mean(each.status == SolverStatus.SINGULAR)) for each in found.values()
            ],
            **{
                f"{solver} silent where separated": [
                    float(each.silent[solver][each.truth].mean()) if each.truth.any() else None
                    for each in found.values()
                ]
                for solver in OF_SCIKIT
            },
        },
    )
