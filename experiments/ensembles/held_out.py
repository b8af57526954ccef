"""What an ensemble buys on Spambase: log loss, calibration, and a spread that tells of errors."""

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from bcejax.calibration import (
    bootstrap_interval,
    expected_calibration_error,
    log_score,
    smooth_calibration_error,
)
from bcejax.data import Batch, Split, load_spambase, split_rows, standardize
from bcejax.losses import bce_with_logits
from bcejax.models import MLP
from bcejax.training.ensembles import decompose_entropy, fit_ensemble, mean_logits, spread
from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.averages import Mean, mean_of
from experiments.ensembles.settings import Config

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOSS, SMOOTH, ECE = "log loss", "smooth calibration error", "ECE"


class Judged(NamedTuple):
    """Logits (networks, n) of e-mails that the networks have not seen, and their labels (n,)."""

    logits: np.ndarray
    labels: np.ndarray


def judge(config: Config, track: Track) -> Judged:
    """Every e-mail by networks that learnt from the other folds."""
    batch = load_spambase().batch
    rows = split_rows(batch.labels, [1 / config.folds] * config.folds, seed=config.seed)
    smallest = len(batch.labels) - max(map(len, rows))  # one size, so that one program does
    logits = np.empty((config.sizes[-1], len(batch.labels)), np.float32)

    def make_model(rngs: nnx.Rngs) -> nnx.Module:
        return MLP(batch.inputs.shape[1], config.hidden, rngs=rngs)

    for fold in track(range(config.folds), "folds of Spambase"):
        rest = np.concatenate(rows[:fold] + rows[fold + 1 :])[:smallest]
        (train, unseen), _ = standardize(
            Split(*(Batch(batch.inputs[each], batch.labels[each]) for each in (rest, rows[fold])))
        )
        ensemble = fit_ensemble(
            make_model,
            train,
            n_models=config.sizes[-1],
            key=jax.random.fold_in(jax.random.key(config.seed), fold),
            epochs=config.epochs,
            progress=False,
        )
        logits[:, rows[fold]] = ensemble.logits(unseen.inputs)
    return Judged(logits, np.asarray(batch.labels, np.float32))


class Size(NamedTuple):
    """Ensembles of one size, as many as there are without a network in two of them."""

    networks: int
    losses: np.ndarray  # (n,), mean over the ensembles
    errors: dict[str, float]  # calibration errors, mean over the ensembles
    intervals: dict[str, tuple[float, float]]  # 95 %, of the first ensemble

    @property
    def loss(self) -> float:
        """The mean log loss."""
        return float(self.losses.mean())


def measures(labels: Any, **scores: Any) -> dict[str, jax.Array]:
    """What is measured of the logits of an ensemble."""
    return {
        LOSS: log_score(labels, **scores),
        SMOOTH: smooth_calibration_error(labels, cells=1024, **scores),
    }


def measure(judged: Judged, networks: int, config: Config) -> Size:
    """Ensembles of so many networks, by the logits of their mean probabilities."""
    labels = judged.labels
    parts = judged.logits.reshape(-1, networks, len(labels))
    logits = [np.asarray(mean_logits(part)) for part in parts]
    errors = {
        SMOOTH: [smooth_calibration_error(labels, cells=1024, logits=each) for each in logits],
        ECE: [expected_calibration_error(labels, logits=each) for each in logits],
    }
    interval = bootstrap_interval(
        measures,
        labels,
        logits=logits[0],
        key=jax.random.key(config.seed),
        n_resamples=config.resamples,
    )
    return Size(
        networks,
        np.mean([np.asarray(bce_with_logits(each, labels)) for each in logits], axis=0),
        {name: float(np.mean(each)) for name, each in errors.items()},
        {
            name: (float(interval.lower[name]), float(interval.upper[name]))
            for name in interval.estimate
        },
    )


class Bins(NamedTuple):
    """E-mails in bins of equal mass by the spread of the largest ensemble, the smallest first."""

    spread: np.ndarray  # (bins,) mean
    loss: np.ndarray  # (bins,) mean log loss of the ensemble
    wrong: np.ndarray  # (bins,) share of errors at 1/2
    disagreement: np.ndarray  # (bins,) mean share of the entropy that is mutual information


def bin_by_spread(judged: Judged, config: Config) -> Bins:
    """How the ensemble does where its networks agree and where they do not."""
    spreads, logits = np.asarray(spread(judged.logits)), np.asarray(mean_logits(judged.logits))
    losses = np.asarray(bce_with_logits(logits, judged.labels))
    parts = decompose_entropy(judged.logits)
    share = np.asarray(parts.mutual_information) / np.maximum(np.asarray(parts.total), 1e-30)
    wrong = (logits > 0) != (judged.labels > 0.5)
    bins = np.array_split(np.argsort(spreads), config.bins)
    return Bins(
        *(
            np.array([each[rows].mean() for rows in bins])
            for each in (spreads, losses, wrong, share)
        )
    )


def judge_held_out(config: Config, track: Track) -> Result:
    """Ensembles of every size, and the spread of the largest."""
    judged = judge(config, track)
    sizes = [measure(judged, each, config) for each in track(config.sizes, "sizes of ensembles")]
    bins = bin_by_spread(judged, config)
    return Result(
        Verdict(claims_of(sizes, bins, config), *answer_of(sizes, bins)),
        (tabulate(sizes, len(judged.labels)), tabulate_bins(bins)),
        (figure_of(sizes), figure_of_bins(bins)),
    )


def gain(sizes: list[Size], place: int) -> Mean:
    """Of log loss over one network."""
    return mean_of(sizes[0].losses - sizes[place].losses)


def claims_of(sizes: list[Size], bins: Bins, config: Config) -> tuple[Claim, ...]:
    """More networks are better, most of it comes early, and disagreement tells of errors."""
    last, networks = len(sizes) - 1, sizes[-1].networks
    rises = np.diff([each.loss for each in sizes])
    first, many = sizes[0].errors[SMOOTH], sizes[last].errors[SMOOTH]
    return (
        Claim("largest rise of held-out log loss as networks double", rises.max(), "<=", 1e-6),
        Claim(
            f"gain of held-out log loss by {networks} networks over one",
            gain(sizes, last).sigmas,
            ">=",
            config.sigmas,
            "standard errors",
        ),
        Claim(
            "half of the networks have of that gain, over what they had if it went as 1 - 1/k",
            gain(sizes, last - 1).value / gain(sizes, last).value / (1 - 1 / (networks - 1)),
            ">=",
            0.9,
        ),
        Claim("smooth calibration error of one network over that of all", first / many, ">=", 1.1),
        Claim(
            "share of errors where the spread is largest over that elsewhere",
            bins.wrong[-1] / bins.wrong[:-1].mean(),
            ">=",
            4.0,
            "times",
        ),
    )


def answer_of(sizes: list[Size], bins: Bins) -> tuple[str, tuple[str, ...]]:
    """Log loss, calibration and spread."""
    one, many = sizes[0], sizes[-1]
    answer = (
        f"Held-out log loss on Spambase is {one.loss:.4f} for one network and {many.loss:.4f} for "
        f"the mean of {many.networks} ({gain(sizes, len(sizes) - 1).sigmas:.0f} standard errors)."
    )
    return answer, (
        f"The smooth calibration error falls from {one.errors[SMOOTH]:.4f} to "
        f"{many.errors[SMOOTH]:.4f}. Where the spread is largest the mean errs "
        f"{100 * bins.wrong[-1]:.0f} % of the time, elsewhere "
        f"{100 * bins.wrong[:-1].mean():.1f} %.",
    )


def tabulate(sizes: list[Size], n: int) -> Table:
    """One row for each size."""
    columns: dict[str, list[Any]] = {
        "networks": [each.networks for each in sizes],
        LOSS: [each.loss for each in sizes],
        "gain over one": [gain(sizes, i).value for i in range(len(sizes))],
        "its standard error": [gain(sizes, i).error for i in range(len(sizes))],
    }
    for name in (SMOOTH, ECE):
        columns[name] = [each.errors[name] for each in sizes]
    for name in (LOSS, SMOOTH):
        for i, end in enumerate(("lower", "upper")):
            columns[f"{name} of the first, {end} end"] = [each.intervals[name][i] for each in sizes]
    return Table(
        "held_out",
        f"Ensembles on {n} e-mails of Spambase, each judged by networks that have not seen it: "
        "means over ensembles that share no network, and 95 % intervals of the first.",
        columns,
        formats=dict.fromkeys(list(columns)[1:], ".4f"),
    )


def tabulate_bins(bins: Bins) -> Table:
    """One row for each bin."""
    return Table(
        "by_spread",
        "The largest ensemble by the spread of its networks, in bins of equal mass.",
        {
            "mean spread": bins.spread,
            LOSS: bins.loss,
            "share of errors": bins.wrong,
            "share of the entropy that is disagreement": bins.disagreement,
        },
        formats=dict.fromkeys(("mean spread", LOSS, "share of errors"), ".4f"),
    )


def figure_of(sizes: list[Size]) -> Figure:
    """Log loss and calibration error by size."""
    return Figure(
        "sizes",
        "Held-out log loss and smooth calibration error on Spambase by the number of networks: "
        "means over ensembles that share no network, and 95 % intervals of the first by the basic "
        "bootstrap, which takes off the bias that noise gives a calibration error.",
        alt=f"Left, the log loss falls from {sizes[0].loss:.3f} to {sizes[-1].loss:.3f}, most of "
        "it with the first networks. Right, the calibration error falls from "
        f"{sizes[0].errors[SMOOTH]:.4f} to {sizes[-1].errors[SMOOTH]:.4f}.",
        draw=partial(draw_sizes, sizes=sizes),
        panels=(1, 2),
    )


def draw_sizes(left: "Axes", right: "Axes", *, sizes: list[Size]) -> None:
    """A line through the means, and an interval for each size."""
    networks = [each.networks for each in sizes]
    means = {LOSS: [each.loss for each in sizes], SMOOTH: [each.errors[SMOOTH] for each in sizes]}
    for ax, name in ((left, LOSS), (right, SMOOTH)):
        low, high = zip(*(each.intervals[name] for each in sizes), strict=True)
        ax.vlines(networks, low, high, color="0.7")
        ax.plot(networks, means[name], marker="o")
        ax.set_xscale("log", base=2)
        ax.set_xticks(networks, [str(each) for each in networks])
        ax.set(xlabel="networks", ylabel=f"held-out {name}")


def figure_of_bins(bins: Bins) -> Figure:
    """Errors by spread."""
    return Figure(
        "spread",
        "Where networks disagree the ensemble errs: share of errors and log loss in bins of equal "
        "mass, by the standard deviation of the probabilities.",
        alt=f"Both rise with the spread; in the last bin {100 * bins.wrong[-1]:.0f} % are wrong.",
        draw=partial(draw_bins, bins=bins),
        panels=(1, 2),
    )


def draw_bins(left: "Axes", right: "Axes", *, bins: Bins) -> None:
    """A bar for each bin."""
    places = np.arange(1, len(bins.spread) + 1)
    for ax, values, name in ((left, bins.wrong, "share of errors"), (right, bins.loss, LOSS)):
        ax.bar(places, values)
        ax.set(xlabel="bin, by spread", ylabel=name)
