import jax
import jax.numpy as jnp
import pytest

from bcejax.commands.platforms import on_device


def test_arrays_are_on_the_device_inside():
    with on_device("cpu") as device:
        assert device.platform == "cpu"
        assert jnp.zeros(2).devices() == {device}


def test_none_leaves_the_choice_to_jax():
    with on_device(None) as device:
        assert device == jax.devices()[0]


@pytest.mark.parametrize("platform", ["gpu", "tpu"])
def test_a_device_that_is_absent_is_told_what_is_there(platform):
    try:
        jax.devices(platform)
    except RuntimeError:
        with (
            pytest.raises(ValueError, match=rf"device {platform} is not here; JAX sees .*\d cpu"),
            on_device(platform),
        ):
            pass
    else:
        pytest.skip(f"this machine has a {platform}")


@pytest.mark.parametrize("platform", [None, "cpu"])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("Unable to initialize backend 'tpu'\nat length"), "Unable to .* 'tpu'"),
        (AssertionError(), "JAX_PLATFORMS is .*, which is not here"),  # no CUDA at all says nothing
    ],
)
def test_where_there_is_no_device_the_reason_is_a_line(platform, error, reason, monkeypatch):
    def devices(platform):
        raise error

    monkeypatch.setattr(jax, "devices", devices)
    with (
        pytest.raises(ValueError, match=rf"\AJAX finds no device: {reason}\Z"),
        on_device(platform),
    ):
        pass
