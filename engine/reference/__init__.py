"""Every version in float64, a token at a time, as the papers write it: the engine's yardstick."""

from longriver.engine.reference.network import Reference

__all__ = ["Reference"]
