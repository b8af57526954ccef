"""Is the cross-entropy convex in the weights, is squared error, and is a network's loss?

Run:     python -m experiments run landscape    half a minute on two cores
Expect:  In the weights of a linear model cross-entropy is convex everywhere and every start ends at
         one optimum; squared error of the probabilities is not: far from its optimum most places
         curve downward somewhere, and half of the starts there are stuck. A network's Hessian has
         many negative eigenvalues before it learns and while it learns, by cross-entropy too, and
         a few small ones when it knows its rows by heart.

Write x = b·u + c for the logit of inputs u, p = sigma(x), and l(x, y) for a loss. The Hessian of
the mean loss of a linear model is

    H = mean l''(x_i, y_i) v_i v_i^T,   v_i = (u_i, 1)

so all rests on l''. Cross-entropy has l'' = p (1 - p) > 0. Squared error (p - y)^2 has, at y = 1,

    l'' = 2 p (1 - p)^2 (3 p - 1) < 0   for p < 1/3,  x < -log 2:

it curves downward where the model is wrong, and its slope -2 p (1 - p)^2 goes to 0 there, so that
gradient descent does not come back.

In a network the logit itself is curved in the parameters t. With J = dx/dt,

    H = mean p_i (1 - p_i) J_i J_i^T  +  mean (p_i - y_i) d^2 x_i / dt^2  =  G + R

G, the Gauss-Newton part, is never negative; R has no sign. Both are made of automatic derivatives
and held against the whole. The spectrum is by Lanczos: from a random unit vector v, m products H q
give a tridiagonal T whose extreme eigenvalues are soon those of H, and whose eigenvalues theta_k
with the squared first entries of the eigenvectors are a quadrature of H's spectral density
v^T f(H) v = sum_k tau_k f(theta_k). Where H is small enough its eigenvalues are taken directly too.

Sources: P. Auer, M. Herbster and M. Warmuth, Exponentially many local minima for single neurons
(1996); G. Golub and G. Meurant, Matrices, moments and quadrature (1994); B. Ghorbani, S. Krishnan
and Y. Xiao, An investigation into neural net optimization via Hessian eigenvalue density (2019).
"""

import jax

from experiments import Experiment, Result, Track, Verdict, untracked
from experiments.landscape.figures import figure_of_linear, figure_of_network
from experiments.landscape.findings import (
    answer_of,
    claims_of,
    tabulate_places,
    tabulate_spectra,
)
from experiments.landscape.linear import survey
from experiments.landscape.network import watch
from experiments.landscape.settings import Config


def run(config: Config, track: Track = untracked) -> Result:
    """Linear models, then networks, in float64."""
    with jax.enable_x64(True):
        terrain = survey(config, track)
        spectra = watch(config, track)
    return Result(
        Verdict(claims_of(terrain, spectra), *answer_of(terrain, spectra)),
        tables=(tabulate_places(terrain), tabulate_spectra(spectra)),
        figures=(figure_of_linear(terrain), figure_of_network(spectra)),
    )


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        places=40, starts=20, steps=4000, networks=(("pima", 4),), epochs=(0, 50), products=40
    ),
)
