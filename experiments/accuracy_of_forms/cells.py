"""The atlas itself: the worst error of each form in each quantity, dtype, label and region."""

import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from bcejax.analysis import Extended, exact_values, ulp_error
from experiments.accuracy_of_forms.forms import QUANTITIES, Form, Found
from experiments.accuracy_of_forms.points import KNOWN, LABELS, REGIONS, Points, points_of


class Cell(NamedTuple):
    """The worst point of one form in one quantity, dtype, label and region."""

    dtype: str
    form: str
    quantity: str
    label: float
    region: str
    error: float  # in ulp of the exact result; inf for nan or a wrong infinity
    logit: float
    got: float
    exact: float


class Sheet(NamedTuple):
    """All that was found in one dtype."""

    dtype: str
    points: Points
    exact: Mapping[str, Extended]  # by quantity
    found: Mapping[str, Found]  # by form, what it offers
    errors: Mapping[str, Found]  # the same in ulp; nan where the form takes no such label

    def cells(self) -> Iterator[Cell]:
        """The worst point of each form in each quantity, label and region."""
        for label, region in itertools.product(LABELS, REGIONS):
            places = self.points.of(label, region)
            for form, errors in self.errors.items():
                for quantity, error in errors.items():
                    if places.size and not np.isnan(error[places[0]]):
                        worst = places[np.argmax(error[places])]
                        yield self.cell(form, quantity, label, region, worst)

    def known(self, form: str, quantity: str, logit: float, label: float) -> Cell:
        """The point at which a fault is known."""
        return self.cell(form, quantity, label, KNOWN, self.points.at(logit, label))

    def cell(self, form: str, quantity: str, label: float, region: str, at: int) -> Cell:
        """One point as a cell."""
        return Cell(
            self.dtype,
            form,
            quantity,
            label,
            region,
            float(self.errors[form][quantity][at]),
            float(self.points.logits[at]),
            float(self.found[form][quantity][at]),
            float(self.exact[quantity].float64()[at]),
        )


def sheet_of(dtype: str, forms: Mapping[str, Form], count: int) -> Sheet:
    """Each form that exists in a dtype against the oracle, at about ``count`` logits a region."""
    points = points_of(dtype, count)
    exact = {name: exact_values(name, points.logits, points.labels) for name in QUANTITIES}
    soft = (points.labels != 0) & (points.labels != 1)
    found, errors = {}, {}
    for name, form in forms.items():
        if dtype not in form.dtypes:
            continue
        found[name] = form(points.logits, points.labels)
        errors[name] = {
            quantity: np.where(soft & (not form.soft), np.nan, ulp_error(got, exact[quantity]))
            for quantity, got in found[name].items()
        }
    return Sheet(dtype, points, exact, found, errors)
