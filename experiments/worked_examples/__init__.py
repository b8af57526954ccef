"""Which figures and which sentences of the textbook articles on the cross-entropy hold?

Run:     python -m experiments run worked_examples    20 s on two cores
Expect:  Every figure, to its last digits. Keras's other figure is the 1e-7 that it then added
         inside both logs. One row is worked with p = 0.1 where its table says 0.9. "Convex, so one
         global minimum" holds in p and for a linear model, not for a network, and on separable
         data no minimum is attained. Base 10, percentages, p of exactly 0 or 1 and three classes
         give wrong numbers in silence, or a clear error.

The articles take means of the loss of a probability p of label 1 and its label y,

    l(p, y) = -y ln p - (1 - y) ln(1 - p)

Each figure is computed from probabilities, from logits ln p - ln(1 - p) and from log-probabilities
ln p, in float64 and float32, and held against 120-bit arithmetic on the very numbers that the
loss was given; in float64 also against the digits that the article prints.

Keras's figure is off by 1.2e-7, which its article puts down to floating point. With q the
probability of the label that came, a small e inside both logs changes the mean loss by

    mean ln q - mean ln(q + e) = -e mean(1/q) + e^2 mean(1/q^2) / 2 - ...

and the gap is the first term for e = 1e-7.

Convexity is judged by second derivatives, by Hessians in the weights, and by the loss half way
between two points, which for a convex function is at most the mean of its ends. A network with
two hidden units solves exclusive or; with its units in the other order it is the same function,
and half way between the two orders the units cancel. Where they are off, it is stuck in a minimum
that is not the lowest. On separable data gradient descent runs on and on: the loss falls
like 1 / step and the weights grow like ln step.

Sources: S. Boyd and L. Vandenberghe, Convex Optimization (2004), section 3.1; D. Soudry and others,
The implicit bias of gradient descent on separable data (2018).
"""

from dataclasses import dataclass

import jax

from experiments import Experiment, Result, Track, together, untracked
from experiments.worked_examples.convexity import bowls
from experiments.worked_examples.edges import certain_answers
from experiments.worked_examples.epsilon import other_figure
from experiments.worked_examples.network import ridge_between_solutions
from experiments.worked_examples.printed import figures_of_articles, slipped_row
from experiments.worked_examples.separable import endless_descent
from experiments.worked_examples.traps import silent_errors


@dataclass(frozen=True)
class Config:
    """How finely to look, and how long to descend."""

    points: int = 401
    """Points of each curve, and of each grid of second derivatives."""
    trials: int = 1000
    """Random pairs of weights of the linear model; random steps from a network's minimum."""
    examples: int = 200
    """Examples drawn for the linear model."""
    steps: int = 100_000
    """Steps of gradient descent, at least 10000."""
    seed: int = 0
    """Of every draw."""


def run(config: Config, track: Track = untracked) -> Result:
    """The figures, the sentences, the traps: one part after the other, in float64."""
    parts = {
        "figures": lambda: figures_of_articles(config.points),
        "Keras's figure": other_figure,
        "the slipped row": slipped_row,
        "convexity": lambda: bowls(config.points, config.examples, config.trials, config.seed),
        "a network": lambda: ridge_between_solutions(config.trials, config.seed),
        "separable data": lambda: endless_descent(config.examples, config.steps, config.seed),
        "p of 0 and 1": certain_answers,
        "traps": silent_errors,
    }
    with jax.enable_x64(True):
        results = [parts[name]() for name in track(tuple(parts), "parts")]
    return together(results)


EXPERIMENT = Experiment(
    run, default=Config(), tiny=Config(points=41, trials=50, examples=50, steps=10_000)
)
