"""What is lost when the loss is computed in bfloat16 or float16?

Run:     python -m experiments run low_precision  a minute on two cores
Expect:  With the loss in float32 on 16-bit logits and one rounding of its gradient: half an ulp, no
         dead gradient, and training as in float32. In 16 bits throughout: labels of 0.999 become
         1, half of the gradients die by some formulas, and probabilities break.

Networks are often run in 16 bits for speed. Their logits then are bfloat16 (8 bits) or float16
(11 bits, largest number 65504), and a loss that computes in its inputs' dtype computes in that.
Four ways are compared:

    exact                  labels and logits in float32, the gradient rounded once
    optax                  -y log_sigmoid(x) - (1 - y) log_sigmoid(-x), labels rounded first
    torch's formula        (1 - y) x - log_sigmoid(x), and sigmoid(x) - y for its gradient
    clipped probabilities  sigmoid(x) moved into [1e-7, 1 - 1e-7], then both logs, as in Keras

First at every finite logit of both formats, for hard and soft labels, against float64. A gradient
is dead where it is 0, nan or of the wrong sign, and the right one is a normal number of the format.

Then what rounds away beside the loss. The loss of a soft label y is smallest at the logit
log(y / (1 - y)); a label that rounds to 1 asks for an infinite one. A running total stops growing
where a loss is less than half of the spacing of the total: losses of ln 2 at 2^8 in bfloat16 and
at 2^11 in float16. And the gradient of a mean over n examples is n times smaller than that of
its examples: below 2^-25 float16 has nothing left, whatever the loss. That is what loss scaling
is for.

Last, training: networks on Spambase, parameters in float32, layers in 16 bits (``dtype`` of
bcejax.models), labels smoothed to 0.999 and 0.001, many seeds at once; the same splits, first
weights and orders in every format and for every loss; differences are taken seed by seed. In
bfloat16 0.999 is 1 but 0.001 is about 0.001, so mails that are spam are pushed on for ever while
the others are held: a bias that no rounding of logits has.

Sources: P. Micikevicius et al., Mixed precision training (2018), loss scaling; D. Kalamkar et al.,
A study of bfloat16 for deep learning training (2019).
"""

import jax

from experiments import Experiment, Result, Track, together, untracked
from experiments.low_precision.every_logit import look_at_every_logit
from experiments.low_precision.rounding import add_up, round_labels, take_means
from experiments.low_precision.settings import Config
from experiments.low_precision.training import train_in_formats


def run(config: Config, track: Track = untracked) -> Result:
    """Every logit, what rounds away beside the loss, and training."""
    with jax.enable_x64(False):
        results = [
            look_at_every_logit(track),
            round_labels(),
            add_up(config),
            take_means(),
            train_in_formats(config, track),
        ]
    return together(results)


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(formats=("bfloat16",), seeds=6, epochs=15, sigmas=2.0, tolerance=0.05),
)
