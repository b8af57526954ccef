"""How many units in the last place is the loss off, over every float32 logit there is?

Run:     python -m experiments run exhaustive_float32    half a minute; --config full, ten minutes
Expect:  Value within 3 ulp, gradient within 1, second derivative within 2.5 and third within 5;
         with accuracy="highest" value and gradient within 1 and the second derivative within 2;
         no digit lost between the smallest logit and the largest.

There are 4,278,190,080 finite float32 logits, 255 binades of 2^23 of either sign, few enough to
try them all. Each goes through the public functions, compiled, with labels 0 and 1 and some soft
ones, and each result is held against float64 in units in the last place of the exact result.
The full configuration takes every logit; the default one every 257th.

Where the exact result is no normal float32 (the gradient of a right answer beyond 87, say),
hardware gives 0 or a subnormal number: there a result may be off by the smallest normal number,
2^-126, and no more. The gradient of a soft label crosses 0 where sigmoid(x) = y, and no sum of
float32 terms keeps its last place there. By default its unit is the last place of sigmoid(x) or of
the gradient, whichever is larger; the highest accuracy is held to the last place of the gradient
itself, after an allowance of 2^-44 sigmoid(x).

The oracle is float64 by forms that do not cancel. It is itself held against 120 bits, at the
worst logit of every binade and label.

A sweep can be cut into shards and stopped at any time. With --swept FOLDER each finished binade is
kept, as long as sources and versions stay the same: a second run goes on where the first stopped,
and one without --shard puts the shards together.

    python -m experiments run exhaustive_float32 --config full --shard 0 --shards 2 --swept kept
    python -m experiments run exhaustive_float32 --config full --shard 1 --shards 2 --swept kept
    python -m experiments run exhaustive_float32 --config full --swept kept --record
"""

from experiments import Experiment, Result, Track, untracked
from experiments.exhaustive_float32.findings import tell
from experiments.exhaustive_float32.keeping import kept
from experiments.exhaustive_float32.setting import Config, binades_of
from experiments.exhaustive_float32.sweep import sweep_binade


def run(config: Config, track: Track = untracked) -> Result:
    """Sweep binade after binade, and tell."""
    sweep = kept(sweep_binade, config)
    rows = [row for binade in track(binades_of(config), "binades") for row in sweep(binade, config)]
    return tell(rows, config)


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(stride=100_003, labels=(0.0, 1.0, 0.3)),
    full=Config(stride=1),
)
