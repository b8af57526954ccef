"""Two small sets of published data on which the maximum of the likelihood lies at infinity.

SEX2: urinary tract infections of 239 women, from B. Foxman et al., Condom use and first-time
urinary tract infection (1997), as distributed with the R package logistf; here counted by pattern.
ENDOMETRIAL: grades of 79 cases of endometrial cancer, from G. Heinze and M. Schemper, A solution to
the problem of separation in logistic regression (2002).

The values are those of logistf, to the digits that it prints: coefficients in the order of the
columns, then the intercept, and ends of penalised profile intervals of confidence 0.95.
"""

import numpy as np

# age, oc, vic, vicl, vis, dia: how many women with, and without an infection
PATTERNS = {
    "000010": (1, 1),
    "001000": (14, 2),
    "001010": (3, 1),
    "001100": (10, 8),
    "001110": (12, 18),
    "001111": (1, 0),
    "010000": (44, 42),
    "010001": (3, 0),
    "010010": (0, 1),
    "011000": (15, 1),
    "011001": (1, 0),
    "011010": (2, 0),
    "011100": (7, 5),
    "011110": (3, 6),
    "101000": (2, 0),
    "101010": (1, 0),
    "101011": (1, 0),
    "101100": (1, 2),
    "101110": (0, 4),
    "101111": (1, 0),
    "110000": (5, 14),
    "110010": (0, 1),
    "111000": (3, 1),
    "111110": (0, 2),
}
ROWS = np.array([[float(digit) for digit in pattern] for pattern in PATTERNS])
COUNTS = np.array(list(PATTERNS.values()), float)


def sex2():
    """Inputs (48, 6), labels and counts."""
    n = len(ROWS)
    labels = np.repeat([1.0, 0.0], n)
    return np.concatenate([ROWS, ROWS]), labels, COUNTS.T.ravel()


SEX2_COEFFICIENTS = [
    *(-1.10598130, -0.06881673, 2.26887464, -2.11140816, -0.78831694, 3.09601166, 0.12025405)
]
SEX2_ENDS = [
    (-1.9737884, -0.30742514),
    (-0.9414363, 0.78920202),
    (1.2730216, 3.43543273),
    (-3.2608611, -1.11773495),
    (-1.6080879, 0.01518468),
    (0.7745682, 8.03029352),
    (-0.8185591, 1.07315122),
]

# grade 0, then 1: pulsatility index and height of the endometrium, without neovascularisation
LOW = """
13 1.64 16 2.26 8 3.14 34 2.68 20 1.28 5 2.31 17 1.80 10 1.68 26 1.56 17 2.31 8 2.01 7 1.89 20 3.15
10 1.23 18 1.27 16 1.76 18 2.00 28 1.50 11 1.33 19 2.37 10 1.82 10 3.13 18 1.31 14 1.92 21 1.64
11 2.01 17 1.88 25 1.93 16 2.11 19 1.29 15 1.72 33 0.75 24 1.92 29 2.02 15 2.29 12 2.33 3 2.90
20 1.70 23 1.41 12 2.25 22 1.54 42 1.97 15 1.75 13 2.16 14 2.57 19 1.37 12 3.61 13 2.04 10 2.17
"""
HIGH = """
8 2.64 29 0.88 12 1.27 20 1.37 7 0.97 48 1.84 12 1.11 19 1.61 2 1.18 21 1.19 15 1.06 12 1.69 6 1.84
5 1.30 17 0.96 5 0.35 33 0.85
"""
# grade 1 with neovascularisation; there is no grade 0 with it
NEW = """
38 0.97 22 1.14 7 0.88 25 0.91 15 0.58 22 1.44 40 1.18 5 0.93 0 1.17 49 0.27 11 1.01 21 0.98 19 1.02
"""


def endometrial():
    """Inputs (79, 3), neovascularisation, pulsatility index, height, and labels, the grades."""
    parts = [np.array(each.split(), float).reshape(-1, 2) for each in (LOW, HIGH, NEW)]
    low, high, new = (len(each) for each in parts)
    first = np.repeat([0.0, 1.0], [low + high, new])
    labels = np.repeat([0.0, 1.0], [low, high + new])
    return np.column_stack([first, np.concatenate(parts)]), labels


ENDOMETRIAL_COEFFICIENTS = [2.92927330, -0.03475175, -2.60416387, 3.77455951]
ENDOMETRIAL_ENDS = [
    (0.6097244, 7.85463171),
    (-0.1244587, 0.04045547),
    (-4.3651832, -1.23272106),
    (1.0825371, 7.20928050),
]
