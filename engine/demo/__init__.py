"""The embedded model: a small byte-level RWKV-7 that this project trained, with its recipe."""
