"""The machines: each op is a reference that reads like the paper, and fast forms beside it."""
