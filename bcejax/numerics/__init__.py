"""Floor 0: scalar functions that keep their digits, and checks of labels and probabilities."""

from bcejax.numerics.checks import check_labels, check_probs, is_traced
from bcejax.numerics.chi_square import ChiSquareTest, chi_square_survival
from bcejax.numerics.divergences import kl_term
from bcejax.numerics.exponential import DecayingExponential, decaying_exponential
from bcejax.numerics.extras import require
from bcejax.numerics.gates import (
    absorb,
    ceiling,
    finite,
    inside,
    nearest,
    one_or_nan,
    scalar,
    within,
)
from bcejax.numerics.logistic import (
    Unlikely,
    bernoulli_variance,
    log1p_exp,
    log1p_of_share,
    scaled_logistic,
    sigmoid,
    softplus,
    tanh_half,
    unlikely,
)
from bcejax.numerics.odds import (
    complement_from_log,
    complement_surprisal,
    inverse,
    log_odds,
    odds_from_log,
    surprisal,
)
from bcejax.numerics.pairs import Pair, over, plus, product, quick_sum, times, two_sum, upper_half
from bcejax.numerics.scans import outlive_scans
from bcejax.numerics.twofold import (
    Scaled,
    artanh_rest,
    twofold_log,
    twofold_log1p_exp,
    twofold_unlikely,
)

__all__ = [
    "ChiSquareTest",
    "DecayingExponential",
    "Pair",
    "Scaled",
    "Unlikely",
    "absorb",
    "artanh_rest",
    "bernoulli_variance",
    "ceiling",
    "check_labels",
    "check_probs",
    "chi_square_survival",
    "complement_from_log",
    "complement_surprisal",
    "decaying_exponential",
    "finite",
    "inside",
    "inverse",
    "is_traced",
    "kl_term",
    "log1p_exp",
    "log1p_of_share",
    "log_odds",
    "nearest",
    "odds_from_log",
    "one_or_nan",
    "outlive_scans",
    "over",
    "plus",
    "product",
    "quick_sum",
    "require",
    "scalar",
    "scaled_logistic",
    "sigmoid",
    "softplus",
    "surprisal",
    "tanh_half",
    "times",
    "two_sum",
    "twofold_log",
    "twofold_log1p_exp",
    "twofold_unlikely",
    "unlikely",
    "upper_half",
    "within",
]
