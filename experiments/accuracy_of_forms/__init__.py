"""Which ways of writing the binary cross-entropy are right, and where do the others lose digits?

Run:     python -m experiments run accuracy_of_forms    30 s on two cores
Expect:  Only the closed forms keep value and three derivatives everywhere. A formula that keeps
         the value loses a derivative where autodiff meets 1 - 1; of the libraries, optax, Keras
         and distrax lose the second derivative, torch value and gradient in one tail each,
         numpyro the gradient at 0, scikit-learn the loss of a sure and right answer.

Each form is asked for the value and the first three derivatives in the logit, which JAX takes of
it unless it brings its own, under jit, in four dtypes, for the labels 0, 1 and 0.3, in five
regions of the logit. Each result, rounded once to the logits' dtype, is held against 120-bit
arithmetic on the very logits and labels that the form was given, in units in the last place of
the exact result; 2^24 of them in float32 say that no digit is left.

The regions: a tail begins where 1 - sigmoid(x) has lost half of its digits, |x| = ln(1 / eps) / 2,
and ends before exp(-|x|) is below the smallest normal number; the middle; 0 and its neighbourhood
|x| <= 1/4, down to the square root of the smallest normal number; and for the soft label the
neighbourhood of its minimum sigmoid(x) = y. There the gradient is a difference with a zero, and
what is promised of ours is in units of sigmoid(x):

    float32, float64     value 3, gradient 1, second derivative 2.5, third 5 ulp
        highest          value and gradient 1 (soft label: 2, and of the gradient besides 2^-44
                         sigmoid(x), in float64 2^-96), second derivative 2, third 5 ulp
    bfloat16, float16    0.501 ulp, one rounding

The faults that libraries are known for are claims too: one that does not hold any more is good
news, and its line goes.

Source: M. Maechler, Accurately computing log(1 - exp(-|a|)) (2012), for the cancellations.
"""

from dataclasses import dataclass

import jax

from experiments import Experiment, Result, Track, Verdict, naming, untracked
from experiments.accuracy_of_forms.cells import Cell, Sheet, sheet_of
from experiments.accuracy_of_forms.faults import claims_on, seen
from experiments.accuracy_of_forms.forms import DTYPES, HIGHEST, OURS, Dtype
from experiments.accuracy_of_forms.pages import (
    HARD,
    by_quantity,
    digits_of,
    figures_of,
    tables_of,
    worst_by,
)
from experiments.accuracy_of_forms.peers import PEERS, Peer, forms_with_peers
from experiments.accuracy_of_forms.promises import claims_on_ours


@dataclass(frozen=True)
class Config:
    """What to look at, and how closely."""

    dtypes: tuple[Dtype, ...] = DTYPES
    """Dtypes of logits and labels; figures show the first."""
    peers: tuple[Peer, ...] = PEERS
    """Libraries to ask beside optax; one that is not installed is left out."""
    points: int = 250
    """Logits in each region, for each label."""


def run(config: Config, track: Track = untracked) -> Result:
    """Every form in every dtype against the oracle."""
    forms, missing = forms_with_peers(config.peers)
    with jax.enable_x64(True):
        sheets: dict[str, Sheet] = {
            dtype: sheet_of(dtype, forms, config.points) for dtype in track(config.dtypes, "dtypes")
        }
    cells: dict[str, list[Cell]] = {dtype: list(sheet.cells()) for dtype, sheet in sheets.items()}
    faults = seen(sheets)
    claims = (*claims_on_ours(sheets), *claims_on(faults))
    verdict = Verdict(claims, *answer_of(cells, missing, len(faults)))
    return Result(verdict, tuple(tables_of(cells, faults)), tuple(figures_of(sheets, cells)))


def answer_of(
    cells: dict[str, list[Cell]], missing: list[str], faults: int
) -> tuple[str, tuple[str, ...]]:
    """How far off ours is in the first dtype, and how many others are lost; and the details."""
    dtype, here = next(iter(cells.items()))
    rows = {
        form: {name: error for (group, name), error in row.items() if group == HARD}
        for form, row in worst_by(here, by_quantity).items()
    }
    ours, highest = rows.pop(OURS), rows.pop(HIGHEST)
    half = 2.0 ** (digits_of(dtype) - 1)  # of the result is the error
    lost = {
        quantity: sum(row.get(quantity, 0) >= half for row in rows.values()) for quantity in ours
    }
    answer = (
        f"In {dtype} bcejax's loss is off by at most {ours['value']:.2g} ulp and its gradient by "
        f"{ours['gradient']:.2g}, for labels 0 and 1. Of {len(rows)} other ways {lost['value']} "
        f"lose every digit of the loss somewhere, and {lost['gradient']} of its gradient."
    )
    own, highest_own, lost_by = (
        ", ".join(f"{name} {number:.2g}" for name, number in row.items())
        for row in (ours, highest, lost)
    )
    details = (
        f"Largest errors of bcejax in ulp: {own}; with accuracy='highest' {highest_own}.",
        f"Other ways that lose every digit somewhere: {lost_by}.",
        f"Of the known faults of these ways {faults} were looked for.",
    )
    return answer, details + naming("Not installed here", missing)


EXPERIMENT = Experiment(
    run, default=Config(), tiny=Config(dtypes=("float32",), peers=("scikit-learn",), points=16)
)
