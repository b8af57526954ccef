"""Cut data into parts that share no example.

The rows are put into a random order that the seed fixes, and the order is cut at the shares
asked for. A stratified cut does so within each class by itself (labels < 1/2, labels >= 1/2),
so every part keeps the share of positives of the whole, to within one row per class.

The order sorts raw words of PCG64, whose stream NumPy promises never to change (NEP 19), and
not ``Generator.permutation``, whose method it may: a split is the same on every version, on
every machine and in both precisions of JAX.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from bcejax.data.records import Array, Batch, check_batch

Seed = int | jax.Array


class Split(NamedTuple):
    """Two parts of one batch, with no example in common; a pytree.

    Example:
        >>> parts = split(Batch(np.arange(10.0)[:, None], np.array([0, 1] * 5)), validation=0.4)
        >>> parts.train.labels.mean(), parts.validation.labels.mean()
        (np.float64(0.5), np.float64(0.5))
    """

    train: Batch
    validation: Batch


class ThreeWaySplit(NamedTuple):
    """Three parts of one batch, with no example in common; a pytree.

    ``validation`` chooses among models or calibrates the chosen one, ``test`` judges it once.

    Example:
        >>> parts = split_three_ways(Batch(np.arange(20.0)[:, None], np.array([0, 1] * 10)))
        >>> np.intersect1d(parts.train.inputs, parts.test.inputs).size
        0
        >>> [float(part.labels.mean()) for part in parts]
        [0.5, 0.5, 0.5]
    """

    train: Batch
    validation: Batch
    test: Batch


def split(batch: Batch, *, validation: float = 0.2, seed: Seed = 0, stratify: bool = True) -> Split:
    """Hold a random part of a batch back.

    Args:
        batch: inputs (n, ...), labels (n,), weights (n,) or None.
        validation: share of the examples to hold back, in (0, 1).
        seed: a whole number >= 0, or a key of ``jax.random``.
        stratify: cut each class (labels < 1/2, labels >= 1/2) by itself.

    Returns:
        Both parts as NumPy arrays, each in the order of the batch.

    Raises:
        ValueError: the share lies outside (0, 1), a part would be empty or, stratified, would
            hold no row of a class, or the arrays' lengths differ.
        TypeError: the seed is neither a whole number nor a key.

    Example:
        >>> batch = Batch(np.arange(10.0)[:, None], np.array([0, 1] * 5))
        >>> train, held = split(batch, validation=0.4)
        >>> held.labels.tolist(), len(train.labels)
        ([0, 0, 1, 1], 6)
    """
    return Split(*_parts(batch, {"validation": validation}, seed, stratify))


def split_three_ways(
    batch: Batch,
    *,
    validation: float = 0.2,
    test: float = 0.2,
    seed: Seed = 0,
    stratify: bool = True,
) -> ThreeWaySplit:
    """Hold two random parts of a batch back; arguments and errors as in ``split``.

    Example:
        >>> batch = Batch(np.arange(20.0)[:, None], np.array([0, 1] * 10))
        >>> [len(part.labels) for part in split_three_ways(batch)]
        [12, 4, 4]
    """
    return ThreeWaySplit(*_parts(batch, {"validation": validation, "test": test}, seed, stratify))


def split_rows(
    labels: Array, shares: Sequence[float], *, seed: Seed = 0, stratify: bool = True
) -> tuple[np.ndarray, ...]:
    """Row numbers of a partition into parts of the given shares.

    Args:
        labels: (n,), to stratify by.
        shares: share of each part, all > 0, with sum 1; k equal shares give k folds.
        seed: a whole number >= 0, or a key of ``jax.random``.
        stratify: cut each class (labels < 1/2, labels >= 1/2) by itself.

    Returns:
        One ascending array of row numbers per share; each row stands in exactly one.

    Raises:
        ValueError: a share is not positive or they do not sum to 1; a part would be empty or,
            stratified, would hold no row of a class that is there.
        TypeError: the seed is neither a whole number nor a key.

    Example:
        >>> split_rows(np.array([0, 0, 0, 0, 1, 1]), [0.5, 0.5])
        (array([2, 3, 4]), array([0, 1, 5]))
    """
    if min(shares, default=0) <= 0 or not np.isclose(sum(shares), 1):
        raise ValueError(f"shares must be positive and sum to 1, got {tuple(shares)}")
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"labels must be (n,), got {labels.shape}")
    if not labels.size:
        raise ValueError("labels must hold a row at least")
    order = _random_order(len(labels), seed)
    positive = labels[order] >= 0.5
    strata = [order[~positive], order[positive]] if stratify else [order]
    cuts = [_cut(rows, shares, stratify) for rows in strata if rows.size]
    return tuple(np.sort(np.concatenate(part)) for part in zip(*cuts, strict=True))


def _parts(batch: Batch, held: dict[str, float], seed: Seed, stratify: bool) -> tuple[Batch, ...]:
    """The rest and then each held share of a batch; errors name the shares as the caller does."""
    check_batch(batch)
    named = " and ".join(f"{name}={share}" for name, share in held.items())
    rest = 1 - sum(held.values())
    if not (min(held.values()) > 0 and rest > 0):
        raise ValueError(f"{named} must be positive and leave a share to train on")
    parts = split_rows(batch.labels, [rest, *held.values()], seed=seed, stratify=stratify)
    return tuple(_take(batch, rows) for rows in parts)


def _take(batch: Batch, rows: np.ndarray) -> Batch:
    return jax.tree.map(lambda array: np.asarray(array)[rows], batch)


def _cut(rows: np.ndarray, shares: Sequence[float], stratify: bool) -> list[np.ndarray]:
    ends = np.rint(np.cumsum(shares)[:-1] * len(rows)).astype(int)
    parts = np.split(rows, ends)
    for part, share in zip(parts, shares, strict=True):
        if not part.size:
            kind = "rows of one class" if stratify else "rows"
            advice = " or stratify=False" if stratify else ""
            raise ValueError(
                f"a share of {share:g} of {len(rows)} {kind} is no row: take larger shares{advice}"
            )
    return parts


def _random_order(n: int, seed: Seed) -> np.ndarray:
    """A permutation of n rows; ties among 64-bit words keep their order."""
    return np.argsort(np.random.PCG64(_entropy(seed)).random_raw(n), kind="stable")


def _entropy(seed: Seed) -> int | list[int]:
    if isinstance(seed, jax.Array) and jax.dtypes.issubdtype(seed.dtype, jax.dtypes.prng_key):
        return jax.random.key_data(seed).ravel().tolist()
    if isinstance(seed, int | np.integer) and not isinstance(seed, bool) and seed >= 0:
        return int(seed)
    raise TypeError(f"seed must be a whole number >= 0 or a jax.random.key, got {seed!r}")
