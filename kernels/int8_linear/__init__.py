"""Matrix products of whole numbers: weights and activations rounded row by row, sums exact."""
