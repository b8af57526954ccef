"""Calibrators as files: one NumPy archive, no pickle.

The archive holds the arrays of a calibrator under the names of its fields ("status",
"params/slope", "calibrator/params/slope" for one inside another), and under "bcejax_calibrator" a
JSON text: the format's number, the class, and the options that are no arrays.  What is loaded
equals what was saved bit for bit, or there is one line of what is wrong.
"""

import dataclasses
import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.calibration.calibrators.affine import AffineScaling
from bcejax.calibration.calibrators.base import Calibrator
from bcejax.calibration.calibrators.beta import BetaCalibration
from bcejax.calibration.calibrators.histogram import HistogramBinning
from bcejax.calibration.calibrators.isotonic import CentredIsotonicCalibration, IsotonicCalibration
from bcejax.calibration.calibrators.mixture import UniformMixture
from bcejax.calibration.calibrators.platt import PlattScaling
from bcejax.calibration.calibrators.spline import SplineCalibration
from bcejax.calibration.calibrators.temperature import TemperatureScaling
from bcejax.calibration.calibrators.venn_abers import CrossVennAbers, VennAbers

FORMAT = 1
HEADER = "bcejax_calibrator"
CLASSES: dict[str, type[Calibrator]] = {
    each.__name__: each
    for each in (
        AffineScaling,
        BetaCalibration,
        CentredIsotonicCalibration,
        CrossVennAbers,
        HistogramBinning,
        IsotonicCalibration,
        PlattScaling,
        SplineCalibration,
        TemperatureScaling,
        UniformMixture,
        VennAbers,
    )
}


def save_calibrator(calibrator: Calibrator, path: str | os.PathLike[str]) -> None:
    """Write a calibrator to a file.

    Args:
        calibrator: one of this package's, or many in one record.
        path: of the file, by custom "....npz"; one that exists is replaced, once the new one is
            whole.

    Raises:
        TypeError: it is no calibrator of this package.
        OSError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "platt.npz"
        >>> save_calibrator(PlattScaling.fit([0, 1], logits=[-3.0, 3.0]), path)
        >>> load_calibrator(path).probs(logits=jnp.array([-3.0, 3.0])).round(4)
        Array([0.3333, 0.6667], dtype=float32)
    """
    header, arrays = _described(calibrator)
    write_archive(path, {HEADER: json.dumps({"format": FORMAT, **header}), **arrays})


def load_calibrator(path: str | os.PathLike[str]) -> Calibrator:
    """Read a calibrator from a file.

    Args:
        path: of a file that ``save_calibrator`` wrote.

    Returns:
        The calibrator, bit for bit.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is no whole archive, holds no calibrator, one of an unknown class or newer
            format, or float64 numbers, which JAX would round to float32.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "temperature.npz"
        >>> save_calibrator(TemperatureScaling.fit([0, 1, 0, 1], logits=[-4.0, -4, 4, 4]), path)
        >>> load_calibrator(path)(jnp.array([4.0])).round(4)
        Array([0.], dtype=float32)
    """
    path = Path(path)
    arrays = read_archive(path)
    try:
        header = json.loads(str(arrays.pop(HEADER)[()]))
        if header["format"] > FORMAT:
            raise ValueError(
                f"{path} has format {header['format']}, this bcejax reads up to {FORMAT}: update it"
            )
        return _rebuilt(path, header, arrays)
    except (KeyError, TypeError, json.JSONDecodeError):
        raise ValueError(f"{path} holds no calibrator, or one that is not whole") from None


def _described(calibrator: Calibrator) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What the header says of a calibrator, and its arrays by name."""
    name = type(calibrator).__name__
    if CLASSES.get(name) is not type(calibrator):
        raise TypeError(f"a {name} came; a calibrator of bcejax is needed")
    header: dict[str, Any] = {"class": name, "options": {}, "calibrators": {}}
    arrays: dict[str, np.ndarray] = {}
    for field in dataclasses.fields(calibrator):
        value = getattr(calibrator, field.name)
        if field.metadata.get("static"):
            header["options"][field.name] = value
        elif isinstance(value, Calibrator):
            header["calibrators"][field.name], within = _described(value)
            arrays |= {f"{field.name}/{key}": array for key, array in within.items()}
        elif isinstance(value, dict):
            arrays |= {f"{field.name}/{key}": np.asarray(each) for key, each in value.items()}
        else:
            arrays[field.name] = np.asarray(value)
    return header, arrays


def _rebuilt(path: Path, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Calibrator:
    kind = CLASSES.get(header["class"])
    if kind is None:
        raise ValueError(
            f"{path} holds a {header['class']}, which is not one of {', '.join(sorted(CLASSES))}"
        )
    fields: dict[str, Any] = dict(header["options"])
    for name, inner in header["calibrators"].items():
        fields[name] = _rebuilt(path, inner, _within(arrays, name))
    params = _within(arrays, "params")
    fields["params"] = {key: _array(path, each) for key, each in params.items()}
    fields["status"] = _array(path, arrays["status"])
    return kind(**fields)


def _within(arrays: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """The arrays whose names begin with a field's, without it."""
    return {
        key.removeprefix(f"{name}/"): array
        for key, array in arrays.items()
        if key.startswith(f"{name}/")
    }


def _array(path: Path, array: np.ndarray) -> jax.Array:
    if jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
        raise ValueError(f"{path} holds {array.dtype} numbers: set JAX_ENABLE_X64=1 to load them")
    return jnp.asarray(array)


def write_archive(path: str | os.PathLike[str], contents: dict[str, Any]) -> None:
    """Write arrays and texts by name; a reader finds the old file or the new, never half of one.

    Raises:
        OSError: the file cannot be written.
    """
    part = Path(f"{os.fspath(path)}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, **contents)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_archive(path: Path) -> dict[str, np.ndarray]:
    """Every array of an archive.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is no whole archive, or holds a pickle.
    """
    try:
        with zipfile.ZipFile(path):  # np.load would take a lone array or a pickle as well
            archive = np.load(path, allow_pickle=False)
        with archive:
            return {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, EOFError, zlib.error, RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path} is not a whole npz archive: {reason}") from None
