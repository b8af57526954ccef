"""What do a thousand refits buy that one fit does not tell?

Run:     python -m experiments run bootstrap_thousand    about twenty seconds on two cores
Expect:  The law of every coefficient, as it is: nearly normal for Pima, skew and wider than the
         Fisher information says for Spambase. Under a right model its spread is the standard error
         that the Fisher information gives; under a wrong one it still is the true one, as the
         sandwich is, while Fisher's is a third too small or more. It costs less than a twentieth of
         the time of a loop.

Real data first: Pima, and seven heavy-tailed columns of Spambase, each column of standard deviation
1, without a penalty; a thousand resamples of the examples, all refitted at once.

Then two models that are known. Fresh draws tell the true standard error of the slope, and each of
three ways says what it takes it for from one draw; means over draws are compared. Few draws are
bootstrapped: each is held against the sandwich of the same draw.

Last the time, against a loop of single fits, ours and scikit-learn's, in one process by turns; a
loop makes a tenth of the refits and counts for all. speed_of_solvers races in earnest, in processes
of their own.

Sources: B. Efron, Bootstrap methods: another look at the jackknife (1979); H. White, Maximum
likelihood estimation of misspecified models (1982).
"""

from experiments import Experiment, Result, Track, Verdict, untracked
from experiments.bootstrap_thousand import known_models, race, real_data
from experiments.bootstrap_thousand.settings import PIMA, Config


def run(config: Config, track: Track = untracked) -> Result:
    """All parts."""
    samples = [real_data.sample_of(name) for name in config.data]
    found = [real_data.spreads_of(sample, config) for sample in track(samples, "real data")]
    spreads = [spread for those, _ in found for spread in those]
    without = sum(count for _, count in found)
    right, wrong = (known_models.errors_of(name, config, track) for name in known_models.MODELS)
    standings = race.race(samples[0], config, track)
    return Result(
        Verdict(
            (
                *real_data.claims_of(spreads, without),
                *known_models.claims_of(right, wrong, config),
                *race.claims_of(standings, config),
            ),
            known_models.answer_of(right, wrong),
            (
                real_data.details_of(spreads, without),
                known_models.details_of(right, wrong),
                race.details_of(standings, config),
            ),
        ),
        tables=(
            real_data.tabulate(spreads),
            known_models.tabulate(right, wrong),
            race.tabulate(standings),
        ),
        figures=(real_data.figure_of(spreads),),
    )


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        data=(PIMA,),
        resamples=200,
        draws=1000,
        bootstrapped=3,
        near=0.2,
        turns=1,
        looped=2,
        judged=False,
    ),
    alone=True,
)
