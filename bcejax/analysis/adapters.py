"""Losses of other libraries as a ``Subject``: functions of NumPy or JAX arrays.

    torch:binary_cross_entropy_with_logits    value and, by its own autograd, every derivative
    torch:binary_cross_entropy                the same, on probabilities
    keras:binary_crossentropy                 on its JAX backend; probabilities unless form="logits"
    numpyro:Bernoulli, distrax:Bernoulli      -log_prob; logits unless form="probs"
    sklearn:HalfBinomialLoss                  value, gradient and hessian in closed form
    package.module:function                   any function of JAX arrays, such as
                                              optax:sigmoid_binary_cross_entropy
    path/to/file.py:function                  the same, from a file

A module is looked for where Python looks for it: ``python -m bcejax`` also in the current folder.
Nothing is corrected on the way: what a library refuses raises, and what it gets wrong stays wrong.
"""

import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np

from bcejax.analysis.subjects import Function, Subject, check_form, in_order
from bcejax.numerics import require

PURPOSE = "auditing a loss of {}"


def find_subject(name: str, *, form: str | None = None, order: str | None = None) -> Subject:
    """The loss that a name stands for.

    Args:
        name: a row of the table above: "library:function", "package.module:function" or
            "path/to/file.py:function".
        form: "logits" or "probs", what the loss takes; None for what the table says, logits for
            a function that is not in it.
        order: of the arguments of a function that is not in the table: "logits,labels" (None) or
            "labels,logits".

    Returns:
        The subject, named as asked.

    Raises:
        ValueError: the name is not of this kind, there is no such function in the library or
            file, or it does not take that form.
        ModuleNotFoundError: the library is not installed.

    Example:
        >>> loss = find_subject("optax:sigmoid_binary_cross_entropy").loss
        >>> loss(jnp.zeros(1), jnp.ones(1))
        Array([0.6931472], dtype=float32)
    """
    where, colon, function = name.rpartition(":")
    if not (colon and where and function):
        raise ValueError(f"loss {name!r} is not of the form module:function or file.py:function")
    if form is not None:
        check_form(form)
    if where not in ADAPTERS:
        loss = in_order(_found(where, function), order or "logits,labels")
        return Subject(name, loss, form=form or "logits")
    if order is not None:
        raise ValueError(f"order is known for {where}, got {order!r}")
    adapt, known = ADAPTERS[where]
    if function not in known:
        raise ValueError(
            f"{function!r} of {where} is not one of {', '.join(known)};"
            f" another function goes by its whole module, as in {where}.module:function"
        )
    forms = known[function]
    if form is not None and form not in forms:
        raise ValueError(f"{name} takes {' or '.join(forms)}, not {form}")
    return adapt(function, form or forms[0])._replace(name=name)


def _from_torch(function: str, form: str) -> Subject:
    with _quiet_imports():
        torch = require("torch", extra="peers", purpose=PURPOSE.format("torch"))
    loss = getattr(torch.nn.functional, function)

    def derivative(order: int, of: int = 0) -> Function:
        def take(scores: Any, labels: Any) -> np.ndarray:
            inputs = [_tensor(torch, each) for each in (scores, labels)]
            if order:
                inputs[of].requires_grad_()
            out = loss(*inputs, reduction="none")
            for _ in range(order):
                out = _differentiated(torch, out, inputs[of])
            return _array(torch, out)

        return take

    return Subject(
        function,
        loss=derivative(0),
        gradient=derivative(1),
        hessian=derivative(2),
        third=derivative(3),
        label_gradient=derivative(1, of=1),
        form=form,
        jax=False,
    )


def _differentiated(torch: ModuleType, out: Any, variable: Any) -> Any:
    """The derivative of each of ``out`` in its own entry of ``variable``."""
    if not out.requires_grad:  # constant in the variable, as torch sees it
        return torch.zeros_like(variable)
    return torch.autograd.grad(out.sum(), variable, create_graph=True)[0]


def _tensor(torch: ModuleType, values: Any) -> Any:
    array = np.asarray(values)
    if array.dtype == jnp.bfloat16:
        return torch.tensor(array.astype(np.float32)).to(torch.bfloat16)
    return torch.tensor(array)


def _array(torch: ModuleType, tensor: Any) -> np.ndarray:
    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:
        return np.asarray(tensor.float().numpy().astype(jnp.bfloat16))
    return np.asarray(tensor.numpy())


def _from_keras(function: str, form: str) -> Subject:
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "jax"  # Keras asks once, while it is imported
    with _quiet_imports():
        keras = require("keras", extra="peers", purpose=PURPOSE.format("keras"))
    backend = keras.backend.backend()
    if backend != "jax":
        raise ValueError(f"keras was loaded on {backend}; set KERAS_BACKEND=jax before it is")
    crossentropy = getattr(keras.ops, function)

    def loss(scores: Any, labels: Any) -> Any:
        return crossentropy(labels, scores, from_logits=form == "logits")

    return Subject(function, loss, form=form)


def _from_numpyro(function: str, form: str) -> Subject:
    with _quiet_imports():
        library = require("numpyro.distributions", extra="peers", purpose=PURPOSE.format("numpyro"))
    distribution = getattr(library, function)

    def loss(scores: Any, labels: Any) -> Any:
        # its validation takes no soft labels
        return -distribution(**{form: scores}, validate_args=False).log_prob(labels)

    return Subject(function, loss, form=form)


def _from_distrax(function: str, form: str) -> Subject:
    with _quiet_imports():
        distribution = getattr(
            require("distrax", extra="peers", purpose=PURPOSE.format("distrax")), function
        )

    def loss(scores: Any, labels: Any) -> Any:
        return -distribution(**{form: scores}).log_prob(labels)

    return Subject(function, loss, form=form)


def _from_sklearn(function: str, form: str) -> Subject:
    with _quiet_imports():
        library = require("sklearn._loss", extra="sklearn", purpose=PURPOSE.format("scikit-learn"))
    half = getattr(library, function)()

    def bare(take: Function) -> Function:
        def on_arrays(scores: Any, labels: Any) -> np.ndarray:
            raw, true = np.array(scores, ndmin=1), np.array(labels, ndmin=1)
            return np.reshape(take(true, raw), np.shape(scores) if raw.ndim == 1 else -1)

        return on_arrays

    return Subject(
        function,
        loss=bare(half.loss),
        gradient=bare(half.gradient),
        hessian=bare(lambda true, raw: half.gradient_hessian(true, raw)[1]),
        form=form,
        jax=False,
    )


Adapter = Callable[[str, str], Subject]
ADAPTERS: dict[str, tuple[Adapter, dict[str, tuple[str, ...]]]] = {
    "torch": (
        _from_torch,
        {"binary_cross_entropy_with_logits": ("logits",), "binary_cross_entropy": ("probs",)},
    ),
    "keras": (_from_keras, {"binary_crossentropy": ("probs", "logits")}),
    "numpyro": (_from_numpyro, {"Bernoulli": ("logits", "probs")}),
    "distrax": (_from_distrax, {"Bernoulli": ("logits", "probs")}),
    "sklearn": (_from_sklearn, {"HalfBinomialLoss": ("logits",)}),
}


def _found(where: str, function: str) -> Function:
    """The function of a module or of a file."""
    module = _from_file(Path(where)) if where.endswith(".py") else _from_module(where)
    found = getattr(module, function, None)
    if not callable(found):
        raise ValueError(f"{where} has no function {function!r}")
    return found


def _from_module(name: str) -> ModuleType:
    try:
        with _quiet_imports():
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module is there, but something that it needs is not
        raise ModuleNotFoundError(
            f"there is no module {error.name!r} to audit a loss of; a file's name ends in .py",
            name=error.name,
        ) from None


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(f"_audited_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where a dataclass looks for the module that it stands in
    spec.loader.exec_module(module)
    return module


@contextmanager
def _quiet_imports() -> Iterator[None]:
    """What a library warns of while it is imported says nothing about its loss."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
