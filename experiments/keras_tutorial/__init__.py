"""Does the Keras tutorial come out the same in bcejax, and how much faster?

Run:     python -m experiments run keras_tutorial    40 s
Expect:  Yes: loss curves within 1e-5 of Keras's in float32, weights within 1e-12 in float64; ten
         epochs take less than a tenth of the time.

The tutorial trains 8-16(relu)-1(sigmoid) on the binary cross-entropy with Adam at rate 0.001 for
10 epochs in batches of 32, and shows no data. Pima has its 8 columns: 768 women, split 4 to 1
within each class, columns standardised by the training part. Logistic regression is trained
alike. Both are held against a loop of NumPy in float64: backpropagation by hand, Adam from the
paper. Adam moves a weight by about its rate a step, so 200 steps of 0.001 bring no weight
farther than about 0.2: neither model has arrived after ten epochs.

Keras differs from optax and bcejax in two places. With m and v the running means of the gradient
and of its square after step t,

    Keras    w -= rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + 1e-7)
    optax    w -= rate m' / (sqrt(v') + 1e-8)         m' = m / (1 - b1^t), v' = v / (1 - b2^t)

so Keras's Adam is optax's with the epsilon 1e-7 / sqrt(1 - b2^t): 3.2e-6 in the first step,
falling to 1e-7 over thousands. (The paper calls Keras's 1e-7 "epsilon hat", section 2.) And Keras
takes probabilities and moves them into [1e-7, 1 - 1e-7]: where that acts, the loss is about 16 at
most and the gradient is 0. ways.py writes both from pieces of optax and bcejax. Keras and the four
combinations of the two Adams and the two losses start from the same weights and see the same
batches. On standardised columns no logit is large enough for the clip to act.

In float32 rounding nearly hides which Adam it was; in float64 it cannot. There the weights are
compared, over whole batches only: Keras 3.15 takes the mean of a batch's losses in float32 even
when told to compute in float64, so the loss that it reports is rounded, and a last batch whose
size is no power of two rounds the gradient.

Without standardisation, as the tutorial's code stands, logits begin in the hundreds and the clip
does act. The last table counts the patients on the wrong side from whom it lets nothing be
learnt, and judges both trainings by the exact loss.

Speed: all epochs on all patients without validation, by Keras's fit and ours by turns in one
process, medians of warm runs; the first call, which compiles or finds the program on disk, stands
apart. Beside them run train_epochs, the program inside our fit, and Keras with an epoch per
execution, its faster setting.

Sources: D. P. Kingma and J. Ba, Adam: a method for stochastic optimization (2015);
keras/src/optimizers/adam.py, keras/src/backend/jax/nn.py and numpy.py of Keras 3.15.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from bcejax.data import Batch, fit_standardizer, load_pima, split, standardize
from experiments import Experiment, Result, Track, together, untracked
from experiments.keras_tutorial.agreement import compare_with_keras
from experiments.keras_tutorial.peer import find_keras
from experiments.keras_tutorial.setting import Config, Task
from experiments.keras_tutorial.speed import race_keras
from experiments.keras_tutorial.tutorial import follow_tutorial
from experiments.keras_tutorial.unscaled import leave_unscaled


def run(config: Config, track: Track = untracked) -> Result:
    """The tutorial, Keras next to it, the clip at work, and the race."""
    patients = load_pima().batch
    parts = split(patients, validation=config.validation, seed=config.seed)
    task = Task(config, standardize(parts)[0])
    keras, name = find_keras()
    chapters: dict[str, Callable[[], Result]] = {"tutorial": partial(follow_tutorial, task)}
    if keras is not None:
        chapters["Keras"] = partial(compare_with_keras, keras, name, task, track)
    chapters["without standardisation"] = partial(leave_unscaled, Task(config, parts))
    if keras is not None and config.repeats:
        inputs = fit_standardizer(patients.inputs)(patients.inputs).astype("float32")
        everyone = Batch(inputs, patients.labels.astype("float32"))
        chapters["speed"] = partial(race_keras, keras, name, task, everyone, track)
    result = together([chapters[chapter]() for chapter in track(tuple(chapters), "chapters")])
    if keras is not None:
        return result
    absent = f"{name}, so nothing was held against it (pip install 'bcejax[peers]')."
    verdict = replace(result.verdict, answer=f"{result.verdict.answer} {absent}")
    return replace(result, verdict=verdict)


EXPERIMENT = Experiment(
    run,
    default=Config(),
    # a third held back leaves whole batches on both sides: half of the compiling
    tiny=Config(hidden=4, epochs=4, learning_rate=0.01, validation=1 / 3, gain=0.02, repeats=0),
    alone=True,
)
