"""What a fitted logistic regression says of the world: errors, intervals, tests, a summary."""

from bcejax.solvers.inference.information import covariance, fisher_information, standard_errors
from bcejax.solvers.inference.intervals import Intervals, wald_intervals
from bcejax.solvers.inference.likelihood_ratio import (
    InformationCriteria,
    information_criteria,
    likelihood_ratio_test,
)
from bcejax.solvers.inference.prediction import PredictedProbs, predict_probs
from bcejax.solvers.inference.profile import ProfileIntervals, profile_intervals
from bcejax.solvers.inference.summaries import Summary, summary

__all__ = [
    "InformationCriteria",
    "Intervals",
    "PredictedProbs",
    "ProfileIntervals",
    "Summary",
    "covariance",
    "fisher_information",
    "information_criteria",
    "likelihood_ratio_test",
    "predict_probs",
    "profile_intervals",
    "standard_errors",
    "summary",
    "wald_intervals",
]
