"""Four small real sets of binary labels, to try things on.

Two lie beside this file, with their provenance in PROVENANCE.md; the others come with
scikit-learn.
"""

import dataclasses
from importlib import resources

import numpy as np

from bcejax.data.files import load_table
from bcejax.data.records import Batch, Table
from bcejax.numerics import require

PIMA_SOURCE = (
    "Pima Indians diabetes; National Institute of Diabetes and Digestive and Kidney Diseases; "
    "J. W. Smith et al., Using the ADAP learning algorithm to forecast the onset of diabetes "
    "mellitus (1988); KEEL copy; public domain"
)
PIMA_NOTES = (
    "768 women of Pima heritage, 21 or older. label 1: diabetes within five years of the "
    "examination. A zero in glucose, blood_pressure, skin_thickness, insulin or bmi stands for "
    "a missing value."
)
SPAMBASE_SOURCE = (
    "Spambase; M. Hopkins, E. Reeber, G. Forman, J. Suermondt, Hewlett-Packard Labs (1999); UCI "
    "Machine Learning Repository; KEEL copy, which lacks four duplicate rows of the original "
    "4601; CC BY 4.0"
)
SPAMBASE_NOTES = (
    "4597 e-mails. label 1: spam. word_freq_* and char_freq_* are percentages of the words and "
    "characters of a mail, capital_run_* are lengths of runs of capitals."
)
CANCER_SOURCE = (
    "Breast cancer Wisconsin (diagnostic); W. H. Wolberg, W. N. Street, O. L. Mangasarian "
    "(1995); UCI Machine Learning Repository; scikit-learn's copy; CC BY 4.0"
)
CANCER_NOTES = (
    "569 tumours, measured in images of fine needle aspirates. label 1: malignant, 0: benign; "
    "scikit-learn's own target is the opposite, 1 for benign."
)
DIGITS_SOURCE = (
    "Optical recognition of handwritten digits; E. Alpaydin, C. Kaynak (1998); UCI Machine "
    "Learning Repository; scikit-learn's copy, which is the test part; CC BY 4.0"
)
DIGITS_NOTES = (
    "Images of 8 x 8 pixels, each row after row: how many of 16 points there are ink. label 1: "
    "the digit is a {positive}, 0: it is a {negative}."
)


def load_pima() -> Table:
    """Pima Indians diabetes: 768 women, 8 measurements, 268 with label 1 (diabetes).

    Zeros in glucose, blood_pressure, skin_thickness, insulin and bmi stand for missing values
    and are left as they are. Inputs (768, 8) and labels (768,) are NumPy float64.

    Source: J. W. Smith et al., Using the ADAP learning algorithm to forecast the onset of
    diabetes mellitus (1988); public domain.

    Example:
        >>> pima = load_pima()
        >>> pima.batch.inputs.shape, int(pima.batch.labels.sum()), pima.features[1]
        ((768, 8), 268, 'glucose')
    """
    return _load("pima.csv", "diabetes", PIMA_SOURCE, PIMA_NOTES)


def load_spambase() -> Table:
    """Spambase: 4597 e-mails, 57 frequencies and lengths, 1812 with label 1 (spam).

    Inputs (4597, 57) and labels (4597,) are NumPy float64.

    Source: M. Hopkins, E. Reeber, G. Forman, J. Suermondt, Spambase, UCI Machine Learning
    Repository (1999); CC BY 4.0.

    Example:
        >>> spambase = load_spambase()
        >>> spambase.batch.inputs.shape, int(spambase.batch.labels.sum())
        ((4597, 57), 1812)
    """
    return _load("spambase.csv.gz", "spam", SPAMBASE_SOURCE, SPAMBASE_NOTES)


def load_breast_cancer() -> Table:
    """Breast cancer Wisconsin (diagnostic): 569 tumours, 30 measurements, 212 with label 1.

    Label 1 is **malignant**, what a diagnosis looks for; scikit-learn's own target is the
    opposite, 1 for benign. Inputs (569, 30) and labels (569,) are NumPy float64.

    Raises:
        ModuleNotFoundError: scikit-learn, which brings the data, is not installed.

    Source: W. H. Wolberg, W. N. Street, O. L. Mangasarian, Breast cancer Wisconsin
    (diagnostic), UCI Machine Learning Repository (1995); CC BY 4.0.

    Example:
        >>> cancer = load_breast_cancer()
        >>> cancer.label, int(cancer.batch.labels.sum())
        ('malignant', 212)
    """
    datasets = require("sklearn.datasets", extra="sklearn", purpose="load_breast_cancer")
    bunch = datasets.load_breast_cancer()
    malignant = list(bunch.target_names).index("malignant")
    return Table(
        batch=Batch(bunch.data, (bunch.target == malignant).astype(np.float64)),
        features=tuple(str(name).replace(" ", "_") for name in bunch.feature_names),
        name="breast_cancer",
        label="malignant",
        source=CANCER_SOURCE,
        notes=CANCER_NOTES,
    )


def load_digits(*, negative: int = 3, positive: int = 8) -> Table:
    """Handwritten digits: images of 8 x 8 pixels of two of them, a 3 or an 8.

    Inputs (n, 64) count ink, 0 to 16; ``inputs.reshape(-1, 8, 8)`` are the images. Labels (n,)
    are 1 for the positive digit. Both are NumPy float64; 183 images are a 3 and 174 an 8.

    Args:
        negative: the digit of label 0.
        positive: the digit of label 1.

    Raises:
        ValueError: not two different digits.
        ModuleNotFoundError: scikit-learn, which brings the data, is not installed.

    Source: E. Alpaydin, C. Kaynak, Optical recognition of handwritten digits, UCI Machine Learning
    Repository (1998); CC BY 4.0.

    Example:
        >>> digits = load_digits()
        >>> digits.label, digits.batch.inputs.shape, int(digits.batch.labels.sum())
        ('is_8', (357, 64), 174)
    """
    if negative == positive or not {negative, positive} <= set(range(10)):
        raise ValueError(
            f"negative and positive are two digits of 0 to 9, got {negative} and {positive}"
        )
    datasets = require("sklearn.datasets", extra="sklearn", purpose="load_digits")
    bunch = datasets.load_digits()
    either = np.isin(bunch.target, (negative, positive))
    return Table(
        batch=Batch(bunch.data[either], (bunch.target[either] == positive).astype(np.float64)),
        features=tuple(bunch.feature_names),
        name=f"digits_{negative}_{positive}",
        label=f"is_{positive}",
        source=DIGITS_SOURCE,
        notes=DIGITS_NOTES.format(negative=negative, positive=positive),
    )


def _load(file: str, label: str, source: str, notes: str) -> Table:
    with resources.as_file(resources.files("bcejax.data") / file) as path:
        table = load_table(path, label=label)
    return dataclasses.replace(table, source=source, notes=notes)
