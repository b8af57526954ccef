"""The same loss as other libraries ship it, as far as they are installed here."""

from collections.abc import Sequence
from typing import Literal, get_args

from bcejax.analysis import Subject, find_subject
from experiments.accuracy_of_forms.forms import (
    DTYPES,
    FORMS,
    HIGHEST,
    OPTAX,
    OURS,
    QUANTITIES,
    Form,
    by_autodiff,
)

TORCH, KERAS, NUMPYRO = "torch", "Keras", "numpyro"
DISTRAX, SCIKIT = "distrax", "scikit-learn"
SUBJECTS = {
    TORCH: ("torch:binary_cross_entropy_with_logits", None),
    KERAS: ("keras:binary_crossentropy", "logits"),
    NUMPYRO: ("numpyro:Bernoulli", "logits"),
    DISTRAX: ("distrax:Bernoulli", "logits"),
    SCIKIT: ("sklearn:HalfBinomialLoss", None),
}
Peer = Literal["torch", "Keras", "numpyro", "distrax", "scikit-learn"]
PEERS: tuple[Peer, ...] = get_args(Peer)
IN_C = ("float32", "float64")  # what scikit-learn is compiled for


def forms_with_peers(names: Sequence[str]) -> tuple[dict[str, Form], list[str]]:
    """Every form, libraries first, and the names of the libraries that are not installed."""
    peers, missing = {}, []
    for name in names:
        subject, form = SUBJECTS[name]
        try:
            peers[name] = form_of(find_subject(subject, form=form))
        except ModuleNotFoundError:
            missing.append(name)
    first = {name: FORMS[name] for name in (OURS, HIGHEST, OPTAX)}
    return first | peers | FORMS, missing


def form_of(subject: Subject) -> Form:
    """A loss with the derivatives that JAX takes of it, or with those that come along."""
    if subject.jax:
        return Form(by_autodiff(subject.loss))
    functions = (subject.loss, subject.gradient, subject.hessian, subject.third)
    offered = {
        name: function
        for name, function in zip(QUANTITIES, functions, strict=True)
        if function is not None
    }
    dtypes = IN_C if subject.name == SUBJECTS[SCIKIT][0] else DTYPES
    return Form(lambda x, y: {name: each(x, y) for name, each in offered.items()}, dtypes)
