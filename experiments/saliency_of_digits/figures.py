"""Images, and what each pixel of them is worth."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bcejax.data import Batch
from bcejax.data.records import Array
from experiments import Figure
from experiments.saliency_of_digits.maps import Maps
from experiments.saliency_of_digits.networks import SIDE, Learnt

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def speaking_for_8(maps: Maps, labels: Array) -> np.ndarray:
    """What each pixel (64,) is worth on average in an 8, less in a 3."""
    worth = np.asarray(maps.attributions)
    eights, threes = (worth[labels == label].mean(axis=0) for label in (1, 0))
    return eights - threes


def examples(maps: Maps, unseen: Batch) -> Figure:
    """The surest 3, the surest 8, and the image with the least support for its label."""
    support = np.where(unseen.labels == 1, 1, -1) * maps.logits
    shown = [int(np.argmin(maps.logits)), int(np.argmax(maps.logits)), int(support.argmin())]
    titles = [f"a {8 if unseen.labels[k] else 3}, logit {maps.logits[k]:+.1f}" for k in shown]
    return Figure(
        "saliency",
        "Three unseen images, and below what each pixel adds to the logit: blue speaks for an 8,"
        " red for a 3. From the left: the surest 3, the surest 8, and the image whose label the"
        " network gives least support.",
        alt=f"Three digits, above, from the left {'; '.join(titles)}; below them their pixels in"
        " red and blue, both in each.",
        draw=partial(
            draw_pairs,
            images=np.asarray(unseen.inputs)[shown],
            maps=np.asarray(maps.attributions)[shown],
            titles=titles,
        ),
        panels=(2, len(shown)),
    )


def means(maps: Maps, learnt: Learnt) -> Figure:
    """What an 8 has and a 3 has not, and where the models look."""
    inputs, labels = np.asarray(learnt.unseen.inputs), learnt.unseen.labels
    panels = {
        "mean 8 less mean 3": inputs[labels == 1].mean(axis=0) - inputs[labels == 0].mean(axis=0),
        "coefficients": learnt.coefficients,
        "worth to the network": speaking_for_8(maps, labels),
    }
    return Figure(
        "means",
        "The mean image of an 8 less that of a 3; the coefficients of logistic regression; and the"
        " mean attribution of the network in an 8 less that in a 3. Blue is more, red less.",
        alt="In all three the bluest pixels stand left of the middle, where an 8 has ink and a 3"
        " has none.",
        draw=partial(draw_row, panels=panels),
        panels=(1, len(panels)),
    )


def draw_pairs(*axes: "Axes", images: np.ndarray, maps: np.ndarray, titles: list[str]) -> None:
    """Images above their maps."""
    count = len(images)
    for ax, image, title in zip(axes[:count], images, titles, strict=True):
        draw_pixels(ax, image, cmap="Greys", vmin=0, vmax=1)
        ax.set_title(title)
    for ax, each in zip(axes[count:], maps, strict=True):
        draw_signed(ax, each)


def draw_row(*axes: "Axes", panels: dict[str, np.ndarray]) -> None:
    """Maps side by side."""
    for ax, (title, values) in zip(axes, panels.items(), strict=True):
        draw_signed(ax, values)
        ax.set_title(title)


def draw_signed(ax: "Axes", values: np.ndarray) -> None:
    """White is 0, blue above, red below."""
    most = abs(values).max()
    draw_pixels(ax, values, cmap="RdBu", vmin=-most, vmax=most)


def draw_pixels(ax: "Axes", values: np.ndarray, **style: Any) -> None:
    """64 squares, the first row on top."""
    ax.pcolormesh(values.reshape(SIDE, SIDE), **style)
    ax.set(xticks=[], yticks=[], aspect="equal")
    ax.invert_yaxis()
