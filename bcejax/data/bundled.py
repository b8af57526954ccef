"""Three small real sets of binary labels, to try things on.

Two lie beside this file, with their provenance in PROVENANCE.md; the third comes with
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


def _load(file: str, label: str, source: str, notes: str) -> Table:
    with resources.as_file(resources.files("bcejax.data") / file) as path:
        table = load_table(path, label=label)
    return dataclasses.replace(table, source=source, notes=notes)
