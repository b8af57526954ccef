"""Three columns of the Pima data and what statsmodels 0.15.0 makes of them.

Params in the order glucose, bmi, age, intercept. Logit was fitted by Newton to tol 1e-14.
"""

from functools import cache

import numpy as np

from bcejax.data import load_pima
from bcejax.solvers import fit_logistic

BATCH = load_pima().batch
X, Y = BATCH.inputs[:, [1, 5, 7]], BATCH.labels
NAMES = ["glucose", "bmi", "age"]
ERRORS = [0.00332875476766804, 0.01352576736392673, 0.00763226960279455, 0.6660667607349539]
ROBUST = [0.00371503906269652, 0.0147642680283428, 0.00774384592072789, 0.6817263180082076]
CLUSTERS = np.arange(768) // 8
CLUSTERED = [0.00368624505302284, 0.01511588502747398, 0.00793105869625335, 0.7023361962162388]
UNCORRECTED = [0.00365981713519787, 0.01500751421608957, 0.00787419829644955, 0.697300914239017]

# with counts 0, 1, 2, 0, ... and an offset of a tenth of the pregnancies: GLM, freq_weights
COUNTS = (np.arange(768) % 3).astype(float)
OFFSET = 0.1 * BATCH.inputs[:, 0]
COUNTED = [0.00348897427184684, 0.01280606736955706, 0.00795594080101984, 0.6566234132394515]


@cache
def fit():
    """Ours, once for all files."""
    return fit_logistic(X, Y, tol=1e-12)
