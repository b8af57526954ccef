"""What does clipping probabilities do to the loss, its gradient and what is learnt from it?

Run:     python -m experiments run clipping_bias  half a minute on two cores
Expect:  Nothing while every probability is honest. Beyond the clip the loss stands still (at 16.1
         nats in Keras, 100 in torch) and its gradient is 0: from a large start Keras's clip ends
         nats above the exact loss, and mislabelled rows known by heart stay wrong when corrected.

Three clips are in use. Keras moves p into [e, 1 - e] with e = 1e-7, scikit-learn did so with
e = 1e-15 up to 1.2, and torch's BCELoss holds both logs at -100. With q the probability given to
the label that came, the exact loss is -log q, and its derivative in the logit -(1 - q) for label 1

    clip         loss -log max(q, e)         too small by log(e / q)     gradient 0 for q < e
    torch        loss min(-log q, 100)       gradient times min(1, q (1 - q) / 1e-12)

where the last line is how torch's backward pass keeps its quotient finite. On the side that is
right, q > 1 - e, a clipped loss is up to e too large, and its gradient is 0 as well, where it
should be at most e.

The formats matter. In float32 1 - 1e-7 rounds to 1 - 2^-23, so the two labels have different
largest losses; 1 - 1e-15 rounds to 1, as 1 - 1e-7 does in float16 and bfloat16. Then p = 1 is not
clipped at all: its loss is infinite for label 0, and 1 log 1 + 0 log 0 = nan for label 1. All
probabilities of the 16-bit formats, and many of the others, are held against these closed forms.

Whom does it hurt? A label drawn with probability p < e itself costs at most -log(1 - e), about e,
more than it should: honest probabilities hardly notice. A model that is wrong does: it is not
charged beyond the clip, and learns nothing there. So the experiment trains small networks on Pima
with mislabelled rows, in float32, many seeds at a time: the same start, rows and order for every
loss, differences taken seed by seed. What is said of a mean is said in standard errors.

From the ordinary start no logit comes near the clip and the losses agree. Then the first weights
of the last layer are multiplied by up to 300, so that many rows start beyond it. All are judged
by the exact loss on unseen patients. Accuracy and ECE, which do not ask by how many logits a
patient is missed, stand beside it; after a large start both like the blind loss better, and not
for the sake of the mislabelled rows: they do so with hardly any (--mislabelled 0.002).

Last, networks learn the wrong labels by heart, with logits to match; then the labels are
corrected. The corrected rows have nearly all of the exact gradient, 1 each. Those beyond the clip
have none of the clipped one, and what little moves them comes through their neighbours.

Sources: keras/src/backend/jax/nn.py of Keras 3.15; sklearn/metrics/_classification.py of
scikit-learn 1.2; aten/src/ATen/native/Loss.cpp of torch 2.13.
"""

import jax

from experiments import Experiment, Result, Track, together, untracked
from experiments.clipping_bias.closed_forms import hold_to_closed_forms
from experiments.clipping_bias.correction import correct_labels
from experiments.clipping_bias.large_start import start_large
from experiments.clipping_bias.over_logits import look_over_logits
from experiments.clipping_bias.patients import draw_patients
from experiments.clipping_bias.settings import Config


def run(config: Config, track: Track = untracked) -> Result:
    """The clips on paper, over the logits, and in training."""
    with jax.enable_x64(True):  # for the closed forms in float64
        results = [hold_to_closed_forms(config, track)]
    with jax.enable_x64(False):
        patients = draw_patients(config)
        results += [
            look_over_logits(config),
            start_large(patients, config, track),
            correct_labels(patients, config, track),
        ]
    return together(results)


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(points=1001, seeds=6, scales=(1.0, 300.0), memorizing=2000, sigmas=2.0),
)
