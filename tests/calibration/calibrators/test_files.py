"""A calibrator comes back from its file bit for bit, or one line says why it does not."""

import json
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.calibration.calibrators.files import CLASSES, HEADER, load_calibrator, save_calibrator
from bcejax.calibration.calibrators.platt import PlattScaling
from bcejax.calibration.calibrators.temperature import TemperatureScaling

Y = np.array([0, 1, 0, 1, 1, 0], np.float32)
X = np.array([-2, -1, 0, 1, 2, 3], np.float32)
OPTIONS = {"CrossVennAbers": {"folds": 2, "fold": np.arange(6) % 2}}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "calibrator.npz"


def bits(fit):
    """A calibrator such as the fit makes, of random bits: nothing is fitted, nothing compiled."""
    rng = np.random.default_rng(0)

    def leaf(each):
        size = each.size * each.dtype.itemsize
        return jnp.asarray(np.frombuffer(rng.bytes(size), each.dtype).reshape(each.shape))

    return jax.tree.map(leaf, jax.eval_shape(fit, Y, X))


@pytest.mark.parametrize("name", CLASSES)
def test_round_trip_is_bit_for_bit(name, path):
    saved = bits(lambda y, x: CLASSES[name].fit(y, logits=x, **OPTIONS.get(name, {})))
    save_calibrator(saved, path)
    loaded = load_calibrator(path)
    assert type(loaded) is CLASSES[name]
    assert jax.tree.structure(loaded) == jax.tree.structure(saved)
    for ours, theirs in zip(jax.tree.leaves(saved), jax.tree.leaves(loaded), strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        assert np.asarray(ours).tobytes() == np.asarray(theirs).tobytes()
    assert list(path.parent.iterdir()) == [path]


def test_many_in_one_record(path):
    def fits(y, x):
        return jax.vmap(lambda w: TemperatureScaling.fit(y, logits=x, weights=w))(jnp.ones((3, 6)))

    save_calibrator(bits(fits), path)
    assert load_calibrator(path).status.shape == (3,)


PLATT = PlattScaling({"slope": jnp.float32(1.5), "intercept": jnp.float32(-0.5)}, jnp.int32(0))


def rewritten(path, change, drop=()):
    """The file with another header, or without some arrays."""
    save_calibrator(PLATT, path)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files if name not in drop}
    arrays[HEADER] = json.dumps({**json.loads(str(arrays[HEADER])), **change})
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("change", "drop", "message"),
    [
        ({"class": "Oracle"}, (), "holds a Oracle, which is not one of AffineScaling,"),
        ({"format": 2}, (), "has format 2, this bcejax reads up to 1: update it"),
        ({}, ("status",), "holds no calibrator, or one that is not whole"),
        ({"options": None}, (), "holds no calibrator, or one that is not whole"),
    ],
)
def test_a_file_that_does_not_fit_is_named(change, drop, message, path):
    rewritten(path, change, drop)
    with pytest.raises(ValueError, match=message):
        load_calibrator(path)


def test_other_files_are_refused_in_one_line(path):
    np.savez(path, x=X)
    with pytest.raises(ValueError, match="holds no calibrator"):
        load_calibrator(path)
    path.write_text("label,prob\n1,0.5\n")
    with pytest.raises(ValueError, match="is not a whole npz archive: File is not a zip file"):
        load_calibrator(path)
    with pytest.raises(FileNotFoundError):
        load_calibrator(path.with_name("absent.npz"))


def test_torn_and_flipped_files_are_refused(path):
    save_calibrator(PLATT, path)
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="is not a whole npz archive") as error:
            load_calibrator(path)
        assert "\n" not in str(error.value)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{HEADER}.npy", b"no array")
    with pytest.raises(ValueError, match=r"holds no calibrator|not a whole npz archive"):
        load_calibrator(path)


def test_float64_is_not_rounded_in_silence(path):
    if jax.config.jax_enable_x64:
        pytest.skip("float64 loads as it is")
    rewritten(path, {}, drop=("status",))
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez(path, **{**arrays, "status": np.int32(0), "params/slope": np.float64(1.5)})
    with pytest.raises(ValueError, match="holds float64 numbers: set JAX_ENABLE_X64=1"):
        load_calibrator(path)


def test_only_calibrators_are_saved(path):
    with pytest.raises(TypeError, match="a dict came; a calibrator of bcejax is needed"):
        save_calibrator({}, path)
    assert not path.exists()
