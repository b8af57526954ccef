"""Each library says through its adapter what it says by itself, its faults included."""

import importlib.util
import sys
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.analysis import Subject, find_subject

LOGITS, LABELS = np.float32([-20, -1.5, 0, 3]), np.float32([0, 1, 0.25, 1])
PROBS = np.float32([0.25, 0.5, 0.75, 0.125])
NAMES = [
    ("torch:binary_cross_entropy_with_logits", "logits"),
    ("torch:binary_cross_entropy", "probs"),
    ("keras:binary_crossentropy", "probs"),
    ("keras:binary_crossentropy", "logits"),
    ("numpyro:Bernoulli", "logits"),
    ("numpyro:Bernoulli", "probs"),
    ("distrax:Bernoulli", "logits"),
    ("distrax:Bernoulli", "probs"),
    ("sklearn:HalfBinomialLoss", "logits"),
    ("optax:sigmoid_binary_cross_entropy", "logits"),
    ("bcejax:bce_with_logits", "logits"),
    ("bcejax.losses:bce_with_probs", "probs"),
]


def subject_of(name, form=None, **options):
    library = name.partition(":")[0].partition(".")[0]
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    return find_subject(name, form=form, **options)


def textbook(scores, labels, form):
    """At moderate scores every library is right to some digits."""
    x, y = np.float64(scores), np.float64(labels)
    p = x if form == "probs" else 1 / (1 + np.exp(-x))
    return -y * np.log(p) - (1 - y) * np.log1p(-p)


def derivatives(subject):
    if not subject.jax:
        return [getattr(subject, name) for name in ("gradient", "hessian", "third")]
    found, derived = subject.loss, []
    for _ in range(3):
        found = jax.grad(lambda x, y, f=found: f(x, y).sum())
        derived.append(found)
    return derived


@pytest.mark.parametrize(("name", "form"), NAMES)
def test_it_is_the_binary_cross_entropy(name, form):
    subject = subject_of(name, form)
    assert (subject.name, subject.form) == (name, form)
    scores = PROBS if form == "probs" else LOGITS[1:]
    labels = LABELS[: len(scores)]
    got = np.asarray(subject.loss(scores, labels))
    assert got.shape == scores.shape
    assert got.dtype in (np.float32, np.float64)  # numpyro widens probabilities under x64
    np.testing.assert_allclose(got, textbook(scores, labels, form), rtol=1e-5)


@pytest.mark.parametrize(("name", "form"), NAMES)
def test_the_derivatives_are_those_of_the_loss(name, form):
    subject = subject_of(name, form)
    scores = np.float32([0.25, 0.5, 0.125]) if form == "probs" else np.float32([-1.5, 0.5, 3])
    labels = np.float32([1, 0, 0.25])
    y, x = np.float64(labels), np.float64(scores)
    if form == "probs":
        want = [
            (1 - y) / (1 - x) - y / x,
            (1 - y) / (1 - x) ** 2 + y / x**2,
            2 * (1 - y) / (1 - x) ** 3 - 2 * y / x**3,
        ]
    else:
        p = 1 / (1 + np.exp(-x))
        want = [p - y, p * (1 - p), p * (1 - p) * (1 - 2 * p)]
    for derivative, exact in zip(derivatives(subject), want, strict=True):
        if derivative is not None:
            got = np.asarray(derivative(scores, labels))
            assert got.shape == scores.shape
            np.testing.assert_allclose(got, exact, rtol=1e-4)


@pytest.mark.parametrize("order", range(1, 4))
def test_a_derivative_that_sklearn_lacks_is_none(order):
    found = derivatives(subject_of("sklearn:HalfBinomialLoss"))[order - 1]
    assert (found is None) == (order == 3)


def test_the_label_gradient_of_torch():
    subject = subject_of("torch:binary_cross_entropy_with_logits")
    got = subject.label_gradient(LOGITS, LABELS)
    np.testing.assert_allclose(got, -LOGITS, rtol=1e-6)
    assert subject_of("sklearn:HalfBinomialLoss").label_gradient is None


def test_faults_pass_through():
    """torch's value cancels in the tail of y = 0, Keras clips."""
    assert subject_of("torch:binary_cross_entropy_with_logits").loss(LOGITS[:1], LABELS[:1]) == 0
    clipped = subject_of("keras:binary_crossentropy").loss(np.float32([0]), np.float32([1]))
    np.testing.assert_allclose(clipped, 16.118095)


@pytest.mark.parametrize("dtype", [np.float16, jnp.bfloat16, np.float64])
def test_torch_keeps_the_dtype(dtype):
    subject = subject_of("torch:binary_cross_entropy_with_logits")
    x, y = np.array([0.5, -1]).astype(dtype), np.array([1, 0]).astype(dtype)
    for function in (subject.loss, subject.gradient, subject.hessian):
        assert function(x, y).dtype == dtype


@pytest.mark.parametrize("shapes", [((3, 1), (3,)), ((3,), (3, 1))])
def test_shapes_reach_the_library_as_they_are(shapes):
    x, y = (np.zeros(shape, np.float32) for shape in shapes)
    torch = subject_of("torch:binary_cross_entropy_with_logits")
    with pytest.raises(ValueError, match="Target size"):
        torch.loss(x, y)
    optax = find_subject("optax:sigmoid_binary_cross_entropy")
    assert optax.loss(jnp.array(x), jnp.array(y)).shape == (3, 3)


def test_a_function_of_a_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def loss(labels, probs):\n    return labels - probs\n")
    subject = find_subject(f"{path}:loss", form="probs", order="labels,probs")
    assert subject.loss(1, 5) == 4
    assert subject.form == "probs"


def test_a_file_may_look_itself_up(tmp_path):
    """A dataclass asks sys.modules for the module that it stands in."""
    path = tmp_path / "mine.py"
    path.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Weighted:\n    by: float\n"
        "    def __call__(self, probs, labels):\n        return self.by * (probs - labels)\n"
        "loss = Weighted(2)\n"
    )
    assert find_subject(f"{path}:loss").loss(5, 1) == 8


@pytest.mark.parametrize("order", ["logits,labels", "probs, labels", "scores,labels"])
def test_scores_come_first_unless_told(order):
    subject = find_subject("bcejax:bce_gradient", order=order)
    assert isinstance(subject, Subject)
    assert subject.loss(80.0, 0) == 1


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("bce", {}, "loss 'bce' is not of the form module:function"),
        ("bcejax:", {}, "loss 'bcejax:' is not of the form"),
        ("bcejax:nothing", {}, "bcejax has no function 'nothing'"),
        ("missing.py:loss", {}, "there is no file missing.py"),
        ("torch:mse_loss", {}, "'mse_loss' of torch is not one of binary_cross_entropy_with"),
        ("sklearn:HalfBinomialLoss", {"form": "probs"}, "takes logits, not probs"),
        ("bcejax:bce_gradient", {"form": "odds"}, "form 'odds' is not one of logits, probs"),
        ("bcejax:bce_gradient", {"order": "a,b"}, "order 'a,b' is not 'logits,labels' or"),
        ("bcejax:bce_gradient", {"order": "labels"}, "order 'labels' is not 'logits,labels'"),
        ("torch:binary_cross_entropy", {"order": "labels,probs"}, "order is known for torch"),
    ],
)
def test_bad_names_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        find_subject(name, **options)


def test_a_missing_module_is_named():
    with pytest.raises(ModuleNotFoundError, match="there is no module 'nowhere' to audit"):
        find_subject("nowhere:loss")


def test_what_a_module_of_the_user_lacks_is_told_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "mine_lacks.py").write_text("import nowhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'nowhere'"):
        find_subject("mine_lacks:loss")


@pytest.mark.parametrize("form", ["logits", "probs"])
@pytest.mark.parametrize(
    ("library", "module", "options"),
    [("numpyro", "numpyro.distributions", {"validate_args": False}), ("distrax", "distrax", {})],
)
def test_what_a_distribution_is_given(monkeypatch, library, module, options, form):
    """Where the library is not installed too; of its log_prob the sign is turned."""
    given = {}

    class Bernoulli:
        def __init__(self, **arguments):
            given.update(arguments)

        def log_prob(self, labels):
            given["labels"] = labels
            return -3.0

    monkeypatch.setitem(sys.modules, module, SimpleNamespace(Bernoulli=Bernoulli))
    assert find_subject(f"{library}:Bernoulli", form=form).loss(0.25, 1) == 3
    assert given == {form: 0.25, "labels": 1, **options}


@pytest.mark.parametrize("form", ["logits", "probs"])
def test_what_keras_is_given(monkeypatch, form):
    def binary_crossentropy(target, output, from_logits):
        return target, output, from_logits

    ops = SimpleNamespace(binary_crossentropy=binary_crossentropy)
    backend = SimpleNamespace(backend=lambda: "jax")
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(ops=ops, backend=backend))
    subject = find_subject("keras:binary_crossentropy", form=form)
    assert subject.loss(0.25, 1) == (1, 0.25, form == "logits")


def test_keras_on_another_backend_is_refused(monkeypatch):
    backend = SimpleNamespace(backend=lambda: "tensorflow")
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(backend=backend))
    with pytest.raises(ValueError, match="keras was loaded on tensorflow; set KERAS_BACKEND=jax"):
        find_subject("keras:binary_crossentropy")


def test_a_library_that_is_missing_names_its_extra(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ModuleNotFoundError, match=r"of torch needs torch: pip install 'bcejax\[pe"):
        find_subject("torch:binary_cross_entropy")
