"""A linear layer and the cross-entropy of its logits, without the logits."""

from bcejax.losses.linear_head.operands import Positives
from bcejax.losses.linear_head.reduced import linear_bce

__all__ = ["Positives", "linear_bce"]
