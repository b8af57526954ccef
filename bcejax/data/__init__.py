"""Floor 1: batches of examples, splits, standardisation, files, real sets and known truths.

table = load_pima()                                  # or load_table("my.csv", label="ill")
parts, standardizer = standardize(split(table.batch, validation=0.2, seed=0))
parts.train.inputs, parts.train.labels               # NumPy arrays on the host
"""

from bcejax.data.bundled import load_breast_cancer, load_digits, load_pima, load_spambase
from bcejax.data.files import load_table
from bcejax.data.layouts import CorruptShardError
from bcejax.data.records import Batch, Table
from bcejax.data.shards import Fault, ShardSet, open_shards
from bcejax.data.splitting import Split, ThreeWaySplit, split, split_rows, split_three_ways
from bcejax.data.standardization import Standardizer, fit_standardizer, standardize
from bcejax.data.streams import Piece, Position, read_batches
from bcejax.data.synthetic import (
    Draw,
    NoisyDraw,
    draw_interaction,
    draw_logistic,
    draw_noisy,
    draw_rare,
    draw_separable,
    intercept_for_rate,
)

__all__ = [
    "Batch",
    "CorruptShardError",
    "Draw",
    "Fault",
    "NoisyDraw",
    "Piece",
    "Position",
    "ShardSet",
    "Split",
    "Standardizer",
    "Table",
    "ThreeWaySplit",
    "draw_interaction",
    "draw_logistic",
    "draw_noisy",
    "draw_rare",
    "draw_separable",
    "fit_standardizer",
    "intercept_for_rate",
    "load_breast_cancer",
    "load_digits",
    "load_pima",
    "load_spambase",
    "load_table",
    "open_shards",
    "read_batches",
    "split",
    "split_rows",
    "split_three_ways",
    "standardize",
]
