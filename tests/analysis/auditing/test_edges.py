"""What the check of masks says of each way to get them wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax import bce_with_logits
from bcejax.analysis import Subject
from bcejax.analysis.auditing.bench import set_up
from bcejax.analysis.auditing.edges import check_mask
from bcejax.analysis.auditing.records import Status


def deaf(x, y, where=True):
    return bce_with_logits(x, y)


@jax.custom_jvp
def held(x, where):
    return jnp.where(where, x, 0)


@held.defjvp
def _straight_through(primals, tangents):
    return held(*primals), tangents[0]


def leaking(x, y, where=True):
    return bce_with_logits(held(x, where), jnp.where(where, y, 0))


def rescaled(x, y, where=True):
    return bce_with_logits(x, y, where=where) * (jnp.size(where) / jnp.sum(where))


@pytest.mark.parametrize(
    ("loss", "note"),
    [
        (deaf, "nan behind the mask reaches the value"),
        (leaking, "a masked example has a gradient"),
        (rescaled, "the mask changes examples that count"),
    ],
)
def test_each_way_to_miss_a_mask_is_named(loss, note):
    check = check_mask(set_up(Subject("mine", loss), np.dtype(np.float32), (0.0, 1.0)))
    assert (check.status, check.note) == (Status.FAILED, note)


def test_a_function_in_c_that_does_not_tell_takes_no_mask():
    check = check_mask(set_up(Subject("mine", max), np.dtype(np.float32), (0.0, 1.0)))
    assert check.status is Status.NOT_APPLICABLE
