"""Does autodiff through our loss give the derivatives that one derives by hand?

Run:     python -m experiments run gradients_of_models    70 s on two cores
Expect:  Yes: by every way and in every precision each component stays within the bound that a
         rounding analysis of the derivation gives. Through optax's loss the Hessian is lost where
         a model is sure and wrong; through probabilities every derivative is, where it is sure.

On paper. A model gives example i the logit x_i. With labels y in {0, 1}, s(x) = 1 / (1 + exp(-x))
and J the Jacobian of the logits in the parameters w, the mean loss has

    gradient   J^T r / n                      r_i = s(x_i) - y_i
    Hessian    J^T diag(h) J / n + B          h_i = s(x_i) s(-x_i)
    bend       B = sum_i r_i (d2x_i / dw dw) / n

Logistic regression, x = u c + b for inputs u, has J = (X, 1) and B = 0, so X^T (p - y) / n and
X^T S X / n. A network with one hidden layer, z = u W + b, a = relu(z), x = a v + c, has with
m = 1 where z > 0 and else 0

    dx/dv_k = a_k     dx/dc = 1     dx/dW_jk = u_j m_k v_k     dx/db_k = m_k v_k

and in B only d2x / dW_jk dv_k = u_j m_k and d2x / db_k dv_k = m_k. NumPy computes all that in
longdouble (64 bits on x86) from the very numbers that autodiff was given, rounded to its
precision. Another derivation by hand, backpropagation and Pearlmutter's product in
bcejax.analysis, must give the same.

The bound. A running error analysis follows the derivation: each number carries a bound on what
rounded arithmetic may have done to it so far, with

    an operation        u              2^-53, 2^-24, 2^-8 in float64, float32, bfloat16
    a sum of k terms    (2 + k) u      k times u of float32 in bfloat16, which is added up in that
    r and h             expm1(e) h     from a logit that is off by e, and 4 u r and 8 u h
    relu                slope unknown  where |z| is below the bound of z

It is the certain bound, to first order in u and for sums in any order; a component that takes
more than all of it is a failure. Beside it stands what practice may expect: of a derivative as a
whole at ordinary parameters, a relative error of 1e-13, 5e-5 and 5e-2. Matrix products are asked
for in the full precision of their dtype, which a CPU gives anyway and a GPU may not.

The models are those of bcejax.models with the parameters that Flax draws. A "sure" model has its
last layer multiplied until the median |logit| is 20. The three losses are compared on the rows
whose |logit| lies between the median and its double, those that the model judges right and those
that it does not.

The central difference with step t is off by t^2 |f'''| / 6 + u |f| / t. Autodiff, three times
over, gives f''': the thin lines of the figure are predictions, not fits.

Sources: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section
3.3; B. A. Pearlmutter, Fast exact multiplication by the Hessian (1994).
"""

import jax

from experiments import Experiment, Result, Track, together, untracked
from experiments.gradients_of_models.differences import by_differences
from experiments.gradients_of_models.losses import through_three_losses
from experiments.gradients_of_models.setting import Config, settings_of
from experiments.gradients_of_models.ways import against_derivation


def run(config: Config, track: Track = untracked) -> Result:
    """Autodiff, central differences and three losses against the derivation by hand."""
    parts = (against_derivation, by_differences, through_three_losses)
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        settings = settings_of(config)
        results = [part(settings, config, track) for part in parts]
    return together(results)


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        data=("Pima",),
        hidden=(3, 2),
        precisions=("float32",),
        rows=100,
        hessian_rows=50,
        confidences=2,
    ),
    full=Config(hidden=(16, 8), hessian_rows=512, confidences=16),
)
