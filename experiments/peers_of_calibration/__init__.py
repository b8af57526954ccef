"""Where are other programs for calibration right, where wrong, and does bcejax agree where right?

Run:     python -m experiments run peers_of_calibration    half a minute on two cores
Expect:  Equal to 1e-10 wherever a peer computes what it says; and some twenty small examples on
         which a peer is wrong, while bcejax gives the number that one finds by hand.

Peers that are installed take part, the others are named (the extra "peers" brings all of them):
scikit-learn, torchmetrics, netcal, relplot, uncertainty-calibration, betacal, venn-abers, MAPIE
and model-diagnostics. All is in float64 but where a dtype is the matter.

Exhibits. A few predictions each, on which the right number can be had on paper. Whether a peer is
still wrong is found by running it and is told, not claimed: a new version may have mended it.
Claimed is that bcejax is right.

Agreement. The same examples, overconfident, half of them tied, through a peer and through bcejax.
Optimisers of peers that stop early (Platt in scikit-learn, betacal) are held to 0.005; relplot's
smooth ECE, which takes its bandwidth from a coarse grid, to 0.003.

Edges. Which bin a prediction on an edge belongs to is a convention; that there are three of them
makes three numbers of one set of predictions.
"""

import jax

from experiments import Claim, Experiment, Result, Table, Track, Verdict, untracked
from experiments.peers_of_calibration.agreement import EXACT, Pair, pairs
from experiments.peers_of_calibration.edges import edge_rules
from experiments.peers_of_calibration.faults import Exhibit, show_faults
from experiments.peers_of_calibration.peers import left_out
from experiments.peers_of_calibration.settings import Config


def run(config: Config, track: Track = untracked) -> Result:
    """Exhibits, agreement and edges."""
    with jax.enable_x64(True):
        shown, edges = show_faults(track), edge_rules()
        compared = pairs(config, track)
    return Result(
        Verdict(claims_of(shown, compared), answer_of(shown, compared), left_out()),
        tables=(table_of_exhibits(shown), table_of_pairs(compared), edges),
    )


def claims_of(
    shown: list[tuple[str, Exhibit]], compared: list[tuple[str, Pair]]
) -> tuple[Claim, ...]:
    """We are right, and equal to who is."""
    return (
        Claim(
            "bcejax off what is right, over what rounding or a grid may do",
            max(exhibit.excess for _, exhibit in shown),
            "<=",
            1,
            "times",
        ),
        *(
            Claim(f"{pair.what}: bcejax off {package}", pair.difference, "<=", pair.tolerance)
            for package, pair in compared
        ),
    )


def answer_of(shown: list[tuple[str, Exhibit]], compared: list[tuple[str, Pair]]) -> str:
    """How many faults are still there, and how near the rest is."""
    wrong = [package for package, exhibit in shown if not exhibit.peer_is_right]
    exact = [pair.difference for _, pair in compared if pair.tolerance <= EXACT]
    return (
        f"Of {len(shown)} known faults of other programs {len(wrong)} are still there "
        f"({', '.join(dict.fromkeys(wrong))}), and bcejax has "
        f"{sum(exhibit.excess > 1 for _, exhibit in shown)} of them. {len(exact)} quantities that "
        f"they compute exactly are equal to {max(exact):.1g}."
    )


def table_of_exhibits(shown: list[tuple[str, Exhibit]]) -> Table:
    """The faults."""
    return Table(
        "faults",
        "What peers make of a few examples, and what is right; nothing where they refuse.",
        {
            "peer": [package for package, _ in shown],
            "what": [exhibit.what for _, exhibit in shown],
            "peer gives": [exhibit.given for _, exhibit in shown],
            "bcejax gives": [exhibit.ours for _, exhibit in shown],
            "right": [exhibit.right for _, exhibit in shown],
        },
    )


def table_of_pairs(compared: list[tuple[str, Pair]]) -> Table:
    """What is equal."""
    return Table(
        "agreement",
        "The same examples through a peer and through bcejax.",
        {
            "peer": [package for package, _ in compared],
            "what": [pair.what for _, pair in compared],
            "largest difference": [pair.difference for _, pair in compared],
            "allowed": [pair.tolerance for _, pair in compared],
        },
    )


EXPERIMENT = Experiment(run, default=Config(), tiny=Config(examples=300))
