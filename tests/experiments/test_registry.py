import sys
from pathlib import Path

import pytest

from experiments.flags import read_flags
from experiments.registry import REGISTRY, find, name_of, opening_of

FAKE = ("pack.first_light", "pack.second_wind", "pack.third_rail")


def test_names_are_found_in_the_order_they_are_asked_for_and_once():
    assert find(["third_rail", "first_light", "third_rail"], FAKE) == (FAKE[2], FAKE[0])


def test_all_is_every_one_in_the_order_of_the_registry():
    assert find(["second_wind", "all"], FAKE) == FAKE


@pytest.mark.parametrize("name", ["first_lite", "light"])
def test_a_name_that_is_near_another_is_told_so(name):
    with pytest.raises(
        ValueError, match=rf"no experiment is named '{name}'; there is first_light\Z"
    ):
        find([name], FAKE)


def test_a_name_that_is_near_nothing_is_told_all():
    with pytest.raises(ValueError, match="there is first_light, second_wind, third_rail"):
        find(["%%%"], FAKE)


def test_no_name_is_told_all():
    with pytest.raises(ValueError, match="run takes names of experiments, or all; there are first"):
        find([], FAKE)


def test_an_opening_is_read_without_an_import(fakes, monkeypatch):
    monkeypatch.delitem(sys.modules, "broken_pump", raising=False)  # another test may have run it
    assert opening_of("broken_pump").question == "Does a run that raises leave the others alone?"
    assert "broken_pump" not in sys.modules


def test_a_module_without_a_file_is_named():
    with pytest.raises(ValueError, match=r"the registry names experiments\.nothing, which has no"):
        opening_of("experiments.nothing")


@pytest.mark.parametrize("module", REGISTRY)
def test_each_registered_file_opens_with_its_own_command(module):
    command = f"python -m experiments run {name_of(module)}"
    assert f"{opening_of(module).command} ".startswith(f"{command} ")


@pytest.mark.parametrize("module", REGISTRY)
def test_each_registered_experiment_is_held_up_in_its_own_tests(module):
    tests = Path(__file__).with_name(f"test_{name_of(module)}.py").read_text(encoding="utf-8")
    assert "(hold_up):\n    hold_up()\n" in tests


@pytest.mark.parametrize("module", REGISTRY)
def test_each_registered_experiment_tells_its_flags(module, capsys):
    with pytest.raises(SystemExit) as stopped:
        read_flags([module], ["--help"])
    assert stopped.value.code == 0
    assert "--resume" in capsys.readouterr().out
