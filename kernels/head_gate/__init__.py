"""What leaves a time mix's heads: normed, with the bonus of the token itself, and gated."""
