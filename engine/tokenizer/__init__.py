"""From bytes to token ids, streaming: the vocabularies that RWKV models are trained with."""

from longriver.engine.tokenizer.base import Tokenizer, Tokens, TokenStream
from longriver.engine.tokenizer.bytes import ByteTokenizer
from longriver.engine.tokenizer.hugging_face import HuggingFaceTokenizer
from longriver.engine.tokenizer.load import load_tokenizer
from longriver.engine.tokenizer.world import WorldTokenizer

__all__ = [
    "ByteTokenizer",
    "HuggingFaceTokenizer",
    "TokenStream",
    "Tokenizer",
    "Tokens",
    "WorldTokenizer",
    "load_tokenizer",
]
