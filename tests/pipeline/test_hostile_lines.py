"""Text, CSV and JSON lines that are broken, or made to hurt: what each costs, and what it says."""

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
import zstandard

from longriver.engine.errors import SourceError
from longriver.pipeline.compression import FREE_BYTES
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.formats.boundaries import MAX_RECORD_BYTES
from longriver.pipeline.scan import plan_sources
from tests.pipeline.reading import read_path
from tests.pipeline.sources import COMPRESS

COMPRESSED = list(COMPRESS)[1:]


def read(path: Path, content: bytes, **keys: object) -> tuple[list[bytes], list[tuple[str, str]]]:
    """Texts, and the reasons and details of dead letters."""
    path.write_bytes(content)
    texts, dead = read_path(path, **keys)
    return [text.text for text in texts], [(letter.reason, letter.detail) for letter in dead]


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(SourceError) as refused:
        plan_sources(DataConfig(path=str(path)))
    return str(refused.value)


@pytest.mark.parametrize(
    "line,text",
    [
        (b'{"text": "a", "text": "b"}', b"b"),
        (b'{"text": "a\tb\x01\x00c"}', b"a\tb\x01\x00c"),
        (b'{"text": "\\ud800 \\u0000"}', b"\xed\xa0\x80 \x00"),
        (b'{"text": "a", "x": NaN, "y": 1e999, "z": -0}', b"a"),
        (b'\xef\xbb\xbf{"text": "a"}', b"a"),
        (b'{"text": "a"}\r', b"a"),
    ],
)
def test_json_that_is_odd_is_read_as_it_is(tmp_path: Path, line: bytes, text: bytes) -> None:
    assert read(tmp_path / "a.jsonl", line + b"\n") == ([text], [])


@pytest.mark.parametrize(
    "line,complaint",
    [
        (b"[" * 100_000, "recursion"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "recursion"),
        (b'{"text": "a", "id": ' + b"9" * 5000 + b"}", "4300 digits"),
        (b"\x00\x00", "Expecting value"),
        (b'{"text": "a"} {"text": "b"}', "Extra data"),
        (b'{"text": "a"', "Expecting"),
        (b'"a"', "a JSON str where an object is expected"),
    ],
)
def test_json_that_cannot_be_read_costs_its_line(
    tmp_path: Path, line: bytes, complaint: str
) -> None:
    good = b'{"text": "good"}\n'
    texts, [(reason, detail)] = read(tmp_path / "a.jsonl", good + line + b"\n" + good)
    assert texts == [b"good"] * 2 and reason == "bad_json" and complaint in detail


def test_ids_that_nest_deeply_are_names_or_cost_their_line(tmp_path: Path) -> None:
    lines = [b'{"text": "a", "id": ' + b"[" * n + b"]" * n + b"}\n" for n in range(0, 1200, 25)]
    lines[0] = b'{"text": "a", "id": 0}\n'
    texts, dead = read(tmp_path / "a.jsonl", b"".join(lines), id_column="id")
    assert len(texts) + len(dead) == len(lines) and texts
    assert {reason for reason, _ in dead} == {"bad_json"}


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_other_encodings_are_named(tmp_path: Path, name: str, encoding: str) -> None:
    content = 'text\n{"text": "a"}\n'.encode(encoding)
    assert "save it as UTF-8" in refusal(tmp_path / name, content)


def test_lines_that_end_in_carriage_returns_alone_are_named(tmp_path: Path) -> None:
    said = refusal(tmp_path / "a.csv", b"text\ra\rb\r")
    assert "lines must end in LF or CR LF" in said
    assert "Extra data" in refusal(tmp_path / "a.json", b'{"text":"a"}\r{"text":"b"}\r')


def test_a_json_array_is_no_json_lines(tmp_path: Path) -> None:
    said = refusal(tmp_path / "a.json", b'[{"text": "a"}]\n')
    assert "one a line: a JSON list where an object is expected" in said


def test_a_quote_never_closed_takes_the_rest_as_one_row(tmp_path: Path) -> None:
    rows = b"text\n" + b"a\n" * 1000
    texts, [(reason, detail)] = read(tmp_path / "a.csv", rows + b'"' + b"b\n" * 100_000)
    assert texts == [b"a"] * 1000
    assert (reason, detail) == ("bad_csv", "a quote is opened and never closed")


def test_a_row_of_ten_million_cells_costs_itself(tmp_path: Path) -> None:
    rows = b"text\n" + b"," * 10_000_000 + b"\ngood\n"
    texts, [(reason, detail)] = read(tmp_path / "a.csv", rows)
    assert texts == [b"good"]
    assert (reason, detail) == ("bad_csv", "10000001 fields where the header has 1")


@pytest.mark.parametrize("header", [b"c," * 1_000_000, b'"text' + b"a\n" * 1_000_000])
def test_a_header_that_is_none_is_refused_soon(tmp_path: Path, header: bytes) -> None:
    said = refusal(tmp_path / "a.csv", header + b"\na\n")
    assert "its header has 200" in said and "is a quote never closed?" in said


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_record_that_is_too_long_is_not_held(tmp_path: Path, name: str) -> None:
    begin, good = (b'{"text": "', b'{"text": "a"}\n') if name == "a.jsonl" else (b'"', b"a\n")
    head = b"" if name == "a.jsonl" else b"text\n"
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(head + good + begin)
        for _ in range(MAX_RECORD_BYTES >> 20):
            file.write(bytes(1 << 20))
        file.write(b'"}\n' if name == "a.jsonl" else b'"\n')
        file.write(good)
    texts, [letter] = read_path(path)
    assert [text.text for text in texts] == [b"a", b"a"]
    assert letter.reason == "too_large" and "a record of 5368709" in letter.detail


@pytest.mark.parametrize("suffix", COMPRESSED)
def test_an_empty_file_is_no_compressed_one(tmp_path: Path, suffix: str) -> None:
    assert "corrupt_file: the file is empty" in refusal(tmp_path / f"a.txt{suffix}", b"")
    assert read(tmp_path / f"b.txt{suffix}", COMPRESS[suffix](b"")) == ([b""], [])


@pytest.mark.parametrize("suffix", COMPRESSED)
def test_what_follows_the_last_member_is_damage(tmp_path: Path, suffix: str) -> None:
    pack = COMPRESS[suffix]
    texts, dead = read(tmp_path / f"a.jsonl{suffix}", pack(b'{"text": "a"}\n') + b"garbage!")
    assert texts == [b"a"] and [reason for reason, _ in dead] == ["corrupt_rows"]
    texts, dead = read(tmp_path / f"a.txt{suffix}", pack(b"a") + b"garbage!")
    assert texts == [] and [reason for reason, _ in dead] == ["corrupt_file"]


def test_padding_is_no_damage(tmp_path: Path) -> None:
    assert read(tmp_path / "a.txt.gz", gzip.compress(b"a") + bytes(512)) == ([b"a"], [])
    padded = lzma.compress(b"a") + bytes(8) + lzma.compress(b"b") + bytes(4)
    assert read(tmp_path / "a.txt.xz", padded) == ([b"ab"], [])
    skippable = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
    assert read(tmp_path / "a.txt.zst", skippable + zstandard.compress(b"a")) == ([b"a"], [])


def _zstd_with_window(log: int) -> bytes:
    header = bytes([0x28, 0xB5, 0x2F, 0xFD, 0x00, (log - 10) << 3])
    return header + (5 << 3 | 1).to_bytes(3, "little") + b"hello"


@pytest.mark.parametrize(
    "name,content,complaint",
    [
        ("a.txt.zst", _zstd_with_window(31), "too much memory"),
        ("a.txt.zst", _zstd_with_window(28), "too much memory"),
        (
            "a.txt.xz",
            lzma.compress(b"a", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 512 << 20}]),
            "Memory usage limit",
        ),
    ],
)
def test_streams_that_ask_for_too_much_memory_are_refused(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    assert complaint in refusal(tmp_path / name, content)


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst", ".bz2"])
def test_a_bomb_is_given_up_soon_and_what_came_before_is_kept(tmp_path: Path, suffix: str) -> None:
    # gzip's best ratio is near 1:1030, so a gzip bomb shows late
    bomb = b'{"text": "first"}\n' + bytes(FREE_BYTES * 9 // (4 if suffix == ".gz" else 8))
    packed = bz2.compress(bomb) if suffix == ".bz2" else COMPRESS[suffix](bomb)
    texts, [(reason, detail)] = read(tmp_path / f"a.jsonl{suffix}", packed)
    assert texts == [b"first"] and reason == "too_large"
    assert "more than 200 times its size must be decompressed first" in detail


def test_documents_beyond_the_ordered_size_are_dead_letters(tmp_path: Path) -> None:
    most = {"max_document_bytes": 5}
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "b.txt").write_bytes(b"fives")
    texts, dead = read(tmp_path / "d" / "a.txt", b"longer", **most)
    assert texts == [] and dead == [
        ("too_large", "its text has more than data.max_document_bytes=5")
    ]
    texts, dead = read(tmp_path / "a.csv", b"text\nlonger\nfives\n", **most)
    assert texts == [b"fives"] and [reason for reason, _ in dead] == ["too_large"]


def test_a_document_of_parts_that_is_too_long_counts_all_its_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,n,text\na,1,abc\na,2,def\na,3,ghi\nb,1,abc\n")
    keys = {"id_column": "id", "part_column": "n", "max_document_bytes": 5}
    texts, [letter] = read_path(tmp_path / "a.csv", **keys)
    assert [text.document_id for text in texts] == ["b"]
    assert (letter.document_id, letter.reason, letter.num_rows) == ("a", "too_large", 3)


def test_names_that_are_texts_are_dead_letters(tmp_path: Path) -> None:
    content = b"id,text\n" + b"a" * 70_000 + b",a\nb,b\n"
    texts, [(reason, detail)] = read(tmp_path / "a.csv", content, id_column="id")
    assert texts == [b"b"] and reason == "too_large" and "70000 characters" in detail


def test_rows_of_one_id_that_lie_apart_are_documents_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,n,text\na,1,x\na,2,y\nb,1,z\na,1,w\n")
    texts, _ = read_path(tmp_path / "a.csv", id_column="id", part_column="n")
    assert [(t.document_id, t.source_row, t.text) for t in texts] == [
        ("a", 0, b"xy"), ("b", 2, b"z"), ("a", 3, b"w")
    ]  # fmt: skip
    texts, _ = read_path(tmp_path / "a.csv", id_column="id")
    assert [text.document_id for text in texts] == ["a", "a", "b", "a"]
