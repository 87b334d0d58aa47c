"""Judges a checkpoint and its tokenizer before any work, without keeping the weights."""

from dataclasses import dataclass

import torch

from longriver.engine.config import ModelConfig
from longriver.engine.errors import OrderError
from longriver.engine.rwkv7_load import load_rwkv7
from longriver.engine.rwkv7_weights import Rwkv7
from longriver.engine.tokenizer import Tokenizer, load_tokenizer
from longriver.engine.weights import fingerprint


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """sha256 (hex) of the checkpoint file and of the parsed vocabulary."""

    model: str
    tokenizer: str


def judge(order: ModelConfig) -> Fingerprints:
    """Reads the whole checkpoint once.

    Raises:
        WeightsError, TokenizerError, OrderError: whatever would stop the engine from starting.
    """
    model = load_rwkv7(order.path, torch.device("meta"), torch.float32)
    tokenizer = fitting_tokenizer(order, model)
    return Fingerprints(fingerprint(order.path), tokenizer.fingerprint)


def fitting_tokenizer(order: ModelConfig, model: Rwkv7) -> Tokenizer:
    """The tokenizer that was ordered, if it and the prefix token fit the checkpoint."""
    if order.prefix_token >= model.vocab_size:
        raise OrderError(
            f"model.prefix_token={order.prefix_token} is not in the checkpoint's vocabulary of "
            f"{model.vocab_size}; 0 is what RWKV models expect"
        )
    return load_tokenizer(order.tokenizer, vocab_size=model.vocab_size, vocab=order.vocab)
