"""How fast does ``fit`` train a network next to Keras, torch, scikit-learn and a plain JAX loop?

Run:     python -m experiments run speed_of_training    three minutes with all peers on two cores
Expect:  Ten epochs of the tutorial's 8-16-1 take Keras over 25 times as long, torch over thirty
         times, scikit-learn over twenty times. With 256 hidden units and 100,000 examples
         products of matrices decide: the best of the others takes a third longer, and is as quick
         where a machine's two threads share a core. From the start of a process ``fit`` is there
         before Keras and torch, and, where it was compiled before, little later than scikit-learn.

Every way has a process of its own, which is blocked while another has its turn: in one process they
slow each other down. All start from the same parameters, take the same steps of Adam
and visit the examples of an epoch in the same order, and the first course of each is held against
ours: the mean loss of the last epoch is the same to rounding and to the place of Adam's epsilon.
(Keras and scikit-learn draw orders of their own in the timed runs, as their ``fit`` does.) The
first call, which compiles where anything is compiled, stands apart.

The small task is the tutorial's: 768 patients, batches of 32, ten epochs. Keras has its usual
setting and one in which a call trains for an epoch, torch has plain and fused Adam, and each but
``fit`` a loop in Python around one step. The large one is bound by products of matrices: a way of
its own does only those, a forward product and the gradient of the kernel, in the same loop of XLA,
and is as near as XLA on a CPU can come. A fit from the start of the process is timed in fresh
interpreters, ours with and without a compilation cache on disk that is already filled.

Curves in the number of examples and in the width have exponents fitted to them. Times of one run
on one machine; ratios move by a tenth between runs, times by more. Of the ratios aimed at four
fifths are claimed, and the whole by ``--config full``.
"""

import jax

from experiments import Experiment, Result, Track, together, untracked
from experiments.speed_of_training.cold import judge_cold
from experiments.speed_of_training.setting import BIG, TINY, TUTORIAL, Config
from experiments.speed_of_training.standings import judge_race
from experiments.speed_of_training.turns import race


def run(config: Config, track: Track = untracked) -> Result:
    """The race, then fits from the start of a process; in float32."""
    with jax.enable_x64(False):
        parts = [judge_race(race(config, track), config)]
        if config.fresh:
            parts.append(judge_cold(config, track))
        return together(parts)


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        tasks=(TINY,), peers=False, turns=1, calls=1, fresh=0, examples=(), widths=(), claimed=0.0
    ),
    full=Config(tasks=(TUTORIAL, BIG), compiled=True, turns=15, fresh=9, claimed=1.0),
    alone=True,
)
