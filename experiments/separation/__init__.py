"""When does a logistic regression have no optimum, and who says so?

Run:     python -m experiments run separation    half a minute on two cores
Expect:  With d columns and labels by a fair coin half of the data sets of 2 (d + 1) rows have none.
         Our status says so in every case in which a linear program does, and never else, and its
         direction proves it; scikit-learn returns what it has and mostly says nothing; Firth's
         estimate is there every time, with logits below 20.

A hyperplane separates labels if some (u, u_0), not 0 on all rows, has x_i·u + u_0 >= 0 for every
row of label 1 and <= 0 for every row of label 0. Along it the mean cross-entropy falls for ever:
there is no minimum, and whatever a program returns is where it stopped. With > for all rows the
separation is complete, else quasi-complete, which binary columns with an empty cell bring about.

How often does it happen by chance? Of the 2^n ways to label n points in general position in d
dimensions, hyperplanes make (T. Cover)

    2 sum_{k=0}^{d} (n-1 over k)

so that labels by a fair coin are separated with 2^-n times that: 1/2 at n = 2 (d + 1).

The judge is a linear program (K. Konis): with s_i = 1 for label 1 and -1 for label 0,

    maximise sum_i m_i    over  u, u_0,  0 <= m_i = s_i (x_i·u + u_0) <= 1

is above 0 exactly where labels are separated.

Sources: A. Albert and J. Anderson, On the existence of maximum likelihood estimates in logistic
regression models (1984); T. Cover, Geometrical and statistical properties of systems of linear
inequalities (1965); K. Konis, Linear programming algorithms for detecting separated data (2007);
D. Firth, Bias reduction of maximum likelihood estimates (1993).
"""

from experiments import Experiment, Result, Track, Verdict, untracked
from experiments.separation.figures import figure_of_logits, figure_of_shares
from experiments.separation.findings import answer_of, claims_of, tabulate
from experiments.separation.judges import judge
from experiments.separation.settings import Config


def run(config: Config, track: Track = untracked) -> Result:
    """Every data set before every judge."""
    found = judge(config, track)
    return Result(
        Verdict(claims_of(found, config), *answer_of(found)),
        tables=(tabulate(found, config),),
        figures=(figure_of_shares(found, config), figure_of_logits(found)),
    )


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(columns=2, rows=(8,), binary_rows=(8,), trials=24),
    full=Config(trials=2000),
)
