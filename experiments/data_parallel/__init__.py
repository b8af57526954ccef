"""Does training on many devices give what one gives, and what does it send between them?

Run:     python -m experiments run data_parallel    about forty seconds on two cores
Expect:  Parameters and losses of one device to 1e-6 on 1, 2, 4 and 8 devices and on 2 processes, of
         which one was killed and the run called again. A step adds up the 4 P bytes of the gradient
         and a few numbers; no batch and no logit leaves its device.

One process with eight simulated devices trains a small network on meshes of 1, 2, 4 and 8 of them;
on eight, the state is also divided, over all and in pairs. Then two processes of four devices each
train together over gloo, with their checkpoint in a folder that both see; the second is killed as
soon as there is one, and both are called again. Each layout is held against a run on one device in
the same process. The calibration state of all examples is summed over the devices by ``psum``.
What a step sends is read from the text of the compiled program; CPUs add up the whole gradient
where GPUs and TPUs give each device its part of the sum.

On several machines, start on each, with its own number:

    python -m experiments run data_parallel --coordinator HOST:PORT --processes N --process-id I
        --checkpoint FOLDER

which trains over all devices of all, goes on from the folder where that was done before, and holds
the outcome against one device. On GPUs add ``--platform cuda``, before it JAX_PLATFORMS=cpu for
the command itself, which leaves the devices to the process that trains.

The paper model of many chips (``paper.py``) rests on published peaks and bandwidths, and on guesses
of what is reached of them, which are fields of the configuration; nothing of it is measured.
"""

from experiments import Experiment, Result, Track, Verdict, untracked
from experiments.data_parallel.crew import run_alone, run_as_one_of_several, run_several
from experiments.data_parallel.findings import (
    answer_of,
    claims_of,
    figure_of,
    tabulate,
    tabulate_paper,
)
from experiments.data_parallel.setting import Config


def run(config: Config, track: Track = untracked) -> Result:
    """One process and several, or this one's part of several."""
    if config.coordinator is not None:
        parts = [run_as_one_of_several]
    else:
        parts = [run_alone] + [run_several] * (config.processes > 1)
    every = [found for part in track(parts, "processes") for found in part(config)]
    return Result(
        Verdict(claims_of(every, config), *answer_of(every, config)),
        tables=(tabulate(every), tabulate_paper(config)),
        figures=(figure_of(every, config),),
    )


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(devices=(2,), processes=1, examples=528, features=24, hidden=(64,), epochs=2),
)
