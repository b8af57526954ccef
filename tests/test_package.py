"""What stands in pyproject.toml and what ``import bcejax`` brings along."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import bcejax

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HEAVY = ("flax", "optax", "orbax", "matplotlib", "mpmath", "rich", "tyro", "sklearn", "pyarrow")


def modules_after(statement):
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_import_brings_only_ourselves():
    base, ours = modules_after("import jax, chex"), modules_after("import bcejax")
    extra = {name for name in ours - base if not name.startswith("bcejax")}
    assert len(extra) <= 0.02 * len(base), sorted(extra)
    assert not [name for name in ours if name.split(".")[0] in HEAVY and name not in base]
    assert {n for n in ours if n.startswith("bcejax.")} <= {
        n for n in ours if n.split(".")[1:2] in (["numerics"], ["losses"])
    }


def test_subpackages_load_on_first_use():
    code = "import sys, bcejax\nbcejax.data.Batch\nassert 'bcejax.data' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "training" in dir(bcejax)
    assert "fit_ensemble" in dir(bcejax.training)
    for module in (bcejax, bcejax.training):
        with pytest.raises(AttributeError, match=r"'bcejax.* no attribute 'no_such_name'"):
            _ = module.no_such_name


def test_public_losses():
    promised = {
        *("bce_with_logits", "bce_with_probs", "bce_with_log_probs", "bce_gradient", "bce_hessian"),
        *("bce_value_gradient_hessian", "bernoulli_kl", "bernoulli_entropy", "reduce_losses"),
        *("smooth_labels", "check_labels", "check_probs"),
    }
    assert promised <= set(bcejax.__all__)


def test_core_dependencies_and_the_broken_release():
    names = [need.split(">")[0] for need in PROJECT["dependencies"]]
    assert names == ["jax", "jaxlib", "optax", "flax", "chex"]
    assert all("!=0.10.2" in need for need in PROJECT["dependencies"][:2])
    assert {"plots", "experiments", "notebooks", "peers", "test"} <= set(
        PROJECT["optional-dependencies"]
    )


def test_every_extra_named_in_a_message_exists():
    extras = set(PROJECT["optional-dependencies"])
    for path in [*(ROOT / "bcejax").rglob("*.py"), *(ROOT / "experiments").rglob("*.py")]:
        for part in path.read_text().split('extra="')[1:]:
            assert part.split('"')[0] in extras, path
