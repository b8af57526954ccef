import dataclasses
import json
import sys

import pytest

from bcejax.commands.drawings import save_with_marks
from bcejax.plots import style
from experiments.registry import REGISTRY, find, load, name_of, opening_of
from experiments.tables import write_table

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


def lay_out(figure, stem):
    figure.draw_without_rendering()
    return stem, stem


@pytest.mark.parametrize("module", REGISTRY)
def test_each_registered_experiment_holds_in_its_tiny_configuration(module, tmp_path, monkeypatch):
    """Figures are laid out, and not written twice: tests/plots/test_style.py does that."""
    monkeypatch.setattr(style, "_save", lay_out)
    experiment = load(module)
    json.dumps(dataclasses.asdict(experiment.default), allow_nan=False)
    result = experiment.run(experiment.tiny, lambda items, what: items)
    assert [claim for claim in result.verdict.claims if not claim.holds] == []
    for table in result.tables:
        write_table(tmp_path, table)
    for figure in result.figures:
        save_with_marks(figure.draw, tmp_path / figure.name, panels=figure.panels)
