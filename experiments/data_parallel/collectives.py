"""What a compiled program sends between devices, read from its text.

A line such as

    %all-reduce.3 = (f32[64]{0}, f32[]) all-reduce(%a, %b), channel_id=1, ...

names the operation and the shapes of its results.  Of n bytes of results, each of D devices sends,
if it sends no more than it must,

    all-reduce       2 n (D - 1) / D          all-gather     n (D - 1) / D
    reduce-scatter     n (D - 1)              others         n
"""

import re
from collections.abc import Iterator
from math import prod
from typing import NamedTuple

_KINDS = ("all-reduce", "all-gather", "reduce-scatter", "collective-permute", "all-to-all")
# Where the operation is in two parts, its end has the shape of the result.
_LINE = re.compile(rf"= (\S.*?) ({'|'.join(_KINDS)})(?:-done)?\(")
_SHAPE = re.compile(r"\b(pred|[a-z]+(\d+))\[([\d,]*)\]")


class Collective(NamedTuple):
    """One operation that all devices take part in."""

    kind: str
    shapes: tuple[tuple[int, ...], ...]
    size: int  # bytes of its results


def collectives_of(text: str) -> Iterator[Collective]:
    """Each of a program, once, however often it runs."""
    for line in text.splitlines():
        if found := _LINE.search(line):
            results, kind = found.groups()
            parts = [(_bytes(bits), _lengths(axes)) for _, bits, axes in _SHAPE.findall(results)]
            size = sum(each * prod(shape) for each, shape in parts)
            yield Collective(kind, tuple(shape for _, shape in parts), size)


def _bytes(bits: str) -> int:
    return int(bits or 8) // 8


def _lengths(axes: str) -> tuple[int, ...]:
    return tuple(int(length) for length in axes.split(",") if length)


def sent(collective: Collective, devices: int) -> float:
    """Bytes that each device sends at least."""
    others = devices - 1
    factor = {
        "all-reduce": 2 * others / devices,
        "all-gather": others / devices,
        "reduce-scatter": others,
    }
    return collective.size * factor.get(collective.kind, 1)
