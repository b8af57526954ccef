"""The tutorial without standardisation, where Keras's clip acts."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import numpy as np
import optax

from bcejax.data import Batch
from bcejax.losses import bce_with_logits
from bcejax.training import TrainState, evaluate, init_state, train_epochs
from experiments import Claim, Figure, Result, Table, Verdict
from experiments.keras_tutorial.setting import Task
from experiments.keras_tutorial.ways import keras_loss

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXACT, CLIPPED = "exact", "clipped"
LOSSES: dict[str, Callable[..., jax.Array]] = {EXACT: bce_with_logits, CLIPPED: keras_loss}


class Judged(NamedTuple):
    """A training judged at its start and after each epoch; each (epochs + 1,)."""

    reported: np.ndarray  # validation loss as trained on
    exact: np.ndarray  # validation loss
    accuracy: np.ndarray  # on the validation set
    stuck: np.ndarray  # training patients on the wrong side whose loss has gradient 0


def leave_unscaled(task: Task) -> Result:
    """Training on the columns as they are, through the exact and through the clipped loss."""
    courses = {name: _train(task, loss) for name, loss in LOSSES.items()}
    exact, clipped = courses[EXACT], courses[CLIPPED]
    stuck = "patients on the wrong side with gradient 0, columns unscaled"
    n = len(task.parts.train.labels)
    claims = (
        Claim(f"{stuck}, exact loss", exact.stuck.max(), "==", 0),
        Claim(f"{stuck}, Keras's clip", clipped.stuck[0], ">", 0),
    )
    details = (
        f"Without standardisation Keras's clip starts with gradient 0 for "
        f"{clipped.stuck[0]:.0f} of {n} patients, all on the wrong side, and after "
        f"{task.config.epochs} epochs reports validation loss {clipped.reported[-1]:.2f} where "
        f"it is {clipped.exact[-1]:.1f} (accuracy {clipped.accuracy[-1]:.3f}); trained on the "
        f"exact loss it is {exact.exact[-1]:.2f} ({exact.accuracy[-1]:.3f}).",
    )
    return Result(
        Verdict(claims, "", details),
        tables=(_tabulate(courses),),
        figures=(
            Figure(
                "unscaled",
                "Training on unscaled columns: validation loss, and patients on the wrong side "
                "from whom the loss learns nothing.",
                alt=(
                    f"On the exact loss training brings the validation loss from "
                    f"{exact.exact[0]:.1f} to {exact.exact[-1]:.1f} nats, and no patient has "
                    f"gradient 0. On the clipped loss it ends at {clipped.exact[-1]:.1f}, while "
                    f"that loss reports {clipped.reported[-1]:.1f}; {clipped.stuck[0]:.0f} "
                    f"patients have gradient 0 at first and {clipped.stuck[-1]:.0f} at last."
                ),
                draw=partial(draw_unscaled, courses=courses),
                panels=(1, 2),
            ),
        ),
    )


def _train(task: Task, loss: Callable[..., jax.Array]) -> Judged:
    train, validation = task.rounded("float32")
    state = init_state(task.network(), optax.adam(task.config.learning_rate), loss)
    rows = [_judge(state, train, validation)]
    for order in task.orders():
        state, _ = train_epochs(state, train, order[None], batch_size=task.config.batch_size)
        rows.append(_judge(state, train, validation))
    return Judged(*np.array(rows).T)


@jax.jit
def _judge(state: TrainState, train: Batch, validation: Batch) -> tuple[jax.Array, ...]:
    reported = evaluate(state, validation)
    exact = evaluate(dataclasses.replace(state, loss=bce_with_logits), validation)
    logits, labels = state.logits(train.inputs), train.labels
    slope = jax.vmap(jax.grad(state.loss))(logits, labels)
    stuck = ((logits > 0) != (labels > 0.5)) & (slope == 0)
    return reported.loss, exact.loss, exact.accuracy, stuck.sum()


def _tabulate(courses: Mapping[str, Judged]) -> Table:
    return Table(
        "unscaled",
        "Training on unscaled columns, judged after the last epoch.",
        {
            "trained on": [f"{name} loss" for name in courses],
            "validation loss, as trained on (nats)": [c.reported[-1] for c in courses.values()],
            "validation loss, exact (nats)": [c.exact[-1] for c in courses.values()],
            "validation accuracy": [c.accuracy[-1] for c in courses.values()],
            "wrong with gradient 0, at the start": [int(c.stuck[0]) for c in courses.values()],
            "wrong with gradient 0, at the end": [int(c.stuck[-1]) for c in courses.values()],
        },
    )


def draw_unscaled(left: "Axes", right: "Axes", *, courses: Mapping[str, Judged]) -> None:
    """Validation loss, and how many patients teach nothing, by epoch."""
    epochs = np.arange(len(courses[EXACT].exact))
    for name in (EXACT, CLIPPED):
        (line,) = left.plot(epochs, courses[name].exact, label=f"trained on the {name} loss")
        right.plot(epochs, courses[name].stuck, label=f"trained on the {name} loss")
    dashes = (0, (4, 2))
    reported = courses[CLIPPED].reported
    left.plot(
        epochs, reported, color=line.get_color(), linestyle=dashes, label="as the clipped reports"
    )
    left.set(xlabel="epoch", ylabel="validation loss (nats)", ylim=(0, None))
    right.set(xlabel="epoch", ylabel="wrong patients with gradient 0", ylim=(-1, None))
    for ax in (left, right):
        ax.locator_params("x", integer=True)
        ax.legend()
