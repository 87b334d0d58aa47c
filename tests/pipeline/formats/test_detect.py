"""Formats by suffix."""

import pytest

from longriver.engine.errors import SourceError
from longriver.pipeline.formats.detect import detect_formats


def test_suffixes_tell_the_format_and_compression_does_not_hide_it() -> None:
    names = ["a.parquet", "b.PQ", "c.feather", "d.csv.gz", "e.jsonl.zst", "f.txt.xz", "x.y/g.md"]
    expected = ["parquet", "parquet", "arrow", "csv", "jsonl", "text", "text"]
    assert detect_formats(names, "auto") == expected


def test_a_single_name_without_a_suffix_is_text() -> None:
    assert detect_formats(["README"], "auto") == ["text"]
    assert detect_formats(["README.gz"], "auto") == ["text"]


@pytest.mark.parametrize("names", [["a.csv", "b.bin"], ["a.bin"], ["a.csv", "README"]])
def test_unknown_suffixes_are_refused_by_name(names: list[str]) -> None:
    with pytest.raises(SourceError, match=rf"{names[-1]}; say data\.format=text"):
        detect_formats(names, "auto")


def test_an_ordered_format_is_taken_at_its_word() -> None:
    assert detect_formats(["a.bin", "b.csv"], "text") == ["text", "text"]


@pytest.mark.parametrize("ordered", ["auto", "parquet"])
def test_compressed_parquet_is_refused(ordered: str) -> None:
    with pytest.raises(SourceError, match=r"a\.parquet\.gz is compressed parquet"):
        detect_formats(["a.parquet.gz"], ordered)
