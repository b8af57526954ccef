"""What a compiled program sends between devices, read from its text.

A line such as

    %all-reduce.3 = (f32[64]{0}, f32[]) all-reduce(%a, %b), replica_groups=[4,2]<=[8], ...

names the operation, the shapes of its results, and how many groups of how many devices each there
are.  Of n bytes of results, each of the D devices of a group sends, if no more than it must,

    all-reduce       2 n (D - 1) / D          all-gather, all-to-all     n (D - 1) / D
    reduce-scatter     n (D - 1)              collective-permute         n
"""

import re
from collections.abc import Iterator
from math import prod
from typing import NamedTuple

_KINDS = ("all-reduce", "all-gather", "reduce-scatter", "collective-permute", "all-to-all")
# Where the operation is in two parts, its end has the shape of the result and its start the groups.
_LINE = re.compile(rf"= (\S.*?) ({'|'.join(_KINDS)})(?:\(|-done\((?:[^%]*%([\w.-]+))?)")
_START = re.compile(r"^ *(?:ROOT )?%([\w.-]+) = (.*-start\(.*)", re.MULTILINE)
# 4 groups of 2 are [4,2]<=[8], {{0,1},{2,3},{4,5},{6,7}} or mesh['a'=4,'b'=2] {'b'}.
_GROUP = re.compile(r"replica_groups=(?:\[\d+,(\d+)\]|\{\{([\d,]+)\}|mesh\[(.*?)\] \{(.*?)\})")
_SHAPE = re.compile(r"\b(pred|[a-z]+(\d+))\[([\d,]*)\]")


class Collective(NamedTuple):
    """One operation that all devices take part in."""

    kind: str
    shapes: tuple[tuple[int, ...], ...]
    size: int  # bytes of its results
    group: int = 0  # how many devices take part together; 0 where the text says all


def collectives_of(text: str) -> Iterator[Collective]:
    """Each of a program, once, however often it runs."""
    starts = dict(_START.findall(text))
    for line in text.splitlines():
        if found := _LINE.search(line):
            results, kind, start = found.groups()
            parts = [(_bytes(bits), _lengths(axes)) for _, bits, axes in _SHAPE.findall(results)]
            size = sum(each * prod(shape) for each, shape in parts)
            group = _group(starts.get(start, line))
            yield Collective(kind, tuple(shape for _, shape in parts), size, group)


def _group(line: str) -> int:
    found = _GROUP.search(line)
    if found is None:
        return 0
    number, members, mesh, along = found.groups()
    if mesh is None:
        return int(number) if number else members.count(",") + 1
    lengths = dict(re.findall(r"'(\w+)'=(\d+)", mesh))
    # Of 'a':(2)4 the second number is the part of the axis that takes part.
    axes = re.findall(r"'(\w+)'(?::\(\d+\)(\d+))?", along)
    return prod(int(part or lengths[axis]) for axis, part in axes)


def _bytes(bits: str) -> int:
    return int(bits or 8) // 8


def _lengths(axes: str) -> tuple[int, ...]:
    return tuple(int(length) for length in axes.split(",") if length)


def sent(collective: Collective, devices: int) -> float:
    """Bytes that each of so many devices sends at least."""
    together = collective.group or devices
    others = together - 1
    factor = {
        "all-reduce": 2 * others / together,
        "all-gather": others / together,
        "all-to-all": others / together,
        "reduce-scatter": others,
    }
    return collective.size * factor.get(collective.kind, 1)
