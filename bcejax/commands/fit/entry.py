"""``bcejax fit``: a logistic regression of a table, to its optimum, and what to think of it.

Reads labels and columns of numbers from a CSV or Parquet file, holds rows back, fits the others and
writes into a folder: report.html; table.csv, the coefficients; report.json; calibration.csv, what
the rows held out say of the probabilities, and held_out.csv, these rows' probabilities;
penalties.csv, of a search; the figures as SVG and PNG; model.npz for ``bcejax predict``.

The exit status is 0 where the fit converged; 1 where it did not (separated, singular, ...), and all
is written all the same; 2 where the flags or the file are not in order.
"""

import sys
from collections.abc import Sequence

from rich.console import Console

from bcejax.commands.fit.flags import read_flags
from bcejax.commands.fit.folder import FILES, write_results
from bcejax.commands.fit.learning import learn
from bcejax.commands.folders import folder_for
from bcejax.commands.stages import Stages
from bcejax.plots import house_style
from bcejax.solvers.wording import explain_status


def main(args: Sequence[str]) -> int:
    """Read, fit, judge, draw, write; the exit status."""
    flags = read_flags(args, __doc__ or "")
    with house_style():
        pass  # where matplotlib is missing, say so before any work is done
    console = Console(stderr=True)
    stages = Stages(console)
    with folder_for(flags.out, flags.data, FILES):
        results = learn(flags, stages)
        with stages.stage("wrote", str(flags.out)):
            write_results(flags.out, results)
    print(results.summary)  # as wide as it is: rich would cut numbers in a narrow terminal
    if results.held is not None:
        Console().print(results.held.report)
    print(f"report: {flags.out / 'report.html'}", file=sys.stderr)
    if not results.converged:
        words = f"{results.model.status.name.lower()}: {explain_status(results.model.status)}"
        console.print(words, style="yellow", soft_wrap=True, highlight=False, markup=False)
    return int(not results.converged)
