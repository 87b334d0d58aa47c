"""Products of activations with a matrix."""
