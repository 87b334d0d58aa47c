"""A context and what may follow it: the tokens that lm-evaluation-harness makes of the two."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from longriver.engine.tokenizer.base import Tokenizer
from longriver.engine.tokenizer.bytes import ByteTokenizer
from longriver.engine.tokenizer.pair import continuations
from tests.engine.tokenizer.documents import documents
from tests.engine.tokenizer.test_resuming import EVERY


def as_lm_eval_has_it(tokenizer: Tokenizer, context: bytes, text: bytes) -> tuple[list[int], bool]:
    """``TemplateLM._encode_pair`` behind the line that moves spaces, and whether it is clean."""
    whole, alone = tokenizer.encode(context + text).ids, tokenizer.encode(context).ids
    straddles = whole[: len(alone)].tolist() != alone.tolist()
    return whole[len(alone) :].tolist(), straddles


@given(st.sampled_from(sorted(EVERY)), documents, st.lists(documents, max_size=3))
@example("world", b"It is ab", [b"out", b" yes", b""])
@example("bytes", b"", [b"a", b""])
@settings(max_examples=100)
def test_a_continuation_is_what_encoding_both_as_one_adds(
    name: str, context: bytes, texts: list[bytes]
) -> None:
    tokenizer = EVERY[name]()
    found = list(continuations(tokenizer, context, texts))
    for text, each in zip(texts, found, strict=True):
        expected = as_lm_eval_has_it(tokenizer, context, text)
        assert (each.tokens.ids.tolist(), each.straddles) == expected


def test_a_token_that_reaches_across_is_noticed() -> None:
    [across, beside] = continuations(EVERY["world"](), b"It is ab", [b"out", b" yes"])
    assert across.straddles and not beside.straddles


def test_a_byte_is_a_token_wherever_the_context_ends() -> None:
    [each] = continuations(ByteTokenizer(), b"To be", [b" or not"])
    assert each.tokens.ids.tolist() == list(b" or not") and not each.straddles
    assert each.tokens.ends.tolist() == list(range(6, 13))
