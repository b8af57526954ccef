"""The bundled sets are the ones that their provenance names."""

import gzip
import hashlib
import re
import sys
from importlib import resources

import numpy as np
import pytest
from sklearn import datasets

from bcejax.data import load_breast_cancer, load_digits, load_pima, load_spambase

FOLDER = resources.files("bcejax.data")
PROVENANCE = (FOLDER / "PROVENANCE.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("load", "name", "shape", "positives", "label"),
    [
        (load_pima, "pima", (768, 8), 268, "diabetes"),
        (load_spambase, "spambase", (4597, 57), 1812, "spam"),
        (load_breast_cancer, "breast_cancer", (569, 30), 212, "malignant"),
        (load_digits, "digits_3_8", (357, 64), 174, "is_8"),
    ],
)
def test_shapes_and_counts(load, name, shape, positives, label):
    table = load()
    assert (table.name, table.label) == (name, label)
    assert table.batch.inputs.shape == shape
    assert table.batch.labels.sum() == positives
    assert len(set(table.features)) == len(table.features) == shape[1]
    assert label not in table.features
    assert set(np.unique(table.batch.labels)) == {0, 1}
    assert table.batch.inputs.dtype == table.batch.labels.dtype == np.float64
    assert np.isfinite(table.batch.inputs).all()
    assert table.batch.weights is None


@pytest.mark.parametrize("name", ["pima.csv", "spambase.csv"])
def test_checksums_are_those_of_the_provenance(name):
    packed = FOLDER / f"{name}.gz"
    text = gzip.decompress(packed.read_bytes()) if packed.is_file() else None
    digest = hashlib.sha256(text or (FOLDER / name).read_bytes()).hexdigest()
    assert re.search(rf"{digest}  {re.escape(name)}$", PROVENANCE, re.MULTILINE)


def test_first_and_last_rows_of_pima():
    inputs, labels, _ = load_pima().batch
    assert inputs[0].tolist() == [14, 175, 62, 30, 0, 33.6, 0.212, 38]
    assert (labels[0], len(labels)) == (1, 768)


def test_zeros_of_pima_stand_where_the_notes_say():
    pima = load_pima()
    zeros = (pima.batch.inputs == 0).any(axis=0)
    named = [f for f, zero in zip(pima.features, zeros, strict=True) if zero]
    assert named == ["pregnancies", "glucose", "blood_pressure", "skin_thickness", "insulin", "bmi"]
    for name in named[1:]:
        assert name in pima.notes
        assert name in PROVENANCE
    assert "missing" in pima.notes


def test_sources_name_their_licence():
    assert "public domain" in load_pima().source
    assert "CC BY 4.0" in load_spambase().source
    assert "CC BY 4.0" in load_breast_cancer().source
    assert "CC BY 4.0" in load_digits().source
    assert "public domain" in PROVENANCE
    assert "CC BY 4.0" in PROVENANCE


def test_malignant_is_one_although_it_is_zero_in_scikit_learn():
    bunch = datasets.load_breast_cancer()
    batch = load_breast_cancer().batch
    np.testing.assert_array_equal(batch.labels, 1 - bunch.target)
    np.testing.assert_array_equal(batch.inputs, bunch.data)
    radius = load_breast_cancer().features.index("mean_radius")
    assert (
        batch.inputs[batch.labels == 1, radius].mean()
        > batch.inputs[batch.labels == 0, radius].mean()
    )


def test_digits_are_the_images_of_two_digits_in_their_order():
    bunch = datasets.load_digits()
    table = load_digits(negative=7, positive=1)
    kept = (bunch.target == 7) | (bunch.target == 1)
    images = table.batch.inputs.reshape(-1, 8, 8)
    np.testing.assert_array_equal(images, bunch.images[kept])
    np.testing.assert_array_equal(table.batch.labels, bunch.target[kept] == 1)
    assert (images.min(), images.max()) == (0, 16)
    assert "label 1: the digit is a 1, 0: it is a 7" in table.notes


@pytest.mark.parametrize(("negative", "positive"), [(3, 3), (-1, 8), (3, 10), (3, 2.5)])
def test_two_different_digits_are_wanted(negative, positive):
    with pytest.raises(ValueError, match=f"two digits of 0 to 9, got {negative} and {positive}"):
        load_digits(negative=negative, positive=positive)


@pytest.mark.parametrize("load", [load_breast_cancer, load_digits])
def test_without_scikit_learn(monkeypatch, load):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"needs sklearn: pip install 'bcejax\[sklearn\]'"
    ):
        load()


def test_a_table_is_frozen():
    with pytest.raises(AttributeError):
        load_pima().name = "other"
