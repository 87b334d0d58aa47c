"""LayerNorm over the width of each row."""
