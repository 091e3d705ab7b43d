"""Learning from decisions: what there is to learn, and whether the new model is better."""
