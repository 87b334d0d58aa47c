"""From bytes to token ids, streaming: the vocabularies that RWKV models are trained with."""

from longriver.engine.tokenizer.base import Tokenizer
from longriver.engine.tokenizer.load import load_tokenizer

__all__ = ["Tokenizer", "load_tokenizer"]
