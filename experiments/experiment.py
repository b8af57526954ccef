"""What an experiment is: a question, configurations, and a pure function from one to a result."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from experiments.outcome import Result

Config = TypeVar("Config")
Item = TypeVar("Item")


class Track(Protocol):
    """How a run shows where it is: it loops over ``track(items, "what they are")``."""

    def __call__(self, items: Sequence[Item], what: str) -> Iterable[Item]:
        """The items, one after the other, each shown as a step when it starts."""


def untracked(items: Sequence[Item], what: str) -> Iterable[Item]:
    """The items as they are: a run that nobody watches."""
    return items


@dataclass(frozen=True)
class Experiment(Generic[Config]):
    """One question and how to answer it; one for each file, by the name ``EXPERIMENT``.

    The file's docstring is its opening (see ``read_opening``).
    """

    run: Callable[[Config, Track], Result]
    default: Config  # sized so that all experiments together take minutes on two cores
    tiny: Config  # seconds: what the tests run, and its claims hold too
    full: Config | None = None  # what a record needs, where the default is too small
    alone: bool = False  # it measures speed: nothing else may run meanwhile

    @property
    def configs(self) -> dict[str, Config]:
        """Each named configuration."""
        named = {"default": self.default, "tiny": self.tiny}
        return named if self.full is None else named | {"full": self.full}


class Opening(NamedTuple):
    """How the file of an experiment begins."""

    question: str
    command: str
    expected: str
    method: tuple[str, ...]  # the paragraphs that follow


def read_opening(docstring: str) -> Opening:
    """Question, command, expected answer and method from an experiment's docstring.

    Args:
        docstring: the question as its first line; a paragraph with a line ``Run:`` and a line
            ``Expect:``, which may continue indented; then any paragraphs.

    Returns:
        The parts, each without its label, on one line; the method's paragraphs as they are.

    Raises:
        ValueError: the question does not end in "?", or a label is missing.
    """
    question, *paragraphs = inspect.cleandoc(docstring).split("\n\n")
    labelled = dict(_labelled(paragraphs[0].splitlines() if paragraphs else []))
    if not question.endswith("?") or labelled.keys() != {"Run", "Expect"}:
        raise ValueError(
            "an experiment's docstring opens with a question?, then 'Run: ' and 'Expect: ';"
            f" this one opens with {docstring[:60]!r}"
        )
    return Opening(_line(question), labelled["Run"], labelled["Expect"], tuple(paragraphs[1:]))


def _labelled(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each ``Label: text`` with the indented lines that continue it."""
    text = "\n".join(lines).replace("\n ", " ")
    for line in text.splitlines():
        label, _, rest = line.partition(":")
        yield label, _line(rest)


def _line(text: str) -> str:
    """The text with every run of white space as one space."""
    return " ".join(text.split())
