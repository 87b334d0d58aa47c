"""Judges a checkpoint and its tokenizer before any work, without keeping the weights."""

from dataclasses import dataclass

import torch

from longriver.engine.config import ModelConfig
from longriver.engine.errors import OrderError
from longriver.engine.network import load_network
from longriver.engine.tokenizer import Tokenizer, load_tokenizer
from longriver.engine.weights import fingerprint, locate
from longriver.engine.weights.hub import SCHEME


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """sha256 (hex) of the checkpoint file and of the parsed vocabulary."""

    model: str
    tokenizer: str


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """What a job may have to know of the network before it is loaded."""

    width: int
    num_layers: int
    vocab_size: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of a checkpoint that fits."""

    fingerprints: Fingerprints
    shape: NetworkShape


def judge(order: ModelConfig) -> Judged:
    """Reads the whole checkpoint once.

    Raises:
        WeightsError, TokenizerError, OrderError: whatever would stop the engine from starting.
    """
    network = load_network(order, torch.device("meta"), torch.float32)
    tokenizer = fitting_tokenizer(order, network.vocab_size)
    fingerprints = Fingerprints(fingerprint(order), tokenizer.fingerprint)
    shape = NetworkShape(network.width, len(network.layers), network.vocab_size)
    return Judged(fingerprints, shape)


def fitting_tokenizer(order: ModelConfig, vocab_size: int) -> Tokenizer:
    """The tokenizer that was ordered, if it and the prefix token fit the checkpoint."""
    if order.prefix_token >= vocab_size:
        raise OrderError(
            f"model.prefix_token={order.prefix_token} is not in the checkpoint's vocabulary of "
            f"{vocab_size}; 0 is what RWKV models expect"
        )
    place, kind = locate(order.path), order.tokenizer
    return load_tokenizer(
        str(locate(kind, "model.tokenizer")) if kind.startswith(SCHEME) else kind,
        vocab_size=vocab_size,
        vocab=order.vocab,
        beside=place if place.is_dir() else None,
    )
