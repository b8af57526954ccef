"""Many fits at once: weights, resamples, folds, and grids of penalties."""
