"""Is the cross-entropy a likelihood, and do its intervals hold what they promise?

Run:     python -m experiments run likelihood    about a minute on two cores
Expect:  Minus the sum of losses is the log-likelihood of Bernoulli labels, value and gradient, to
         rounding. From a thousand examples on Wald, profile and bootstrap intervals of 95 % hold
         the true slope in 95 % of draws. At thirty the percentile bootstrap holds it far too
         seldom, the profile nearly often enough and Firth's profile often enough; Firth's estimate
         has lost the bias of maximum likelihood, and a quarter of its error.

The losses are summed and held against the definition in NumPy, and against numpyro and distrax
where they are installed. Estimates and information are held against cases that are known without a
program: a table of two by two, and the mean square of the score over every possible set of labels.

Then a known model is drawn again and again, at 30 to 10,000 examples. The design has sixteen
points, so that a draw is a table of counts and thousands are estimated at once by their weights. A
draw may be separated: then there is no estimate and no Wald interval, and it is counted; the
profile interval has one infinite end, Firth's estimate exists, and a separated resample lies
infinitely far out. Bias and error of maximum likelihood are those over the draws where there is a
maximum.

Every coverage stands between its Clopper-Pearson ends of 99.99 %, every difference of biases is
counted in standard errors: a claim fails only where chance is no excuse.

Sources: D. Firth, Bias reduction of maximum likelihood estimates (1993); G. Heinze and M. Schemper,
A solution to the problem of separation in logistic regression (2002).
"""

import jax

from experiments import Experiment, Result, Track, Verdict, untracked
from experiments.likelihood import densities, exact_cases, findings
from experiments.likelihood.settings import BOOTSTRAP, FIRTH_WALD, WALD, Config
from experiments.likelihood.trials import try_size


def run(config: Config, track: Track = untracked) -> Result:
    """All parts, in float64."""
    with jax.enable_x64(True):
        sums = densities.densities(config)
        trials = [try_size(size, config) for size in track(config.sizes, "sizes")]
    exact = exact_cases.exact_cases()
    programs = ", ".join(each.program for each in sums[1:])
    claims = (
        *densities.claims_of(sums),
        *exact_cases.claims_of(exact),
        *findings.claims_of(trials, config),
    )
    return Result(
        Verdict(
            claims,
            f"Yes: log densities by their definition and by {programs} add up to the same. "
            f"{findings.answer_of(trials, config)}",
            findings.details_of(trials, config),
        ),
        tables=(
            densities.tabulate(sums),
            findings.table_of_coverage(trials),
            findings.table_of_estimates(trials, config),
        ),
        figures=(findings.figure_of(trials, config),),
    )


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        sizes=(30, 1000),
        draws=500,
        bootstrapped=25,
        resamples=100,
        intervals=(WALD, BOOTSTRAP, FIRTH_WALD),
        together=500,
        slack=0.05,
    ),
)
