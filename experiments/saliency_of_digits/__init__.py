"""Which pixels tell an 8 from a 3, and does the gradient of the loss show them?

Run:     python -m experiments run saliency_of_digits  10 s on two cores
Expect:  The ink on the left that closes the loops. Erasing the few pixels of most attribution
         moves the logit much farther than erasing as many others. From the logit every image has
         a map; through probabilities that are clipped, or rounded to 1, the images of which the
         network is surest have none.

The images are scikit-learn's digits, 183 of a 3 and 174 of an 8, 64 pixels u in [0, 1]. A small
convolutional network learns from one half, in float32; logistic regression with an L2 penalty is
fitted to the same half. Both are judged on the other half.

Saliency of an image is the gradient of the loss in its pixels. With x the logit,

    dl/du = (p - y) dx/du

one number for the image times a map that is the network's alone; for a linear model the map is its
coefficients, whatever the image. So the map should not depend on how sure the network is. It does
where p - y is lost: through a probability that is clipped to [1e-7, 1 - 1e-7] the gradient is 0
from |x| = 16.1 on, through one that is rounded to 1 from 17 on for label 1, and the map is blank.

A gradient says what a small change would do, not what the ink is worth. Integrated gradients say
that, against blank paper:

    A_j = u_j  integral over t from 0 to 1 of  dx/du_j (t u),      sum_j A_j = x(u) - x(0)

by the midpoint rule. The sum is held against the difference, and the attribution against an
experiment: the pixels with most of it in favour of the answer are erased, and by how much the logit
falls is compared with what as many random pixels with ink do, image by image.

Sources: K. Simonyan, A. Vedaldi and A. Zisserman, Deep inside convolutional networks (2014);
M. Sundararajan, A. Taly and Q. Yan, Axiomatic attribution for deep networks (2017); E. Alpaydin and
C. Kaynak, Optical recognition of handwritten digits (1998).
"""

import jax

from experiments import Experiment, Result, Track, untracked
from experiments.saliency_of_digits.findings import judge, report
from experiments.saliency_of_digits.networks import learn
from experiments.saliency_of_digits.settings import Config


def run(config: Config, track: Track = untracked) -> Result:
    """Learn, then look; in float32."""
    with jax.enable_x64(False):
        learnt = learn(config)
        found = {
            name: judge(model, learnt.unseen, config)
            for name, model in track(tuple(learnt.models.items()), "models")
        }
        return report(found, learnt, config)


EXPERIMENT = Experiment(
    run, default=Config(), tiny=Config(channels=(4, 8), epochs=60, rate=6e-3, steps=16)
)
