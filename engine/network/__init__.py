"""RWKV 4, 5, 6 and 7 as one network: a skeleton, and for each version its time and channel mix."""

from longriver.engine.network.load import load_network
from longriver.engine.network.network import Hidden, Network, forward, logits, nll
from longriver.engine.version import Version

__all__ = ["Hidden", "Network", "Version", "forward", "load_network", "logits", "nll"]
