"""Faults that are known, each at the point where it is plain to see."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from experiments import Claim
from experiments.accuracy_of_forms.cells import Cell, Sheet
from experiments.accuracy_of_forms.forms import (
    CLIPPED,
    LOG1P_WITHOUT,
    LOG_EXP,
    LOG_P,
    LOG_P_EPS,
    LOG_SIGMOID,
    NUMPYRO_FORMULA,
    ONE_WHERE,
    OPTAX,
    SOFTPLUS,
    TENSORFLOW,
    TWO_TERMS,
    XGBOOST,
)
from experiments.accuracy_of_forms.peers import DISTRAX, KERAS, NUMPYRO, SCIKIT, TORCH


class Fault(NamedTuple):
    """What a form is known to lose, and where."""

    form: str
    quantity: str
    logit: float
    label: float
    why: str
    dtype: str = "float32"
    least: float = 1.0  # the relative error that is known, at least


LOGADDEXP = "autodiff of logaddexp subtracts 1 from 1"
ABSOLUTE = "the derivative of |x| at 0 is 1 in JAX"
COMPLEMENT = "1 - p is rounded to 0"
FAULTS = (
    Fault(OPTAX, "hessian", 20, 0, LOGADDEXP),
    Fault(KERAS, "hessian", 20, 0, LOGADDEXP),
    Fault(DISTRAX, "hessian", 20, 0, LOGADDEXP),
    Fault(TORCH, "value", -20, 0, "a logit and log_sigmoid cancel"),
    Fault(TORCH, "gradient", 20, 1, "sigmoid(x) - y cancels"),
    Fault(TORCH, "hessian", 20, 0, COMPLEMENT),
    Fault(NUMPYRO, "gradient", 0, 0, ABSOLUTE),
    Fault(NUMPYRO, "gradient", 0, 1, ABSOLUTE),
    Fault(SCIKIT, "value", 40, 1, "softplus(x) and x y cancel", "float64"),
    Fault(XGBOOST, "gradient", 20, 1, "p - y cancels"),
    Fault(XGBOOST, "hessian", 80, 0, "a floor of 1e-16 stands under it"),
    Fault(TENSORFLOW, "gradient", 20, 1, "1 - e / (1 + e) - y cancels"),
    Fault(NUMPYRO_FORMULA, "gradient", 0, 0, ABSOLUTE),
    Fault(TWO_TERMS, "gradient", 0, 0, ABSOLUTE),
    Fault(LOG1P_WITHOUT, "value", -20, 0, "1 + e is rounded to 1"),
    Fault(ONE_WHERE, "gradient", 100, 0, "0 times inf in the branch that is not taken"),
    Fault(LOG_SIGMOID, "value", -20, 0, "a logit and log_sigmoid cancel"),
    Fault(SOFTPLUS, "value", 20, 1, "softplus(x) and x y cancel"),
    Fault(LOG_EXP, "value", 100, 0, "exp(x) overflows"),
    Fault(LOG_EXP, "value", -20, 0, "1 + exp(x) is rounded to 1"),
    Fault(CLIPPED, "value", -30, 1, "no loss is above -ln 1e-7", least=0.4),
    Fault(CLIPPED, "gradient", -30, 1, "the clip is flat"),
    Fault(LOG_P_EPS, "gradient", -30, 1, "1e-7 outweighs p", least=0.999),
    Fault(LOG_P, "value", 20, 0, COMPLEMENT),
    Fault(LOG_P, "gradient", 20, 0, COMPLEMENT),
)


def seen(sheets: Mapping[str, Sheet]) -> list[tuple[Fault, Cell]]:
    """Each fault of a form and dtype that are looked at, and what came there."""
    return [
        (fault, sheets[fault.dtype].known(fault.form, fault.quantity, fault.logit, fault.label))
        for fault in FAULTS
        if fault.dtype in sheets and fault.form in sheets[fault.dtype].found
    ]


def claims_on(faults: list[tuple[Fault, Cell]]) -> Iterator[Claim]:
    """That each of them is still there."""
    for fault, cell in faults:
        text = f"{fault.form}: relative error of its {fault.quantity} in {fault.dtype} at logit"
        text += f" {fault.logit:g}, label {fault.label:g}"
        yield Claim(text, relative_error(cell), ">=", fault.least)


def relative_error(cell: Cell) -> float:
    """Infinite for nan."""
    off = abs(cell.got / cell.exact - 1)
    return math.inf if math.isnan(off) else off
