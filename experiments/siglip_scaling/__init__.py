"""How far does SigLIP's loss go before its matrix of pairs is too large?

Run:     python -m experiments run siglip_scaling    about half a minute on two cores
Expect:  In chunks it goes as far as the embeddings themselves: 4096 images of 512 numbers take a
         tenth of the memory of the whole matrix and a fifth less time or better, 16,384 stay within
         150 MB where torch takes 6 GB. A ring of devices computes the same, and each device sends
         its texts and the sums for them once to each other device.

Every pair of an image and a text is an example of the binary loss, so that n images make a matrix
of n x n logits, one of gradients, and in a library one or two more. The loss in chunks makes some
rows, takes from them what loss and gradients need, and forgets them.

Ours, and the whole matrix by JAX and by torch as big_vision and open_clip write it, compute the
loss and its gradients in images, texts, scale and bias. Each way works in a process of its own and
is blocked while others have their turn. The memory of a way is what XLA says that its program takes
beside arguments and results; for torch, by how much the process grows in the first call, less the
results. Times are medians of calls by turns.

Then the same loss on rings of devices, simulated on the CPU: its difference from one device, and
the bytes that the compiled program sends.

``--config full`` goes to 16,384 images, with torch.compile where there is a compiler, and claims
all that is aimed at in time; the default claims four fifths of it.

Times of one run on one machine; ratios move by a tenth between runs.

Source: X. Zhai, B. Mustafa, A. Kolesnikov and L. Beyer, Sigmoid loss for language image
pre-training (2023).
"""

from experiments import Experiment, Result, Track, Verdict, untracked
from experiments.apart import crew
from experiments.siglip_scaling.findings import (
    answer_of,
    claims_of,
    figure_of,
    figure_of_rings,
    tabulate,
    tabulate_rings,
)
from experiments.siglip_scaling.ring import rings
from experiments.siglip_scaling.settings import COMPILED, TORCH, WHOLE, Config
from experiments.siglip_scaling.turns import race
from experiments.siglip_scaling.ways import ways_here
from experiments.timing import OURS


def run(config: Config, track: Track = untracked) -> Result:
    """All numbers of images, then all rings."""
    with crew(ways_here(config), apart=config.apart) as workers:
        found = [each for images in config.images for each in race(images, workers, config, track)]
    on_rings = rings(config)
    return Result(
        Verdict(claims_of(found, on_rings, config), *answer_of(found, on_rings, config)),
        tables=(tabulate(found), tabulate_rings(on_rings)),
        figures=(figure_of(found), figure_of_rings(on_rings)),
    )


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        images=(48, 96),
        size=8,
        turns=1,
        calls=1,
        ways=(OURS, WHOLE),
        apart=False,
        devices=(1, 2),
        spread=16,
        claimed=0.0,
    ),
    full=Config(
        images=(1024, 2048, 4096, 8192, 16_384),
        turns=7,
        ways=(OURS, WHOLE, TORCH, COMPILED),
        claimed=1.0,
    ),
    alone=True,
)
