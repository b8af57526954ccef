"""Networks on Spambase in each format through each loss, one for each seed, all at once."""

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from bcejax.data import Batch, load_spambase, split, standardize
from bcejax.losses import bce_with_logits, smooth_labels
from bcejax.models import MLP
from bcejax.training import Status, epoch_order, init_state, train_epochs
from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.averages import Mean, mean_of
from experiments.low_precision.settings import Config
from experiments.low_precision.ways import EXACT, OPTAX, PROBS, TORCH, WAYS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ADAM = optax.adam(0.01)
WIDE = "float32"


class Mails(NamedTuple):
    """Split and standardised mails of every seed, training labels smoothed: (seeds, ...)."""

    train: Batch
    unseen: Batch


class Trained(NamedTuple):
    """What came of the seeds of one format and loss, each (seeds,) but the course."""

    loss: np.ndarray  # exact, on the training mails with their smoothed labels
    reported: np.ndarray  # the same as the training's own loss has it
    unseen: np.ndarray  # exact, on the unseen
    accuracy: np.ndarray  # on the unseen
    dead: np.ndarray  # share of the training mails with gradient 0
    beyond: np.ndarray  # share of the training spam with a larger logit than its label asks for
    broken: np.ndarray  # whether training ended in nan or inf
    course: np.ndarray  # (seeds, epochs), training loss as the loss itself has it


def draw_mails(config: Config) -> Mails:
    """For each seed another quarter held back; all in float32."""
    data = load_spambase().batch
    drawn = []
    for seed in range(config.seed, config.seed + config.seeds):
        (train, unseen), _ = standardize(split(data, validation=0.25, seed=seed))
        drawn.append(Mails(train, unseen))
    mails = jax.tree.map(lambda *each: np.stack(each).astype(np.float32), *drawn)
    labels = np.asarray(smooth_labels(mails.train.labels, config.smoothing))
    return mails._replace(train=mails.train._replace(labels=labels))


def learn(name: str, way: str, mails: Mails, config: Config) -> Trained:
    """Train every seed in one format through one loss, and judge it in that format."""
    train, unseen = mails
    n = train.labels.shape[1]
    keys = [jax.random.key(config.seed + k) for k in range(config.seeds)]
    orders = np.array(
        [[epoch_order(key, epoch, n) for epoch in range(config.epochs)] for key in keys]
    )
    whole = orders[:, :, : n - n % config.batch_size]  # half of the compiling
    history, logits, losses, slopes, seen = jax.tree.map(
        np.asarray, _learn(name, way, config, mails, jnp.stack(keys), whole)
    )
    asked = np.log1p(-config.smoothing / 2) - np.log(config.smoothing / 2)
    return Trained(
        np.mean(bce_with_logits(logits, train.labels), axis=1),
        np.mean(losses, axis=1),
        np.mean(bce_with_logits(seen, unseen.labels), axis=1),
        np.mean((seen > 0) == (unseen.labels > 0.5), axis=1),
        np.mean(slopes == 0, axis=1),
        np.mean(logits > asked, axis=1, where=train.labels > 0.5),
        history.status == Status.DIVERGED,
        history.loss,
    )


@partial(jax.jit, static_argnums=(0, 1, 2))
def _learn(name, way, config, mails, keys, orders):  # type: ignore[no-untyped-def]
    """History; logits, losses and gradients on the training mails; logits on the unseen."""

    def each(key, train, unseen, order):  # type: ignore[no-untyped-def]
        features = train.inputs.shape[1]
        model = MLP(features, (config.hidden,), rngs=nnx.Rngs(params=key), dtype=name)
        state = init_state(model, ADAM, WAYS[way])
        state, history = train_epochs(state, train, order, batch_size=config.batch_size)
        logits = state.logits(train.inputs)
        slopes = jax.vmap(jax.grad(WAYS[way]))(logits, train.labels)
        results = (logits, WAYS[way](logits, train.labels), slopes, state.logits(unseen.inputs))
        return history, *(result.astype(jnp.float32) for result in results)

    return jax.vmap(each)(keys, mails.train, mails.unseen, orders)


Outcomes = dict[tuple[str, str], Trained]


def more(outcomes: Outcomes, name: str, way: str, field: str) -> Mean:
    """How much more of something than in float32 through the exact loss, seed by seed."""
    both = (getattr(outcomes[each], field) for each in ((name, way), (WIDE, EXACT)))
    return mean_of(next(both) - next(both))


def train_in_formats(config: Config, track: Track) -> Result:
    """Every format through every loss, against float32."""
    mails = draw_mails(config)
    kinds = [(WIDE, EXACT), *((name, way) for name in config.formats for way in WAYS)]
    outcomes = {(name, way): learn(name, way, mails, config) for name, way in track(kinds, "kinds")}
    first = config.formats[0]
    exact = {name: more(outcomes, name, EXACT, "unseen") for name in config.formats}
    pushed = mean_of(outcomes[first, OPTAX].beyond - outcomes[first, EXACT].beyond)
    torch, probs = outcomes[first, TORCH], outcomes[first, PROBS]
    claims = (
        *(
            Claim(
                f"loss on unseen mails, {name} on the exact loss off float32",
                abs(each.value),
                "<=",
                config.tolerance,
                "nats",
            )
            for name, each in exact.items()
        ),
        Claim(
            f"spam pushed beyond logit({1 - config.smoothing / 2:g}) by optax above the exact "
            f"loss, {first}",
            pushed.sigmas,
            ">=",
            config.sigmas,
            "standard errors",
        ),
        Claim(
            f"training mails with gradient 0 on the exact loss, {first}",
            outcomes[first, EXACT].dead.max(),
            "==",
            0,
        ),
        Claim(f"the same by torch's formula, {first}", torch.dead.mean(), ">=", 0.1),
        Claim(
            f"trainings on clipped probabilities that break, {first}",
            probs.broken.mean(),
            ">=",
            0.9,
        ),
    )
    beyond = {way: outcomes[first, way].beyond.mean() for way in (EXACT, OPTAX)}
    told = ", ".join(
        f"{each.value:+.4f} ({each.error:.4f}) in {name}" for name, each in exact.items()
    )
    theirs = more(outcomes, first, TORCH, "unseen")
    answer = (
        f"Trained on Spambase it gives what float32 gives, within {config.tolerance:g} nats; "
        f"{probs.broken.mean():.0%} of the trainings on clipped probabilities break."
        if all(abs(each.value) <= config.tolerance for each in exact.values())
        else "Trained on Spambase it does not give what float32 gives."
    )
    details = (
        f"Off float32 on unseen mails of Spambase, by the exact loss: {told} nats.",
        f"In {first}, optax pushes {beyond[OPTAX]:.1%} of the spam beyond the logit "
        f"that its label asks for, the exact loss {beyond[EXACT]:.1%}; torch's formula ends with "
        f"{torch.dead.mean():.0%} of the gradients at 0, reports a training loss of "
        f"{torch.reported.mean():.3f} that is {torch.loss.mean():.3f}, and has "
        f"{theirs.value:+.4f} ({theirs.error:.4f}) nats on unseen mails; "
        f"{probs.broken.mean():.0%} of the trainings on clipped probabilities break.",
    )
    figure = figure_of(outcomes, pushed, config)
    return Result(Verdict(claims, answer, details), (tabulate(outcomes, config),), (figure,))


def tabulate(outcomes: Outcomes, config: Config) -> Table:
    """Means over seeds; differences from float32 with standard errors."""
    rows = list(outcomes.values())
    surplus = [more(outcomes, name, way, "unseen") for name, way in outcomes]
    columns: dict[str, Any] = {
        "format": [name for name, _ in outcomes],
        "loss": [way for _, way in outcomes],
        "training loss, exact (nats)": [each.loss.mean() for each in rows],
        "training loss, as trained on (nats)": [each.reported.mean() for each in rows],
        "on unseen, exact (nats)": [each.unseen.mean() for each in rows],
        "above float32 (nats)": [each.value for each in surplus],
        "standard error (nats)": [each.error for each in surplus],
        "accuracy": [each.accuracy.mean() for each in rows],
        "gradient 0 (share of mails)": [each.dead.mean() for each in rows],
        "beyond the label's logit (share of spam)": [each.beyond.mean() for each in rows],
        "broken": [each.broken.mean() for each in rows],
    }
    return Table(
        "training",
        f"{config.epochs} epochs on Spambase: means of {config.seeds} seeds. A broken training is "
        "judged by its last finite epoch.",
        columns,
        formats=dict.fromkeys(list(columns)[2:], ".4f"),
    )


def figure_of(outcomes: Outcomes, pushed: Mean, config: Config) -> Figure:
    """Losses by epoch, and spam beyond its label's logit."""
    first = config.formats[0]
    torch = outcomes[first, TORCH]
    return Figure(
        "training",
        f"Training on Spambase, labels smoothed to {1 - config.smoothing / 2:g}, in {first}. Left: "
        f"loss by epoch as each loss has it, mean of {config.seeds} seeds; clipped probabilities "
        "break in the first epochs and have no curve. Right: share of the spam that ends beyond "
        "the logit that its label asks for, above float32 seed by seed, with 95 % intervals.",
        alt=f"Left, {first} on the exact loss lies on float32; optax a little below, torch's "
        f"formula, which has {torch.reported.mean():.3f} at last where the exact loss is "
        f"{torch.loss.mean():.3f}, far below. Right, the exact loss is at 0 within its interval, "
        f"optax {pushed.value:.3f} above it.",
        draw=partial(draw_training, outcomes=outcomes, config=config),
        panels=(1, 2),
    )


def draw_training(left: "Axes", right: "Axes", *, outcomes: Outcomes, config: Config) -> None:
    """Losses by epoch, and how much more spam is beyond its label's logit than in float32."""
    first = config.formats[0]
    epochs = np.arange(1, config.epochs + 1)
    wide = outcomes[WIDE, EXACT].course.mean(axis=0)
    whole = [way for way in WAYS if not outcomes[first, way].broken.any()]
    for place, way in enumerate(whole):
        left.plot(epochs, outcomes[first, way].course.mean(axis=0), label=f"{first}, {way}")
        mean = more(outcomes, first, way, "beyond")
        right.errorbar([mean.value], [place], xerr=[1.96 * mean.error], marker="o", capsize=3)
    left.plot(epochs, wide, color="black", linewidth=1, linestyle=":", label=f"{WIDE}, {EXACT}")
    left.set(xlabel="epoch", ylabel="training loss as each has it (nats)", ylim=(0, None))
    left.legend()
    right.axvline(0, color="black", linewidth=1, linestyle=":")
    right.set_yticks(range(len(whole)), [f"{first},\n{way}" for way in whole])
    right.set(
        xlabel="spam beyond its label's logit, above float32 (share)",
        ylim=(len(whole) - 0.5, -0.5),
    )
