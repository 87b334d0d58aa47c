"""A small random RWKV-4 that lm-eval's `hf` back-end and ours both load, tokenizer and all."""

import contextlib
import io
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, trainers
from tokenizers import pre_tokenizers as pre

from longriver.engine.version import Version
from tests.checkpoints import random_rwkv
from tests.engine.tokenizer.families import SENTENCES
from tests.engine.weights.conversions import hf_config, hf_form, write_folder

END = "<|endoftext|>"
VOCAB_SIZE = 420


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Lets the harness warn of what it does itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keeps what the harness prints and warns of to itself."""
    out, err = (contextlib.redirect_stdout, contextlib.redirect_stderr)
    with out(io.StringIO()), err(io.StringIO()), quietly():
        yield


def write_model(folder: Path) -> Path:
    """A folder as ``save_pretrained`` leaves it; id 0 is both ends of a text."""
    tensors = random_rwkv(Version.V4, num_heads=2, head_size=16, vocab_size=VOCAB_SIZE)
    inside = len(tensors["blocks.0.ffn.key.weight"])
    ends = {"bos_token_id": 0, "eos_token_id": 0, "intermediate_size": inside}
    write_folder(folder, hf_form(tensors), {**hf_config(tensors), **ends})
    _tokenizer().save(str(folder / "tokenizer.json"))
    said = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": END, "eos_token": END}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    return folder


def hf_model(folder: Path, **given: object) -> Any:
    """lm-eval's own back-end on it."""
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=str(folder), device="cpu", dtype="float32", **{"batch_size": 3, **given})


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE, initial_alphabet=alphabet, special_tokens=[END], show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer
