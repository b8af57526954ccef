import datetime
import getpass
import json
import platform
import re
import shutil
import subprocess
from pathlib import Path

import jax
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from experiments import environment
from experiments.environment import ROOT, describe_environment


@pytest.fixture
def facts():
    return describe_environment(jax.devices()[0], "python -m experiments run x")


def test_it_names_what_a_repetition_needs(facts):
    assert facts["command"] == "python -m experiments run x"
    assert facts["python"] == platform.python_version()
    assert facts["versions"]["jax"] == jax.__version__
    assert facts["versions"]["numpy"] == np.__version__
    assert facts["x64"] == (jax.numpy.zeros(()).dtype == np.float64)
    assert datetime.datetime.fromisoformat(facts["date"]).tzinfo is not None


def test_it_names_the_linear_algebra_and_its_kernels(facts):
    used = [each for each in threadpool_info() if each["user_api"] == "blas"]
    for each in used:
        assert (each.get("architecture") or each["internal_api"]) in facts["blas"]
    assert bool(used) == bool(facts["blas"])


def test_x64_is_read_when_it_is_asked_for():
    with jax.enable_x64(True):
        assert describe_environment(jax.devices()[0], "")["x64"] is True
    with jax.enable_x64(False):
        assert describe_environment(jax.devices()[0], "")["x64"] is False


def test_it_names_no_host_and_no_path(facts):
    text = json.dumps(facts)
    assert platform.node() not in text
    assert str(Path.home()) not in text
    assert str(ROOT) not in text
    assert f"/{getpass.getuser()}" not in text


def test_it_names_the_commit_of_a_checkout(facts):
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if head.returncode:
        assert "commit" not in facts
    else:
        assert re.fullmatch("[0-9a-f]{40}", facts["commit"])
        assert isinstance(facts["modified"], bool)


def test_outside_of_a_checkout_there_is_no_commit(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    assert "commit" not in describe_environment(jax.devices()[0], "")
    monkeypatch.setenv("PATH", "")  # and no git
    assert "commit" not in describe_environment(jax.devices()[0], "")


def test_a_record_that_was_just_written_is_no_change_of_the_sources(monkeypatch, tmp_path):
    if not shutil.which("git"):
        pytest.skip("there is no git")
    record, source = tmp_path / "experiments" / "records" / "x.json", tmp_path / "source.py"
    record.parent.mkdir(parents=True)
    record.touch()
    source.touch()
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-q", "-m", "x")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    monkeypatch.setattr(environment, "ROOT", tmp_path.resolve())
    for path, modified in ((record, False), (source, True)):
        path.write_text("1")
        assert describe_environment(jax.devices()[0], "")["modified"] is modified
