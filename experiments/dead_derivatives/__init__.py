"""From which logit on are the second and third derivatives of a cross-entropy dead?

Run:     python -m experiments run dead_derivatives    30 s on two cores
Expect:  In float32 from 14.6 on through optax, Keras and distrax and from 16.7 on through torch,
         in float64 from 33.3 and 36.8; half of the digits are gone at two thirds of that. A Newton
         step is then infinite or nan. Through bcejax never.

The second derivative is h = s(x) s(-x), the third h (s(-x) - s(x)): both fall like exp(-|x|), and
are normal numbers up to |x| = 87 in float32 and 708 in float64. Autodiff makes them of what the
first derivative left behind, and that is rounded. With S = x + log1p(exp(-x)), as logaddexp has it,

    through S         exp(x - S) (1 - exp(x - S))    0 once S is x:   exp(-x) <= ulp(x) / 2
    through sigmoid   p (1 - p)                      0 once p is 1:   exp(-x) <= eps / 2

                      float32   float64   bfloat16   float16
    through S            14.6      33.3        4.2       6.2
    through sigmoid      16.6      36.7        5.5       7.6

(a library that computes bfloat16 and float16 in float32 and rounds gets 0.7 further).

The forms and libraries are those of accuracy_of_forms. For either label and either sign of the
logit, and for |x| from 1 up, a derivative counts as

    half lost     from where on its relative error is sqrt(eps) or more,
    all lost      from where on it is 1/2 or more: not even the leading digit is right,
    dead          from where on it is exactly 0.

Newton's method divides the gradient by the second derivative. The exact step is 1 + exp(-x) for
label 1 and -(1 + exp(x)) for label 0; what the forms give is infinite where the second derivative
is dead, and nan where the gradient is dead as well. (That an exact step from a sure and wrong logit
is huge is Newton's own trouble, and a damped method's to solve; it needs the digits to do so.)
"""

from dataclasses import dataclass

import jax

from experiments import Experiment, Result, Track, Verdict, naming, untracked
from experiments.accuracy_of_forms.forms import DTYPES, HIGHEST, OPTAX, OURS, Dtype
from experiments.accuracy_of_forms.peers import PEERS, TORCH, Peer, forms_with_peers
from experiments.dead_derivatives.deaths import Death, Scan, first_of, scan
from experiments.dead_derivatives.figures import figures_of
from experiments.dead_derivatives.tables import tables_of
from experiments.dead_derivatives.verdicts import claims_of


@dataclass(frozen=True)
class Config:
    """What to look at, and how closely."""

    dtypes: tuple[Dtype, ...] = DTYPES
    """Dtypes of logits and labels; curves show the first."""
    peers: tuple[Peer, ...] = PEERS
    """Libraries to ask beside optax; one that is not installed is left out."""
    step: float = 0.0625
    """Distance of neighbouring logits up to 64, times 32 beyond."""


def run(config: Config, track: Track = untracked) -> Result:
    """Every form in every dtype, from 1 to the edge."""
    forms, missing = forms_with_peers(config.peers)
    with jax.enable_x64(True):
        scans: dict[str, Scan] = {
            dtype: scan(dtype, forms, config.step) for dtype in track(config.dtypes, "dtypes")
        }
    deaths = [death for each in scans.values() for death in each.deaths()]
    claims = tuple(claims_of(scans, deaths, config.step))
    verdict = Verdict(claims, *answer_of(deaths, config.dtypes[0], missing))
    return Result(verdict, tuple(tables_of(scans, deaths)), tuple(figures_of(scans, deaths)))


def answer_of(deaths: list[Death], dtype: str, missing: list[str]) -> tuple[str, tuple[str, ...]]:
    """Who loses the second derivative in one dtype, and whether ours ever does."""
    here = [death for death in deaths if death.dtype == dtype]
    named = ", ".join(
        f"through {form} from {at:.1f} on"
        for form in (OPTAX, TORCH)
        if (at := first_of(here, dtype, form, "hessian").zero) is not None
    )
    forms = [form for form in dict.fromkeys(d.form for d in here) if form not in (OURS, HIGHEST)]
    kept = [form for form in forms if first_of(here, dtype, form, "hessian").half is None]
    ours = [death for death in deaths if death.form in (OURS, HIGHEST) and death.half is not None]
    never = "never loses" if not ours else f"on {len(ours)} sides loses"
    answer = (
        f"In {dtype} the second derivative is exactly 0 {named}; {len(kept)} of the {len(forms)}"
        f" other forms keep it. bcejax {never} half of the digits of a derivative."
    )
    return answer, naming("Forms that keep it", kept) + naming("Not installed here", missing)


EXPERIMENT = Experiment(
    run, default=Config(), tiny=Config(dtypes=("float32",), peers=("scikit-learn",), step=0.5)
)
