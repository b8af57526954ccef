"""What do the logits of a large linear head cost, and what is saved without them?

Run:     python -m experiments run memory_of_fusion    half a minute on two cores
Expect:  Fused, value and all gradients take about half the time of optax and torch, and at 20k
         labels a tenth of their memory or less, label matrix counted; beside its gradients the
         fused head takes less than two chunks of 1024 labels, however many labels there are.

A head of 256 features, 2048 examples and 5k or 20k labels, five of them 1 for each example; with
``--config full`` 10k to 200k labels, and 4096 examples with 100k labels, and the aims are claimed
whole. bcejax takes the labels as indices, the others as a matrix of float32.

Every way works in a process of its own, by turns. Its memory is what the process needs at most
during the first call, beyond what it held; for programs of JAX also what XLA says. Gradients are
compared too, the kernel's in 500 columns.

Memory is that of a CPU. On jax 0.10, which stores the losses before it adds them up, the fused head
takes two and a half chunks, so that one claim fails there. Times of one run on one machine; ratios
move by a fifth between runs.
"""

from experiments import Experiment, Result, Track, Verdict, untracked
from experiments.memory_of_fusion.setting import Config
from experiments.memory_of_fusion.standings import (
    answer_of,
    claims_of,
    details_of,
    figures_of,
    tabulate,
)
from experiments.memory_of_fusion.turns import race


def run(config: Config, track: Track = untracked) -> Result:
    """All heads, one after the other."""
    runs = [each for shape in config.shapes for each in race(shape, config, track)]
    return Result(
        Verdict(claims_of(runs, config), answer_of(runs), details_of(runs)),
        tables=(tabulate(runs),),
        figures=figures_of(runs),
    )


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        shapes=((64, 2_000), (64, 4_000)), columns=8, turns=1, calls=1, apart=False, claimed=0.0
    ),
    full=Config(
        shapes=(
            *((2048, labels) for labels in (10_000, 20_000, 50_000, 100_000, 200_000)),
            (4096, 100_000),
        ),
        turns=5,
        judged_from=50_000,
        claimed=1.0,
    ),
    alone=True,
)
