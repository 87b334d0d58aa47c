"""Sums of weighted rows, one for each slot, that do not depend on how the rows were cut."""
