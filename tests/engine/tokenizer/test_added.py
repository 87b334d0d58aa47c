"""Added tokens are found leftmost and longest first, and only when that is sure."""

from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.tokenizer.added import AddedTokens

IDS = {b"ab": 0, b"abcde": 1, b"bcd": 2, b"e": 3, b"  ": 4, b"    ": 5}
texts = st.lists(st.sampled_from(b"abcde "), max_size=30).map(bytes)


def plainly(data: bytes) -> list[tuple[int, int]]:
    found, at = [], 0
    while at < len(data):
        here = [text for text in IDS if data.startswith(text, at)]
        longest = max(here, key=len, default=b"")
        if longest:
            found.append((at, IDS[longest]))
        at += len(longest) or 1
    return found


@given(texts, st.integers(1, 7))
def test_pieces_give_what_the_whole_gives(data: bytes, step: int) -> None:
    tokens, found, held, position = AddedTokens(IDS), [], b"", 0
    for start in range(0, len(data) + step, step):
        held += data[start : start + step]
        marks = tokens.find(held, is_end=start >= len(data))
        found += [(position + int(s), int(i)) for s, i in zip(marks.starts, marks.ids, strict=True)]
        held, position = held[marks.used :], position + marks.used
        assert len(held) < 5
    assert found == plainly(data)


def test_without_added_tokens_nothing_waits() -> None:
    assert AddedTokens({}).find(b"ab", is_end=False).used == 2
