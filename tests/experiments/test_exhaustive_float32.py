"""The oracle is held against 120 bits, errors are those put in, no float is missed or met twice."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.analysis import exact_values, ulp_error
from bcejax.losses import bce_with_logits
from experiments import exhaustive_float32 as experiment
from experiments import untracked
from experiments.exhaustive_float32 import EXPERIMENT, keeping, sweep
from experiments.exhaustive_float32.errors import BEYOND, LOST, Found, errors_of, sum_up
from experiments.exhaustive_float32.findings import ORACLE
from experiments.exhaustive_float32.oracle import label_of, right_results
from experiments.exhaustive_float32.setting import (
    BINADES,
    DEFAULT,
    GRADIENT,
    HESSIAN,
    HIGHEST,
    MANTISSAS,
    QUANTITIES,
    VALUE,
    Config,
    Kind,
    bound_of,
    count_logits,
    kinds,
    logits_of,
)
from experiments.exhaustive_float32.sweep import sweep_binade

COARSE = Config(stride=2**20 + 1, labels=(0.0, 0.3), accuracy=(DEFAULT,))
TINY_NORMAL = np.float32(2.0**-126)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("label", [0.0, 1.0, 0.3, 0.5, 0.999, 1e-12])
def test_the_oracle_is_exact_to_a_millionth_of_an_ulp(quantity, label):
    zero = np.float32(label_of(label).zero) if 0 < label < 1 else np.float32(0)
    near = zero + np.float32([0, 1e-7, -1e-7, 1e-6, 1e-4, 0.01, 0.062, 0.063, -0.063, 0.3])
    wide = [logits_of(binade, Config(stride=2**21 + 1))[0] for binade in range(0, BINADES, 3)]
    core = [logits_of(binade, Config(stride=2**18 + 1))[0] for binade in range(97, 134)]
    logits = np.concatenate([near, np.nextafter(near, np.float32(9)), *wide, *core])
    y = np.float32(label)
    right = right_results(quantity, logits, float(y))
    want = exact_values(quantity.split()[0], logits, y)
    assert ulp_error(right, want, np.float32).max() < ORACLE


def errors(kind, got, right, sigmoid=0.5):
    with jax.enable_x64(True):
        right = jnp.asarray(right, jnp.float64)
        return np.asarray(
            errors_of(kind, jnp.asarray(got, jnp.float32), right, jnp.full_like(right, sigmoid))
        )


@pytest.mark.parametrize("scale", [1e-37, 1e-3, 0.5, 1.0, 1.999, 3e38])
def test_errors_are_in_units_of_the_exact_result(scale):
    right = np.float64(np.float32(scale)) * (1 + 2.0**-30)
    unit = np.float64(np.spacing(np.float32(scale)))
    got = np.float32(scale) + np.float32([0, 1, -3]) * np.float32(unit)
    np.testing.assert_allclose(
        errors(Kind(DEFAULT, VALUE, 0.0), got, np.full(3, right)),
        np.abs(got.astype(np.float64) - right) / unit,
        rtol=1e-6,
    )


def test_a_soft_gradient_is_measured_by_its_own_rules():
    eps = 2.0**-24  # ulp of numbers from 1/2 to 1
    got, right = [1e-4, 1e-4], [1e-4 + eps, 1e-4 + 8 * eps]
    larger = errors(Kind(DEFAULT, GRADIENT, 0.3), got, right, sigmoid=0.6)
    np.testing.assert_allclose(larger, [1, 8], rtol=1e-3)
    allowed = 2.0**-44 * 0.5
    slack = errors(Kind(HIGHEST, GRADIENT, 0.3), [0.0, 0.0], [allowed, 2 * allowed])
    assert slack[0] == 0
    assert slack[1] == 2**22  # what remains is half of the result


def test_what_is_no_number_or_too_small_is_told_apart():
    got = np.float32([np.nan, np.inf, 0, 0, TINY_NORMAL, 1, np.nan])
    right = [1.0, 1.0, 0.0, 1e-40, 1e-40, 1e-40, 0.0]
    found = errors(Kind(DEFAULT, VALUE, 0.0), got, right)
    assert found.tolist() == [np.inf, np.inf, BEYOND, BEYOND, BEYOND, LOST, LOST]
    assert sum_up(found) == Found(np.inf, 0, 2, 2, 2, 2)


def test_counts_and_the_worst():
    found = np.array([0.5, 0.6, 1.0, BEYOND, 2.5, 0.1], np.float32)
    assert sum_up(found) == Found(2.5, 4, 5, 3, 1, 0)
    assert sum_up(np.full(3, BEYOND, np.float32)) == Found(0.0, 0, 0, 0, 0, 0)


def test_a_binade_holds_every_float_of_both_signs():
    blocks = logits_of(127, Config(stride=1, block=2**22))
    assert [block.size for block in blocks] == [2**22] * 4
    logits = np.concatenate(blocks)
    assert logits.dtype == np.float32
    assert logits[0] == 1
    assert (np.diff(logits[:MANTISSAS]) == 2.0**-23).all()
    np.testing.assert_array_equal(logits[MANTISSAS:], -logits[:MANTISSAS])


def test_all_binades_are_all_finite_floats():
    config = Config(stride=2**22)
    logits = np.concatenate([block for b in range(BINADES) for block in logits_of(b, config)])
    assert np.isfinite(logits).all()
    assert len(set(logits.view(np.uint32).tolist())) == logits.size == count_logits(config)
    assert count_logits(Config(stride=1)) == 2**32 - 2**24
    last = logits_of(BINADES - 1, Config(stride=1))[-1]
    assert np.finfo(np.float32).max in np.abs(last)


def test_blocks_do_not_change_what_is_found():
    config = dataclasses.replace(COARSE, stride=2**14 + 1)
    parted = dataclasses.replace(config, block=300)
    assert len(logits_of(128, parted)) > 3
    assert sweep_binade(128, parted) == sweep_binade(128, config)


def test_a_worst_logit_shows_its_error_again():
    rows = sweep_binade(128, dataclasses.replace(COARSE, stride=2**12 + 1))
    (row,) = [row for row in rows if row.kind == Kind(DEFAULT, VALUE, 0.3)]
    logit, label = np.float32([row.logit]), np.float32([0.3])
    with jax.enable_x64(False):
        got = jax.jit(bce_with_logits)(logit, label)
    error = ulp_error(np.asarray(got), exact_values("value", logit, label))
    np.testing.assert_allclose(error, row.worst, rtol=1e-5)
    assert row.judged == 2 * len(range(0, MANTISSAS, 2**12 + 1))
    assert row.rounded_wrong > row.beyond_one


def test_eager_results_are_measured_too():
    eager = dataclasses.replace(COARSE, eager=True)
    rows = sweep_binade(127, eager)
    assert [row.kind for row in rows] == kinds(eager)
    assert all(row.worst <= bound_of(row.kind) for row in rows)


def test_a_loss_that_is_off_is_found(monkeypatch):
    right = sweep.function_of

    def worse(accuracy, quantity, *, eager):
        function = right(accuracy, quantity, eager=eager)
        return lambda x, y: function(x, y) * jnp.float32(1 + 2.0**-20)

    monkeypatch.setattr(sweep, "function_of", worse)
    result = EXPERIMENT.run(COARSE, untracked)
    failing = [claim.text for claim in result.verdict.claims if not claim.holds]
    assert len(failing) == len({kind.words for kind in kinds(COARSE)})


def test_a_result_that_is_lost_is_found(monkeypatch):
    def lost(accuracy, quantity, *, eager):
        return lambda x, y: jnp.full_like(x, jnp.nan)

    monkeypatch.setattr(sweep, "function_of", lost)
    result = EXPERIMENT.run(COARSE, untracked)
    assert [claim.text for claim in result.verdict.claims if claim.holds] == [
        "the oracle in float64 at the worst logits of each binade, by 120 bits"
    ]


def test_shards_come_together_through_their_folder(tmp_path, monkeypatch):
    config = dataclasses.replace(COARSE, swept=str(tmp_path))
    whole = EXPERIMENT.run(COARSE, untracked)
    for shard in (0, 1):
        EXPERIMENT.run(dataclasses.replace(config, shard=shard, shards=2), untracked)
    monkeypatch.setattr(experiment, "sweep_binade", pytest.fail)
    together = EXPERIMENT.run(config, untracked)
    assert together.verdict == whole.verdict
    assert together.tables == whole.tables
    (folder,) = tmp_path.iterdir()
    assert len(list(folder.iterdir())) == BINADES


def test_a_sweep_goes_on_where_it_was_stopped(tmp_path):
    config = dataclasses.replace(COARSE, swept=str(tmp_path))
    met = []

    def interrupted(binade, config):
        met.append(binade)
        if len(met) == 3:
            raise KeyboardInterrupt
        return sweep_binade(binade, config)

    with pytest.raises(KeyboardInterrupt):
        [keeping.kept(interrupted, config)(binade, config) for binade in (5, 6, 7)]
    rows = [keeping.kept(interrupted, config)(binade, config) for binade in (5, 6, 7)]
    assert met == [5, 6, 7, 7]
    assert rows[0] == sweep_binade(5, config)


def test_what_was_kept_is_not_taken_for_another_sweep(tmp_path, monkeypatch):
    config = dataclasses.replace(COARSE, swept=str(tmp_path))
    same = dataclasses.replace(config, shard=1, shards=3, block=2**10)
    assert keeping._state(same) == keeping._state(config)
    states = {keeping._state(config), keeping._state(dataclasses.replace(config, stride=3))}
    monkeypatch.setattr(jax, "__version__", "0.0")
    assert len(states | {keeping._state(config)}) == 3


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stride": 0}, "stride 0 and block 262144 must be 1 or more"),
        ({"block": 0}, "stride 257 and block 0 must be 1 or more"),
        ({"shard": 2, "shards": 2}, "shard 2 is not one of 0 to 1"),
        ({"shard": -1}, "shard -1 is not one of 0 to 0"),
    ],
)
def test_a_configuration_that_makes_no_sweep_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Config(**fields)


def test_bounds_are_the_promised_ones():
    both = dataclasses.replace(COARSE, accuracy=(DEFAULT, HIGHEST))
    bounds = {(kind.accuracy, kind.words): bound_of(kind) for kind in kinds(both)}
    assert bounds == {
        (DEFAULT, "value"): 3,
        (DEFAULT, "value (soft labels)"): 3,
        (DEFAULT, "gradient"): 2,
        (DEFAULT, "gradient (soft labels)"): 1,
        (DEFAULT, HESSIAN): 3.5,
        (DEFAULT, "third derivative"): 7,
        (HIGHEST, "value"): 1,
        (HIGHEST, "value (soft labels)"): 2,
        (HIGHEST, "gradient"): 1,
        (HIGHEST, "gradient (soft labels)"): 2,
        (HIGHEST, HESSIAN): 2,
    }
