"""Floor 2: logistic regression to full accuracy, one or a thousand at a time.

``fit_logistic`` is the door, ``inference`` what a fit says of the world, and
``bcejax.solvers.sklearn`` an estimator for scikit-learn.
"""

from bcejax.solvers.engines.elimination import invert_semidefinite
from bcejax.solvers.fitting import fit_logistic
from bcejax.solvers.inference import (
    InformationCriteria,
    Intervals,
    PredictedProbs,
    ProfileIntervals,
    Summary,
    covariance,
    fisher_information,
    information_criteria,
    likelihood_ratio_test,
    predict_probs,
    profile_intervals,
    standard_errors,
    summary,
    wald_intervals,
)
from bcejax.solvers.many.bootstrap import BootstrapFits, bootstrap_logistic
from bcejax.solvers.many.cross_validation import CrossValidation, cross_validate
from bcejax.solvers.many.path import Path, regularisation_path
from bcejax.solvers.many.weighted import weighted_fits
from bcejax.solvers.newton import NewtonFit, minimise_bce
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus
from bcejax.solvers.wording import explain_status

__all__ = [
    "BootstrapFits",
    "CrossValidation",
    "InformationCriteria",
    "Intervals",
    "NewtonFit",
    "Path",
    "PredictedProbs",
    "ProfileIntervals",
    "Solution",
    "SolverStatus",
    "Summary",
    "bootstrap_logistic",
    "covariance",
    "cross_validate",
    "explain_status",
    "fisher_information",
    "fit_logistic",
    "information_criteria",
    "invert_semidefinite",
    "likelihood_ratio_test",
    "minimise_bce",
    "predict_probs",
    "profile_intervals",
    "regularisation_path",
    "standard_errors",
    "summary",
    "wald_intervals",
    "weighted_fits",
]
