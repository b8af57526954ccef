"""What is saved comes back bit for bit; any other file is refused in one line."""

import json

import numpy as np
import pytest

from bcejax.commands.model_file import HEADER, Model, load_model, save_model
from bcejax.data import Standardizer, fit_standardizer
from bcejax.solvers import SolverStatus

RNG = np.random.default_rng(3)
INPUTS = RNG.normal(size=(9, 2)) * [1e-3, 1e5] + [1.0, -3e5]
ROOT = RNG.normal(size=(3, 3))
MODEL = Model(
    features=("dose", "größe <&>"),
    label="ill",
    standardizer=fit_standardizer(INPUTS),
    coefficients=np.array([0.1, -2 / 3]),
    intercept=np.array(1 / 3),
    covariance=ROOT @ ROOT.T,
    l2=0.01,
    status=SolverStatus.MAX_STEPS,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


@pytest.mark.parametrize("model", [MODEL, MODEL._replace(covariance=None, firth=True, l1=0.5)])
def test_a_model_comes_back_bit_for_bit(model, path):
    save_model(model, path)
    again = load_model(path)
    assert again[:2] == model[:2]
    assert again[6:] == model[6:]
    np.testing.assert_array_equal(again.logits(INPUTS), model.logits(INPUTS))
    if model.covariance is None:
        assert again.errors(INPUTS) is None
    else:
        np.testing.assert_array_equal(again.errors(INPUTS), model.errors(INPUTS))


def test_logits_and_errors_are_those_of_the_formula():
    standard = (INPUTS - INPUTS.mean(axis=0)) / INPUTS.std(axis=0)
    np.testing.assert_allclose(MODEL.logits(INPUTS), standard @ [0.1, -2 / 3] + 1 / 3, rtol=1e-9)
    rows = np.column_stack([standard, np.ones(9)])
    variances = [row @ MODEL.covariance @ row for row in rows]
    np.testing.assert_allclose(MODEL.errors(INPUTS), np.sqrt(variances), rtol=1e-9)


def test_errors_of_huge_rows_are_in_proportion():
    plain = MODEL._replace(standardizer=Standardizer(np.zeros(2), np.ones(2)))
    row = np.array([[1e3, -2e3]])
    variance = row[0] @ plain.covariance[:2, :2] @ row[0]
    np.testing.assert_allclose(plain.errors(1e197 * row), 1e197 * np.sqrt(variance), rtol=1e-9)


def test_the_format_is_what_the_docstring_says(path):
    save_model(MODEL, path)
    with np.load(path) as archive:
        about = json.loads(str(archive[HEADER]))
        shapes = {name: archive[name].shape for name in archive.files if name != HEADER}
    assert about == {"format": 1, "features": ["dose", "größe <&>"], "label": "ill", "l2": 0.01,
                     "l1": 0.0, "firth": False, "status": "MAX_STEPS"}  # fmt: skip
    assert shapes == {"coefficients": (2,), "intercept": (), "mean": (2,), "scale": (2,),
                      "covariance": (3, 3)}  # fmt: skip


@pytest.mark.parametrize(
    ("about", "arrays", "message"),
    [
        ({"format": 2}, {}, "has format 2, this bcejax reads up to 1: update it"),
        ({"features": ["dose"]}, {}, "holds no model, or one that is not whole"),
        ({"features": None}, {}, "holds no model, or one that is not whole"),
        ({"status": "GUESSED"}, {}, "holds no model, or one that is not whole"),
        ({}, {"mean": None}, "holds no model, or one that is not whole"),
        ({}, {"covariance": np.eye(2)}, "holds no model, or one that is not whole"),
        ({}, {"scale": np.ones(2, np.float32)}, "holds no model, or one that is not whole"),
    ],
)
def test_a_file_that_does_not_fit_is_named(about, arrays, message, path):
    save_model(MODEL, path)
    with np.load(path) as archive:
        contents = {name: archive[name] for name in archive.files} | arrays
    contents[HEADER] = json.dumps(json.loads(str(contents[HEADER])) | about)
    np.savez(path, **{name: each for name, each in contents.items() if each is not None})
    with pytest.raises(ValueError, match=message):
        load_model(path)


def test_other_and_torn_files_are_refused_in_one_line(path):
    np.savez(path, x=INPUTS)
    with pytest.raises(ValueError, match="holds no model"):
        load_model(path)
    save_model(MODEL, path)
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="is not a whole npz archive") as error:
            load_model(path)
        assert "\n" not in str(error.value)
    with pytest.raises(FileNotFoundError):
        load_model(path.with_name("absent.npz"))
