"""How much of an overconfident network's error does each calibrator mend?

Run:     python -m experiments run recalibration  half a minute on two cores
Expect:  One number, the temperature, mends most of it: the held-out log loss falls from 0.36 to
         0.21 on Spambase, and the distance from a known truth to a tenth. Freer maps gain a little
         more on Spambase, and err a little more from the known truth; isotonic regression must be
         smoothed, or its log loss is infinite. No strictly increasing map changes the ranking.

A network that is trained on and on fits its training labels with ever larger logits. On others it
is then too sure: its log loss grows while its ranking hardly suffers. A calibrator g is fitted to
examples that the network has not seen, and g(x) takes the place of its logit x. For any proper loss

    loss = calibration + refinement,     refinement = expected loss of the best map of x

so that no map of x goes below the refinement, and a strictly increasing one leaves it as it is.

Spambase. The network learns from one half. The other is cut into parts, and each part is
recalibrated by a map that was fitted to the others. Measured of all of it, by labels: log loss,
Brier score, the smooth calibration error, the root mean squared gap of 15 bins without its bias,
and the isotonic miscalibration of the Brier score less what labels drawn with the model's own
probabilities show. Intervals are of the basic bootstrap, that of the root from its square. The
gain of a calibrator is the mean of paired differences, with its standard error.

Known truth. Labels of a logistic truth in three inputs, beside inputs that say nothing; the network
learns a small draw by heart. Maps are fitted to a second part and judged on a third, without noise
of labels: the share of label 1 in bins of equal mass is the mean true probability, and the log loss
above the truth's is the mean divergence KL(truth, p).

Unsmoothed isotonic regression answers 0 below the first label 1 that it saw, and 1 above the last
label 0. Among new labels one is wrong sooner or later, and the log loss is infinite; Laplace's rule
keeps it finite.

Sources: C. Guo et al., On calibration of modern neural networks (2017); J. Platt, Probabilistic
outputs for support vector machines (1999); M. Kull, T. Silva Filho and P. Flach, Beta calibration
(2017); B. Zadrozny and C. Elkan, Transforming classifier scores into accurate multiclass
probability estimates (2002); V. Vovk, I. Petej and V. Fedorova, Large-scale probabilistic
predictors with and without guarantees of validity (2015).
"""

import jax

from experiments import Experiment, Result, Track, together, untracked
from experiments.recalibration.candidates import ISOTONIC, PLAIN
from experiments.recalibration.held_out import recalibrate_spambase
from experiments.recalibration.known_truth import recalibrate_known
from experiments.recalibration.settings import Config


def run(config: Config, track: Track = untracked) -> Result:
    """Real labels, then a known truth; the maps in float64."""
    with jax.enable_x64(True):
        return together([recalibrate_spambase(config, track), recalibrate_known(config, track)])


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        calibrators=("temperature", ISOTONIC, PLAIN),
        epochs=100,
        folds=2,
        judged=5000,
        resamples=20,
        sigmas=2.0,
    ),
)
