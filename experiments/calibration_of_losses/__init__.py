"""Which losses have calibrated minimisers, and what does the inverse link of each restore?

Run:     python -m experiments run calibration_of_losses  half a minute on two cores
Expect:  The cross-entropy and Brier's score are proper: the sigmoid of the best logit is the true
         probability. Focal, poly-1, smoothed, weighted, shifted, generalised, symmetric, tempered,
         exponential and squared hinge losses are not, but an inverse link gives the truth back;
         hinge and absolute error keep nothing but the side of 1/2.

A loss l(x, y) of a logit x and a label y that is 1 with probability t has the expected value

    t l(x, 1) + (1 - t) l(x, 0)     least at x*(t), where     t l'(x, 1) + (1 - t) l'(x, 0) = 0

A model that minimises it over all functions gives x*(t). Three things may be asked of that:

    proper        s(x*(t)) = t                        its sigmoid is the true probability
    sided         x*(t) > 0 just where t > 1/2        its side is right (classification-calibrated)
    invertible    x*(t) rises with t                  it tells truths apart (proper composite)

If invertible, the truth is the inverse link of the logit, which the second formula gives at once:

    g(x) = l'(x, 0) / (l'(x, 0) - l'(x, 1)),     g(x*(t)) = t

Worked out on paper, with p = s(x) and q = 1 - p:

    cross-entropy, Brier              p
    focal, gamma                      b / (a + b), a = q^gamma (q - gamma p log p), b = a at -x
    poly-1, epsilon                   p (1 + epsilon q) / (1 + 2 epsilon p q)
    symmetric cross-entropy           poly-1's with epsilon = -beta A / alpha, here 40
    smoothing s                       (p - s / 2) / (1 - s)
    pos_weight c, prior pi            s(x - log c),     s(x + log(pi / (1 - pi)))
    generalised cross-entropy, q      s((1 - q) x): too sure by a temperature of 1 / (1 - q)
    asymmetric, gamma k, margin m     r / (1 + r), r = p u^(k-1) (u / (1 - u) - k log(1 - u)),
                                      u = max(p - m, 0): held below 1, for r is bounded
    bi-tempered                       its own tempered sigmoid, for which it is proper
    exponential, squared hinge        s(2 x),     (x + 1) / 2

First x*(t) is found in float64 by halving, following the sign of the slope that autodiff gives,
and compared with all logits of a grid: no assumption on the shape of the expected loss is left.
Then a small network for each loss learns from the same draw of a logistic truth, and judges
unseen examples, of which the truth is known. What labels alone can tell is the root mean squared
gap of 15 bins, without its bias, and the roots of the basic bootstrap interval of the square.

An inverse link repairs what the loss did, not what the network did not learn: where the minimiser
is steep (symmetric, generalised), a small error of the logit's slope is a large one of the truth.

Sources: P. Bartlett, M. Jordan and J. McAuliffe, Convexity, classification, and risk bounds
(2006); M. Reid and R. Williamson, Composite binary losses (2010); N. Charoenphakdee et al., On
focal loss for class-posterior probability estimation (2021).
"""

import jax

from experiments import Experiment, Result, Track, together, untracked
from experiments.calibration_of_losses.findings import check_population
from experiments.calibration_of_losses.judging import judge_trained
from experiments.calibration_of_losses.settings import Config


def run(config: Config, track: Track = untracked) -> Result:
    """The minimisers, then the networks."""
    with jax.enable_x64(True):
        best, population = check_population(config, track)
        return together([population, judge_trained(best, config, track)])


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        losses=(
            "cross-entropy",
            "label smoothing",
            "pos_weight",
            "generalised CE",
            "squared hinge",
            "absolute error",
        ),
        points=200,
        drawn=20_000,
        judged=10_000,
        hidden=16,
        epochs=5,
        batch=250,
        resamples=50,
        tolerance=0.08,
        left=0.8,
    ),
)
