"""The audit of a loss: what it is asked, how the answers are judged, and the report.

records      Status, Check, Curve, AuditReport: what comes back
points       where a loss is looked at, and what is right there
bench        the loss and its derivatives as functions of arrays, whatever library they are from
judging      errors in ulp, the bounds, and one line on what is wrong
accuracy     value, derivatives, labels of low precision: digits, against the oracle
edges        logit 0, infinities, nan, labels out of range, masks
transforms   forward mode, jit, vmap
calls        dtypes of labels, Python numbers, shapes, no examples, reductions
entry        ``audit`` itself: all of them, one after the other
"""

from bcejax.analysis.auditing.entry import CHECKS, audit
from bcejax.analysis.auditing.records import AuditReport, Check, Curve, Status

__all__ = ["CHECKS", "AuditReport", "Check", "Curve", "Status", "audit"]
