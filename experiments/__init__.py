"""The experiments of bcejax: one file per question."""
