"""Do intervals, tests and bands of calibration hold what they promise?

Run:     python -m experiments run coverage_of_intervals    half a minute on two cores
Expect:  The percentile bootstrap of the ECE of a calibrated model holds its true value 0 in no
         trial, the basic one in two of five. Tests by simulation, Wald intervals of slope and
         intercept and the intervals of bins keep their level; the confidence band holds the whole
         curve at least as often as it says.

True logits z are normal, labels follow sigma(z), and the model says sigma(a z), a = 1 calibrated.
What is estimated is known by quadrature, so that each trial tells whether an interval holds it.
Every share found by trials stands between its Clopper-Pearson ends of 99.99 %, and these are what
is claimed: a claim fails only where chance is no excuse.

A bootstrap draws from the labels that came, whose ECE is too large already, and adds as much
again: the percentile interval lies above the truth by twice the bias, the basic interval, turned
about the estimate, by none of it. Neither knows that an ECE of 0 is an edge.

The test by simulation, p = (1 + number of simulations as large) / (1 + simulations), is exact at
5 % with 99 of them. The confidence band promises to hold the whole curve; the consistency band,
drawn pointwise, to hold a calibrated model's curve at each point, and so less often as a whole.

Calibration in the large takes the slope for 1: where it is not, the model's own variances are
wrong, and its interval is only shown. A debiased square is held against the square itself in the
world of the resamples, which are drawn from the data as from a population.

The interval of a bin's share needs no trials: its coverage is a sum over binomial numbers.

Sources: B. Efron and R. J. Tibshirani, An introduction to the bootstrap (1993); L. D. Brown, T. T.
Cai and A. DasGupta, Interval estimation for a binomial proportion (2001); T. Dimitriadis et al.,
Honest calibration assessment for binary outcome predictions (2023).
"""

import jax

from experiments import Experiment, Result, Track, Verdict, untracked
from experiments.coverage_of_intervals.bands import judge_bands
from experiments.coverage_of_intervals.bins import covered
from experiments.coverage_of_intervals.bootstraps import judge_bootstraps
from experiments.coverage_of_intervals.findings import (
    answer_of,
    claims_of,
    figure_of,
    table_of_bins,
    table_of_shares,
)
from experiments.coverage_of_intervals.regressions import judge_regressions
from experiments.coverage_of_intervals.settings import Config
from experiments.coverage_of_intervals.simulated_tests import judge_tests


def run(config: Config, track: Track = untracked) -> Result:
    """All parts; trials in float32, as users have it."""
    with jax.enable_x64(False):
        shares = [
            *judge_bootstraps(config, track),
            *judge_regressions(config, track),
            *judge_tests(config, track),
            *judge_bands(config, track),
        ]
    of_bins = covered(config)
    return Result(
        Verdict(claims_of(shares, of_bins, config), *answer_of(shares, of_bins, config)),
        tables=(table_of_shares(shares), table_of_bins(of_bins)),
        figures=(figure_of(shares, config),),
    )


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        errors=("ECE",),
        kinds=("percentile", "basic"),
        examples=200,
        trials=40,
        resamples=100,
        regressions=200,
        tests=60,
        simulations=39,
        cells=8,
        chunks=1,
        slack=0.1,
        missed=0.3,
    ),
)
