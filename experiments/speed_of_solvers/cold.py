"""One fit in a fresh interpreter: what a script waits for."""

import tempfile
from pathlib import Path

import numpy as np

from experiments import Track
from experiments.apart import said_by
from experiments.speed_of_solvers.peers import installed
from experiments.speed_of_solvers.problems import draw
from experiments.speed_of_solvers.setting import TOLERANCE, Config, Task
from experiments.speed_of_solvers.turns import Lap
from experiments.timing import OURS, Times

FIT, WHOLE = "the fit alone", "import to answer"

SCRIPT = """
import json, sys, time
import numpy as np
data = np.load(sys.argv[1])
inputs, labels, l2 = data["inputs"], data["labels"], float(data["l2"])
start = time.perf_counter()
{imports}
imported = time.perf_counter()
{fit}
done = time.perf_counter()
found = [*np.ravel({fitted}.{coefficients}).tolist(), float(np.ravel({fitted}.{intercept})[0])]
print(json.dumps([done - imported, done - start, found]))
"""


def _sklearn(solver: str) -> dict[str, str]:
    options = f"solver={solver!r}, tol={TOLERANCE}, max_iter=10_000, C=1 / (l2 * len(labels))"
    return {
        "imports": "from sklearn.linear_model import LogisticRegression",
        "fit": f"model = LogisticRegression({options}).fit(inputs, labels)",
        "fitted": "model",
        "coefficients": "coef_",
        "intercept": "intercept_",
    }


SCRIPTS = {
    OURS: {
        "imports": "from bcejax.solvers import fit_logistic",
        "fit": f"solution = fit_logistic(inputs, labels, l2=l2, tol={TOLERANCE})",
        "fitted": "solution",
        "coefficients": "coefficients",
        "intercept": "intercept",
    },
    "newton-cholesky": _sklearn("newton-cholesky"),
    "lbfgs": _sklearn("lbfgs"),
}


def race_cold(task: Task, config: Config, track: Track) -> dict[str, Lap]:
    """The times of the fit, and from the import to the answer, each with the answers."""
    names = {OURS: OURS} | {
        f"scikit-learn {installed()['scikit-learn']}, {solver}": solver
        for solver in SCRIPTS
        if solver != OURS
    }
    data = draw(task, config.seed)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    answers = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npz"
        np.savez(path, inputs=data.inputs, labels=data.labels, l2=data.l2[0])
        # a turn more than asked for: the first fills the disk's cache
        for _ in track(range(config.fresh + 1), f"{task.name}, fresh interpreters"):
            for name, script in names.items():
                fit, whole, params = start_and_fit(script, path)
                taken[name].append((fit, whole))
                answers[name] = np.array([params])
    return {
        what: Lap(
            {name: Times(pairs[0][i], np.array(pairs[1:])[:, i]) for name, pairs in taken.items()},
            answers,
        )
        for i, what in enumerate((FIT, WHOLE))
    }


def start_and_fit(script: str, path: Path) -> tuple[float, float, list[float]]:
    """Seconds of the fit, seconds with the import, and the parameters."""
    fit, whole, params = said_by(SCRIPT.format(**SCRIPTS[script]), str(path))
    return fit, whole, params
