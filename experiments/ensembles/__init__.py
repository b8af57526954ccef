"""What do many networks buy that one does not, and what do they cost when trained at once?

Run:     python -m experiments run ensembles    half a minute on two cores
Expect:  On Spambase the mean of 32 networks has a lower held-out log loss than one, by several
         standard errors, and is better calibrated; most of that comes with the first eight. Where
         they disagree they err: ten times as often in the tenth of the e-mails with the largest
         spread. Trained at once, 32 small networks take less than a third of the time of a compiled
         loop on one device, less than a quarter on two, and less than a tenth of torch's batched
         form.

Spambase is cut into folds, and each fold judged by networks that learnt from the others, so that
every e-mail is judged by 32 networks that have not seen it. An ensemble answers with the mean of
the probabilities, by its logit; those of fewer networks are parts of the 32 that share none, and
what is told of a size is the mean over them. A mean of probabilities never has a larger log loss
than its networks have on average, since the logarithm is concave; how much smaller is what is
measured, by paired differences.

The race: 32 networks of 8 inputs, 16 hidden units and one output learn from 768 examples in
batches of 32 for ten epochs. One CPU device, two of them and torch have a process each. The loop is
one compiled program that starts and trains one network, as one writes it with Flax and Optax,
called for one after the other. Beside it the same is told with the steps of ``fit``, which on a CPU
write small products out, and so leave less to gain. torch has batched products, fused Adam and one
thread. Networks that are trained at once and in the loop are the same to rounding. Claimed is a
part of what is aimed at, so that a busy machine passes; ``--config full`` claims all of it.

Sources: B. Lakshminarayanan, A. Pritzel and C. Blundell, Simple and scalable predictive uncertainty
estimation using deep ensembles (2017).
"""

import jax

from experiments import Experiment, Result, Track, together, untracked
from experiments.ensembles.held_out import judge_held_out
from experiments.ensembles.race import judge_race
from experiments.ensembles.settings import Config


def run(config: Config, track: Track = untracked) -> Result:
    """What they buy, then what they cost; in float32."""
    with jax.enable_x64(False):
        parts = [judge_held_out(config, track)]
        if config.raced:
            parts.append(judge_race(config, track))
        return together(parts)


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(sizes=(1, 2, 4), folds=2, resamples=20, raced=0),
    full=Config(folds=10, turns=40, claimed=1.0),
    alone=True,
)
