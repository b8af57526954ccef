"""How far off the calibration error of a model is its estimate, and which estimate is not?

Run:     python -m experiments run bias_of_ece    half a minute on two cores
Expect:  The ECE of a calibrated model in 15 bins is 0.04 at 1000 examples, never 0, and twice that
         in 60 bins; debiasing takes away two fifths. The debiased squared error and the unbiased
         kernel error are right on average at every number of examples.

True logits z are normal, labels follow sigma(z), and the model says sigma(a z) with slope a: 1 is
calibrated, 1.2 and 1.6 overconfident. The true value of each estimator, what it says of
infinitely many examples, is a quadrature over z with the true probabilities for labels.

In a bin of n_b examples the mean residual is off by about sqrt(v_b / n_b), v_b = mean p (1 - p).
Absolute values do not cancel, so that a calibrated model has about

    E ECE = sum_b q_b E |N(0, v_b / n_b)| = sum_b sqrt(2 q_b v_b / (pi n)),     q_b = n_b / n,

which grows as the root of bins over examples. A square can be put right instead of only made
better: with residuals r in a bin,

    E ((sum r)^2 - sum r^2) / (n_b (n_b - 1)) = (E r)^2

and so with pairs i != j of a kernel. Such estimates are negative half of the time at a calibrated
model; that is what being right on average about 0 takes.

The sweep takes as many bins of equal mass as leave their means in order, the smooth error has no
bins but a bandwidth as large as itself.

Sources: J. Broecker, Estimating reliability and resolution of probability forecasts (2012);
A. Kumar, P. Liang and T. Ma, Verified uncertainty calibration (2019); R. Roelofs et al.,
Mitigating bias in calibration error estimation (2022); J. Blasiok and P. Nakkiran, Smooth ECE
(2023); D. Widmann, F. Lindsten and D. Zachariah, Calibration tests in multi-class
classification (2019).
"""

import jax

from experiments import Experiment, Result, Track, Verdict, untracked
from experiments.bias_of_ece.figures import figure_of_bins, figure_of_sizes
from experiments.bias_of_ece.findings import answer_of, claims_of, tabulate
from experiments.bias_of_ece.settings import Config
from experiments.bias_of_ece.trials import judge


def run(config: Config, track: Track = untracked) -> Result:
    """Every estimator on every model and size, in float64."""
    with jax.enable_x64(True):
        found = judge(config, track)
    return Result(
        Verdict(claims_of(found, config), *answer_of(found, config)),
        tables=(tabulate(found),),
        figures=(figure_of_sizes(found, config), figure_of_bins(found, config)),
    )


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        slopes=(1.0, 1.6), sizes=(400,), bins=(15, 60), trials=50, together=25, points=501, near=0.3
    ),
)
