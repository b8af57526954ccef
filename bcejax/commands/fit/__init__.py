"""``bcejax fit``: a table of numbers in; a logistic regression, its report and figures out.

flags         what can be asked
rows          features, labels, weights of the file: checked row by row
results       the record of all that was found
learning      the work, one stage after the other
figures       the figures
pages         the page
folder        all files
entry         ``main``
"""

from bcejax.commands.fit.entry import main as main  # what bcejax.commands.entry looks for
