"""Newton or Adam: what does it cost to stop a logistic regression before its optimum?

Run:     python -m experiments run newton_or_adam    half a minute on two cores
Expect:  Newton's method is at the last digit in ten passes over the data or so, L-BFGS in tens
         or hundreds. Adam and SGD in batches of 32, at the best of their rates, are still above the
         optimum after a hundred epochs, for their steps do not shrink; on the real data a usual
         recipe of ten epochs leaves logits that are too small, on Pima by a factor of three, so
         that the model says less than it knows.

The mean cross-entropy F of a linear model, with a small L2 penalty where labels can be separated,
is convex and has one minimum F*, here the lowest value that any way finds. Every way is judged by
its excess F - F* on all training rows, in NumPy and float64, after so many passes and seconds
(medians of warm runs).

Calibration follows from optimality: where dF = 0 without a penalty, sum (p_i - y_i) x_i = 0, so
that recalibrating the training logits gives slope 1 and intercept 0. A start at 0 that is stopped
short has a slope above 1, for the logits have not grown to their size. It is a penalty of a kind,
and on held-out rows it can do good where the stated penalty is too small (breast cancer here); but
then nobody has stated it, and it depends on units, rate and batch. Times are shown, not claimed.

Sources: L. Bottou, F. Curtis and J. Nocedal, Optimization methods for large-scale machine learning
(2018); D. Kingma and J. Ba, Adam (2015).
"""

import jax

from experiments import Experiment, Result, Track, Verdict, untracked
from experiments.newton_or_adam.contest import hold_contest
from experiments.newton_or_adam.figures import figure_of_descents, figure_of_slopes
from experiments.newton_or_adam.findings import answer_of, claims_of, tabulate
from experiments.newton_or_adam.settings import Config


def run(config: Config, track: Track = untracked) -> Result:
    """Every way on every problem, in float64."""
    with jax.enable_x64(True):
        found = hold_contest(config, track)
        return Result(
            Verdict(claims_of(found, config), *answer_of(found, config)),
            tables=(tabulate(found),),
            figures=(figure_of_descents(found), figure_of_slopes(found)),
        )


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(problems=("pima",), epochs=12, rates=(1e-3, 1e-2), repeats=1),
    alone=True,
)
