"""How well calibrated is what training gives, and how near is it to what the analysis says?

Run:     python -m experiments run calibration_of_training  half a minute on two cores
Expect:  The exact optimum of logistic regression keeps the analytic facts to rounding, Adam to
         about 0.001 after 1000 epochs and not at all after 10; an L2 penalty keeps the mean and
         makes the slope exceed 1. A network that is trained on and on becomes overconfident:
         its ECE on new patients rises from 0.03 to 0.2.

The facts. Let a logistic regression with logits x = X b have the minimal mean cross-entropy; b
holds the intercept, X a column of ones. Its gradient there is zero, so

    X^T (p - y) / n = 0      and, by the column of ones,      mean p = mean y

The logits a x + c of a recalibration are such logits too, b being a b + c, so none is better than
slope a = 1 and intercept c = 0. With a penalty lambda |w|^2 / 2 on the coefficients w, and none
on the intercept,

    X^T (p - y) / n = -lambda w      and still      mean p = mean y

and the loss still falls along the slope, d/da = w^T X^T (p - y) / n = -lambda |w|^2 < 0, so the
best slope exceeds 1: the model is too modest. All this is measured on the 768 patients of Pima,
in float64, with the sums in longdouble (bcejax.analysis).

What rounding leaves. Newton's method ends at the float64 numbers next to the optimum: each
b_k is off by u |b_k|, u = 2^-53, and the gradient of the sums below by their own rounding e, the
bound stated in bcejax.analysis.logistic_regression. So, entry by entry,

    |X^T (p - y) / n| <= u |H| |b| + e =: G        |(a - 1, c)| <= |M^-1| (|b|^T G, G_last)^T + ...

with H the Hessian in b and M that in (a, c), whose own rounding stands for the dots. These
bounds are computed, not chosen.

Held-out patients. Each patient is judged by models that were fitted without her (folds, each
class cut by itself; inputs standardised by the training part). The MLP and the overtrained MLP
are one network at two epochs of one training. How far differences may come from the choice of
patients is told by standard errors: of the paired losses, and of the ECE by a paired bootstrap.
An ECE is never 0: "were p true" is the mean ECE of labels drawn with the model's own
probabilities.

Known truth. Where p is known, mean |p - truth| needs no bins and no labels, and an ECE with the
true probabilities for labels has no noise of labels. For logistic regression on its own model the
theory of maximum likelihood predicts, with Fisher's information F = E h x x^T, h = p (1 - p),

    mean |p - truth| = sqrt(2 / (pi n)) E h sqrt(x^T F^-1 x)

On labels that depend on a product of two inputs alone, x_1 x_2, the best linear logit is 0:
calibrated, and blind. A fitted one is near 0 but leans along some w, and as E(x_1 x_2 | w x = t)
grows as w_1 w_2 t^2, what little it says is not calibrated.

Sources: D. R. Cox, Two further applications of a model for binary regression (1958), slope and
intercept; C. Guo et al., On calibration of modern neural networks (2017); A. W. van der Vaart,
Asymptotic statistics (1998), section 5.5.
"""

import jax

from bcejax.data import load_pima
from experiments import Experiment, Result, Track, together, untracked
from experiments.calibration_of_training.facts import check_facts
from experiments.calibration_of_training.held_out import judge_held_out
from experiments.calibration_of_training.known_truth import judge_known_truths
from experiments.calibration_of_training.nearing import near_the_truth
from experiments.calibration_of_training.settings import Config


def run(config: Config, track: Track = untracked) -> Result:
    """All four parts, in float64."""
    with jax.enable_x64(True):
        pima = load_pima().batch
        results = [
            check_facts(pima, config, track),
            judge_held_out(pima, config, track),
            judge_known_truths(config, track),
            near_the_truth(config, track),
        ]
    return together(results)


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        hidden=(32,),
        overtraining=1500,
        short=2,
        long=200,
        starts=2,
        judged=5000,
        sizes=(250, 1000),
        repeats=20,
    ),
)
