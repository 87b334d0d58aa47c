"""What is handed in as texts: a text alone is not taken for its characters."""

from collections.abc import Callable
from typing import Any

import pytest

from longriver.engine.engine import Engine
from longriver.engine.given_texts import given_texts
from longriver.engine.version import Version
from tests.checkpoints import network_of, random_rwkv
from tests.engine.reading import engine_of


def test_texts_are_their_utf_8() -> None:
    assert given_texts(["ä", b"\xff", ""]) == [b"\xc3\xa4", b"\xff", b""]
    assert given_texts(iter(["a"])) == [b"a"]


@pytest.mark.parametrize("alone", ["one text", b"one text"])
def test_a_text_alone_is_refused(alone: Any) -> None:
    with pytest.raises(TypeError, match=r"give a list, such as \[text\]"):
        given_texts(alone)


@pytest.mark.parametrize(
    "use",
    [
        lambda engine: engine.score(["x", None]),
        lambda engine: engine.embed([7.5]),
        lambda engine: engine.generate([None]),
        lambda engine: engine.stream(["x"]),
    ],
)
def test_what_is_no_text_is_named(use: Callable[[Engine], object]) -> None:
    engine = engine_of(network_of(random_rwkv(Version.V7, num_layers=1, num_heads=1)))
    with pytest.raises(TypeError, match="a text is a str or bytes, not "):
        use(engine)
