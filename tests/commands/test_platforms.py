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
