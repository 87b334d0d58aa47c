"""Token shift: mixtures of each token with the one before it in its document."""
