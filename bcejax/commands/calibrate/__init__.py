"""``bcejax calibrate``: predictions in; a report, figures and a calibrator out.

columns      named columns out of a CSV or Parquet file
predictions  labels, scores, weights, groups: checked row by row
stages       what a person sees meanwhile
curves       what the figures show
figures      the figures
pages        the page
folder       all files
entry        ``main``: flags, and one stage after the other
"""

from bcejax.commands.calibrate.entry import main as main  # what bcejax.commands.entry looks for
