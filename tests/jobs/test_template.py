"""Texts with places for a row's cells: nothing but names is looked up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.jobs.template import Template


@pytest.mark.parametrize(
    ("text", "columns", "filled"),
    [
        ("", (), ""),
        ("plain", (), "plain"),
        ("Question: {goal}\\nAnswer:", ("goal",), "Question: <goal>\nAnswer:"),
        ("{a}{b}{a}", ("a", "b"), "<a><b><a>"),
        ("{{{a}}}", ("a",), "{<a>}"),
        ("{{a}}", (), "{a}"),
        ("\\t|\\\\n|\\x|\\", (), "\t|\\n|\\x|\\"),
        ("{a b.c[0]!r:>9}", ("a b.c[0]!r:>9",), "<a b.c[0]!r:>9>"),
        ("水 {日本}", ("日本",), "水 <日本>"),
    ],
)
def test_a_place_is_a_column_and_a_doubled_brace_is_a_brace(
    text: str, columns: tuple[str, ...], filled: str
) -> None:
    template = Template.of(text)
    assert template.columns == columns
    assert template.fill({name: f"<{name}>" for name in columns}) == filled


@pytest.mark.parametrize("text", ["{", "}", "{}", "a {b", "a} b", "{a{b}}", "{{{}}}"])
def test_a_brace_that_encloses_no_column_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="encloses no column"):
        Template.of(text)


@given(st.text())
def test_what_a_cell_holds_is_never_a_template(cell: str) -> None:
    assert Template.of("[{a}]").fill({"a": cell}) == f"[{cell}]"


@given(st.text())
def test_any_text_can_be_written(text: str) -> None:
    spelt = text.replace("\\", "\\\\").replace("{", "{{").replace("}", "}}")
    assert Template.of(spelt).fill({}) == text
