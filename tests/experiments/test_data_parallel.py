import dataclasses
import json
import subprocess
import sys
import time

import numpy as np
import pytest

from experiments.collectives import Collective
from experiments.data_parallel import EXPERIMENT, crew, findings
from experiments.data_parallel.found import Found
from experiments.data_parallel.paper import step_of
from experiments.data_parallel.setting import CHIPS, Config, Layout, layouts_of
from experiments.flags import read_flags

TINY = EXPERIMENT.tiny
MODULE = "experiments.data_parallel"


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_two_processes_of_which_one_is_killed_end_as_one_device_does():
    """Real processes on loopback, each with devices of its own; both are called again."""
    config = dataclasses.replace(TINY, processes=2, local_devices=4, patience=120)
    (found,) = crew.run_several(config)
    assert found.processes == 2
    assert found.layout == Layout(2, 4)
    assert found.epochs > config.epochs  # it went on from where the killed run had come to
    assert max(found.off_params, found.off_losses) <= 1e-6
    assert not findings.foreign(found, config)


def test_a_worker_ends_with_its_parent():
    code = """
from experiments.data_parallel import EXPERIMENT, crew
with crew.crew([EXPERIMENT.tiny], 1) as (worker,):
    print(worker.process.pid, flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=crew.ROOT
    ) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    end = time.monotonic() + 30
    while alive(pid):
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_worker_that_fails_is_heard():
    config = dataclasses.replace(TINY, devices=(1,), examples=-1)
    with pytest.raises(RuntimeError, match=r"(?s)ended with status 1.*negative dimensions"):
        crew.run_alone(config)


def test_a_coordinator_makes_this_process_one_of_several(monkeypatch):
    words = ["--coordinator", "10.0.0.1:1234", "--processes", "16", "--process-id", "3"]
    _, choose = read_flags([MODULE], [*words, "--checkpoint", "there", "--platform", "cuda"])
    config = choose("data_parallel", EXPERIMENT).config
    started = []

    class Worker:
        def __init__(self, config, devices, folder):
            started.append(config)

        def found(self, patience):
            return [fake()]

        def end(self):
            pass

    monkeypatch.setattr(crew, "Worker", Worker)
    assert EXPERIMENT.run(config, lambda items, what: items).verdict.holds
    (asked,) = started
    assert asked == config
    assert (asked.coordinator, asked.processes, asked.process_id) == ("10.0.0.1:1234", 16, 3)
    assert (asked.checkpoint, asked.platform) == ("there", "cuda")
    assert Config(**json.loads(json.dumps(dataclasses.asdict(asked)))).process_id == 3


def test_layouts_are_those_of_the_devices():
    names = [layout.name for layout in layouts_of(Config())]
    assert names == ["1 data", "2 data", "4 data", "8 data", "8 params", "4 data x 2 params"]
    assert [layout.devices for layout in layouts_of(Config())] == [1, 2, 4, 8, 8, 8]
    assert [layout.name for layout in layouts_of(Config(devices=(2,)))] == ["2 data", "2 params"]


EIGHT = Layout(8)


def fake(layout=EIGHT, collectives=None, **numbers):
    """A run of a model of ten parameters."""
    whole = [Collective("all-reduce", ((10,), ()), 44)]
    numbers = {"off_params": 1e-8, "off_losses": 1e-8, "off_calibration": 0.0} | numbers
    collectives = whole if collectives is None else collectives
    return Found(layout, 1, 2, 10, **numbers, loss=0.5, collectives=collectives)


@pytest.mark.parametrize(
    ("found", "failing"),
    [
        (fake(), 0),
        (fake(off_params=1e-5), 1),
        (fake(off_losses=np.nan), 1),
        (fake(off_calibration=np.nan), 1),
        (fake(collectives=[Collective("all-reduce", ((9,),), 36)]), 1),
        (fake(collectives=[Collective("all-reduce", ((100,),), 400)]), 1),
        (fake(collectives=[Collective("all-gather", ((10,),), 40)]), 2),
        (fake(collectives=[*fake().collectives, Collective("all-gather", ((33, 24),), 1)]), 2),
        (fake(Layout(0, 8), [Collective("all-gather", ((24, 64),), 6144)]), 0),
        (fake(Layout(0, 8), [Collective("all-gather", ((264,),), 1056)]), 1),
    ],
)
def test_claims_follow_what_was_found(found, failing):
    claims = findings.claims_of([fake(Layout(1), []), found], Config())
    assert sum(not claim.holds for claim in claims) == failing


def test_paper_adds_up_by_hand():
    config = Config()
    step = step_of("H100", 256, 1e9, 1024, config)
    assert step.compute == pytest.approx(6e9 * 1024 / (0.4 * 989e12))
    bandwidth = 2 * 7 / 8 * 4e9 / 450e9 + 2 * 31 / 32 * 0.5e9 / 50e9
    assert step.reduce == pytest.approx(bandwidth + 2 * (3 * 1e-6 + 5 * 10e-6))
    one = step_of("H100", 1, 1e9, 1024, config)
    assert (one.reduce, one.efficiency) == (0, 1)
    for chip in CHIPS:
        steps = [step_of(chip, n, 1e9, 1024, config) for n in (2, 256, 4096)]
        assert steps[0].efficiency > steps[1].efficiency > steps[2].efficiency


def test_tables_hold_a_line_for_each():
    every = [fake(Layout(1), []), fake()]
    columns = findings.tabulate(every).columns
    assert columns["mesh"] == ["1 data", "8 data"]
    assert columns["sent per device (bytes)"] == [0, 77]
    assert len(findings.tabulate_paper(Config()).columns["chip"]) == 8
    assert "8 data 44" in findings.figure_of(every, Config()).alt
