import pytest

from experiments.flags import Flags, read_flags
from experiments.registry import load


@pytest.fixture
def gauge(fakes):
    return load("steady_gauge")


def test_an_experiment_alone_takes_the_flags_of_its_configuration(gauge):
    words = ["--readings", "7", "--config", "tiny", "--names", "x", "y", "--record"]
    flags, choose = read_flags(["steady_gauge"], words)
    assert flags == Flags(config="tiny", record=True)
    choice = choose("steady_gauge", gauge)
    assert choice.name == "tiny"
    assert choice.config == type(gauge.tiny)(level=0.5, readings=7, names=("x", "y"))
    assert choice.command == (
        "python -m experiments run steady_gauge --config tiny --readings 7 --names x y"
    )


@pytest.mark.parametrize("name", ["default", "tiny", "full"])
def test_a_configuration_goes_by_its_name(name, gauge):
    for modules in (["steady_gauge"], ["steady_gauge", "tight_bound"]):
        _, choose = read_flags(modules, ["--config", name])
        assert choose("steady_gauge", gauge).config == gauge.configs[name]


def test_without_a_full_configuration_the_default_runs_and_says_so(fakes):
    _, choose = read_flags(["tight_bound"], ["--config", "full", "--device", "cpu"])
    choice = choose("tight_bound", load("tight_bound"))
    assert choice.name == "default"
    assert choice.command == "python -m experiments run tight_bound --device cpu"


@pytest.mark.parametrize(
    ("modules", "words", "message"),
    [
        (["steady_gauge"], ["--reading", "7"], "Unrecognized options: --reading"),
        (["steady_gauge"], ["--readings", "many"], "--readings"),
        (["steady_gauge"], ["--config", "huge"], "huge"),
        (["steady_gauge", "tight_bound"], ["--readings", "7"], "Unrecognized options: --readings"),
        (["steady_gauge"], ["--device", "abacus"], "abacus"),
    ],
)
def test_a_flag_that_is_none_is_refused(modules, words, message, fakes, capsys):
    with pytest.raises(SystemExit) as stopped:
        read_flags(modules, words)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_help_shows_the_question_and_every_flag(fakes, capsys):
    with pytest.raises(SystemExit) as stopped:
        read_flags(["steady_gauge"], ["--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    for word in ("steady gauge", "--readings", "Level that it should read", "--device", "--out"):
        assert word in shown
