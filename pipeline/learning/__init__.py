"""From a codebook and coded comments to a model, its scores and its card."""
