import pytest

from experiments import Experiment, Opening, read_opening, untracked

GOOD = """Is it so?

Run:     python -m experiments run it    2 s
Expect:  yes, on
         most days.

First paragraph
of the method.

    indented = formula
"""


def test_the_opening_has_four_parts():
    assert read_opening(GOOD) == Opening(
        "Is it so?",
        "python -m experiments run it 2 s",
        "yes, on most days.",
        ("First paragraph\nof the method.", "    indented = formula"),
    )


def test_the_method_may_be_missing():
    assert read_opening("Is it?\n\nRun: x\nExpect: y").method == ()


@pytest.mark.parametrize(
    "docstring",
    [
        "",
        "No question.\n\nRun: x\nExpect: y",
        "A question?",
        "A question?\n\nRun: x",
        "A question?\n\nExpect: y",
        "A question?\n\nRun: x\nExpect: y\nAnd: z",
    ],
)
def test_another_opening_is_refused(docstring):
    with pytest.raises(ValueError, match="opens with a question"):
        read_opening(docstring)


def test_a_full_configuration_may_be_missing():
    assert Experiment(print, default=1, tiny=2).configs == {"default": 1, "tiny": 2}
    assert Experiment(print, default=1, tiny=2, full=3).configs["full"] == 3


def test_untracked_gives_the_items():
    assert list(untracked(range(3), "numbers")) == [0, 1, 2]
