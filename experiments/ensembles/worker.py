"""A process that trains the networks, and times a way when asked to.

    python -m experiments.ensembles.worker CONFIG

CONFIG is JSON.  It answers a line of JSON, a way and a number of seconds, with another: the times
of as many calls as fit, one at least, and what the last one found.  Between answers it is blocked
and takes nothing from the others.
"""

import functools
import json
import os
import sys
from collections.abc import Iterable, Iterator

from experiments.ensembles.settings import Config
from experiments.ensembles.ways import Call, way_of
from experiments.timing import timed


def answer(call: Call, seconds: float) -> tuple[list[float], list[float]]:
    """Times of calls for so long, and the answer of the last."""
    times: list[float] = []
    while not times or sum(times) < seconds:
        spent, found = timed(call)
        times.append(spent)
    return times, [float(each) for each in found]


def serve(config: Config, requests: Iterable[str]) -> Iterator[str]:
    """An answer to each request."""
    kept = functools.cache(lambda way: way_of(way, config))
    for line in requests:
        way, seconds = json.loads(line)
        yield json.dumps(answer(kept(way), seconds))


if __name__ == "__main__":
    # what others print must not come between the answers
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for each in serve(Config(**json.loads(sys.argv[1])), sys.stdin):
        print(each, file=answers, flush=True)
