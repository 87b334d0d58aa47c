"""From a network's vectors and states to those of texts."""
