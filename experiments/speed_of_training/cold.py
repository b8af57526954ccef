"""From the start of a process to a trained model: what a script waits for."""

import tempfile
import time
from pathlib import Path

import numpy as np

from experiments import Claim, Result, Table, Track, Verdict
from experiments.apart import said_by
from experiments.speed_of_training.peers import SKLEARN
from experiments.speed_of_training.setting import TASKS, TUTORIAL, Config, draw
from experiments.timing import OURS, Times, spread
from experiments.versions import version_of

KEPT = "bcejax, compiled before"
KERAS, TORCH = "Keras on JAX", "torch"
BARS = {(OURS, KERAS): 1.0, (OURS, TORCH): 1.0, (KEPT, SKLEARN): 1.3}  # ours over theirs, at most

START = """
import json, sys, time
import numpy as np
data = np.load(sys.argv[1])
inputs, labels = data["inputs"], data["labels"]
"""
END = """
print(json.dumps([time.time(), float(loss)]))
"""
_OURS = """
import jax
from flax import nnx
from bcejax.data import Batch
from bcejax.models import MLP
from bcejax.training import fit
model = MLP(8, rngs=nnx.Rngs(0))
loss = fit(model, Batch(inputs, labels), key=jax.random.key(0), progress=False).loss[-1]
"""
_KERAS = """
import keras
model = keras.Sequential([
    keras.layers.Input((8,)),
    keras.layers.Dense(16, activation="relu"),
    keras.layers.Dense(1, activation="sigmoid"),
])
model.compile(loss="binary_crossentropy", optimizer="adam")
loss = model.fit(inputs, labels, epochs=10, batch_size=32, verbose=0).history["loss"][-1]
"""
_TORCH = """
import torch
torch.set_num_threads(1)
inputs, labels = torch.from_numpy(inputs), torch.from_numpy(labels)
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
for epoch in range(10):
    total = 0.0
    for rows in torch.randperm(len(labels)).split(32):
        adam.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            model(inputs[rows])[:, 0], labels[rows]
        )
        loss.backward()
        adam.step()
        total += len(rows) * loss.detach()
    loss = total / len(labels)
"""
_SKLEARN = """
import warnings
from sklearn.neural_network import MLPClassifier
warnings.simplefilter("ignore")
model = MLPClassifier((16,), batch_size=32, alpha=0, max_iter=10, n_iter_no_change=11)
loss = model.fit(inputs, labels).loss_
"""
# who needs which package, its script and its environment
SCRIPTS: dict[str, tuple[str, str, dict[str, str]]] = {
    OURS: ("jax", _OURS, {"JAX_ENABLE_COMPILATION_CACHE": "0"}),
    KEPT: ("jax", _OURS, {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}),
    KERAS: ("keras", _KERAS, {"KERAS_BACKEND": "jax", "JAX_ENABLE_COMPILATION_CACHE": "0"}),
    TORCH: ("torch", _TORCH, {}),
    SKLEARN: ("scikit-learn", _SKLEARN, {}),
}


def judge_cold(config: Config, track: Track) -> Result:
    """Every way by turns, in fresh interpreters."""
    here = [way for way, (package, *_) in SCRIPTS.items() if version_of(package)]
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in here}
    task = TASKS[TUTORIAL]
    data = draw(task, config.seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npz"
        np.savez(path, inputs=data.inputs, labels=data.labels)
        # a turn more than asked for: the first fills the caches
        for _ in track(range(config.fresh + 1), "fresh interpreters"):
            for way in here:
                taken[way].append(start_and_train(way, path))
    times = {
        way: Times(pairs[0][0], np.array([seconds for seconds, _ in pairs[1:]]))
        for way, pairs in taken.items()
    }
    losses = {way: pairs[-1][1] for way, pairs in taken.items()}
    return Result(
        Verdict(claims_of(times, losses, config), "", (detail_of(times),)),
        (tabulate(times, losses),),
    )


def start_and_train(way: str, path: Path) -> tuple[float, float]:
    """Seconds from the start of the process, and the last loss."""
    _, script, settings = SCRIPTS[way]
    cache = {"JAX_COMPILATION_CACHE_DIR": str(path.parent / "cache")}
    start = time.time()
    env = {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "0", **cache, **settings}
    end, loss = said_by(START + script + END, str(path), env=env)
    return end - start, loss


def claims_of(
    times: dict[str, Times], losses: dict[str, float], config: Config
) -> tuple[Claim, ...]:
    """All have learnt, and ours are not slower than claimed."""
    learnt = Claim(
        "largest loss of a fit from the start of a process", max(losses.values()), "<=", 0.7, "nats"
    )
    bars = [
        Claim(
            f"time from the start of the process, {ours} over {other}",
            times[ours].median / times[other].median,
            "<=",
            bar / config.claimed,
            "times",
        )
        for (ours, other), bar in BARS.items()
        if config.claimed and other in times
    ]
    return (learnt, *bars)


def detail_of(times: dict[str, Times]) -> str:
    """The times."""
    told = ", ".join(f"{way} {each.median:.2f} s" for way, each in times.items())
    return f"From the start of a process to the trained {TUTORIAL}: {told}."


def tabulate(times: dict[str, Times], losses: dict[str, float]) -> Table:
    """Every way."""
    return Table(
        "cold",
        "From the start of a process to the trained model, by turns.",
        {
            "way": list(times),
            **spread(times.values(), "s"),
            "first (s)": [each.first for each in times.values()],
            "last mean loss": list(losses.values()),
        },
    )
