"""Turns what a user names, in any format, into one dict of tensors under BlinkDL's names."""

from longriver.engine.weights.fingerprint import fingerprint
from longriver.engine.weights.folder import gathered
from longriver.engine.weights.place import DEMO as DEMO
from longriver.engine.weights.place import absolute, locate, pinned, sources
from longriver.engine.weights.read import read_tensors
from longriver.engine.weights.source import Source
from longriver.engine.weights.tensor_file import Tensors as Tensors

__all__ = [
    "Source",
    "absolute",
    "fingerprint",
    "gathered",
    "locate",
    "pinned",
    "read_tensors",
    "sources",
]
