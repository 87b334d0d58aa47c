"""The reading room: checkpoints, tokenizers, the network, its state, and continuous batching."""
