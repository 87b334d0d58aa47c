"""Nothing that comes from data can become markup, hide, turn a line round or give a key away."""

from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.jobs.report.markup import Html, joined, short_name, shown, tag, without_secrets

NASTY = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "' onmouseover='alert(1)",
    "]]></svg><script>",
    "<!--",
    "&lt;b&gt;",
    "a\x00b\x1b[31m",
    "\u202eevil\u2066",
    "\ud800",
    "x" * (1 << 16),
]


class Seen(HTMLParser):
    """What a browser would make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(markup: str) -> Seen:
    parser = Seen()
    parser.feed(markup)
    parser.close()
    return parser


@given(st.sampled_from(NASTY) | st.text())
def test_a_text_is_one_text_as_content_and_as_attribute(text: str) -> None:
    found = seen(tag("p", text, data_tip=text))
    assert found.tags == ["p"]
    assert [name for name, _ in found.attributes] == ["data-tip"]
    assert found.text == found.attributes[0][1] == unescape(shown(text))


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\x7f", "\u202e", "\u2066", "\u200f", "\ufeff"])
def test_signs_that_would_not_be_seen_are_replaced(sign: str) -> None:
    assert shown(f"a{sign}b") == "a\ufffdb"


def test_lines_tabs_and_joiners_stay() -> None:
    text = "a\r\nb\tc 👩\u200d🔬 क\u094d\u200cष"
    assert shown(text) == text.replace("\r\n", "\n")


def test_markup_that_is_made_of_texts_by_hand_is_text_again() -> None:
    assert tag("p", Html("<b>") + "x") == "<p>&lt;b&gt;x</p>"
    assert joined([Html("<br>"), "<br>"]) == "<br>&lt;br&gt;"


def test_names_of_any_length_fit_a_line() -> None:
    assert len(short_name("x" * (1 << 20))) <= 80
    assert short_name("two\n  lines") == "two lines"
    assert short_name(None) == "(null)"


def test_urls_lose_passwords_and_signatures() -> None:
    assert without_secrets("s3://key:secret@bucket/a?X-Sig=1#f") == "s3://bucket/a?…"
    assert without_secrets("hf://owner/name@main") == "hf://owner/name@main"
    assert without_secrets("https://u:p@h/x.txt") == "https://h/x.txt"
    assert without_secrets("books/a?b.txt") == "books/a?b.txt"
    assert "secret" not in short_name("https://host/x?token=secret")
