"""``bcejax calibrate``: predictions in; a report, figures and a calibrator out.

predictions  labels, scores, weights, groups: checked row by row
curves       what the figures show
figures      the figures
pages        the page
folder       all files
entry        ``main``: flags, and one stage after the other
"""

from bcejax.commands.calibrate.entry import main as main  # what bcejax.commands.entry looks for
