"""``longriver embed`` as a visitor gives it: what is refused, what is written, what resumes."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from longriver.engine.config import EngineConfig
from longriver.engine.engine import Engine
from longriver.jobs.cli import main
from longriver.pipeline.sink import open_results
from tests.jobs.visitor import assert_an_interruption_leaves_no_trace, give
from tests.orders import file_hashes, order_of, rows_of, write_texts

POEM = ["Shall I compare thee. To a day?", None, "Thou art more lovely.", "", "So long " * 40]
LANGUAGES = ["en", "en", None, "en", "fr"]


@pytest.fixture
def poem(tmp_path: Path) -> Path:
    path = tmp_path / "poem.parquet"
    pq.write_table(pa.table({"text": POEM, "lang": LANGUAGES}), path, row_group_size=2)
    return path


def vectors_of(run_path: Path, table: str) -> np.ndarray:
    """As one array, without a copy of what Parquet gave."""
    column = open_results(str(run_path), table).to_table()["vector"].combine_chunks()
    assert pa.types.is_fixed_size_list(column.type)
    flat = column.flatten().to_numpy(zero_copy_only=True)
    return flat.reshape(len(column), column.type.list_size)


def test_vectors_are_those_that_the_engine_gives(
    poem: Path, run_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert give("embed", poem, run_path, "data.group_columns=[lang]", "job.segments=sentence") == 3
    engine = Engine.from_config(engine=EngineConfig(device="cpu", num_threads=1))
    texts = [text for text in POEM if text is not None]
    assert np.array_equal(
        vectors_of(run_path, "embed"), engine.embed(texts, normalize_embeddings=True)
    )
    rows = rows_of(run_path, "embed")
    assert [row["status"] for row in rows] == ["ok", "ok", "empty", "ok"]
    assert [row["lang"] for row in rows] == ["en", None, "en", "fr"]
    segments = rows_of(run_path, "embed_segments")
    assert [row["num_chars"] for row in segments] == [22, 9, 21, 320]
    summary = json.loads((run_path / "summary.json").read_bytes())
    assert summary["jobs"]["embed"] == {"num_segments": 4, "vector": "list<float32>[128]"}
    assert {g["group"]["lang"]: g["num_documents"] for g in summary["groups"]}["en"] == 2
    out = capsys.readouterr().out
    assert "segments" in out and "128 float32" in out
    assert main(["verify", f"output.path={run_path}", "deep=true"]) == 0
    assert main(["status", f"output.path={run_path}"]) == 0


def test_bits_are_a_column_of_bytes(poem: Path, run_path: Path) -> None:
    assert give("embed", poem, run_path, "job.precision=ubinary", "job.vectors=documents") == 3
    found = vectors_of(run_path, "embed")
    assert found.shape == (4, 16) and found.dtype == np.uint8
    assert not (run_path / "embed_segments").exists()


def test_texts_that_are_read_twice_have_parts_and_no_length_limit(
    tmp_path: Path, run_path: Path
) -> None:
    """The rows of one id are one document, which no store could be asked for again."""
    parts = ["The river ", "goes on. ", "And on."]
    path = tmp_path / "parts.parquet"
    table = {"text": [*parts, "Alone."], "id": ["a", "a", "a", "b"], "part": [0, 1, 2, 0]}
    pq.write_table(pa.table(table), path)
    columns = ("data.id_column=id", "data.part_column=part")
    assert give("embed", path, run_path, *columns, "job.passes=2", "job.vectors=documents") == 0
    engine = Engine.from_config(engine=EngineConfig(device="cpu", num_threads=1))
    expected = engine.embed(["".join(parts), "Alone."], normalize_embeddings=True, passes=2)
    assert np.array_equal(vectors_of(run_path, "embed"), expected)
    assert [row["num_tokens"] for row in rows_of(run_path, "embed")] == [26, 6]
    assert main(["verify", f"output.path={run_path}", "deep=true"]) == 0


SPANNED = [
    {"text": "One. Two. Three.", "spans": [[0, 4], [5, 9], [10, 16]]},
    {"text": "水は long", "spans": [[6, 11]]},
    {"text": "none", "spans": []},
    {"text": "null", "spans": None},
    {"text": "short", "spans": [[2, 9]]},
    {"text": "mixed", "spans": [[2, 4], [0, 1]]},
    {"text": "words", "spans": [["a", "b"]]},
]


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "arrow"])
def test_spans_of_the_data_are_the_segments(kind: str, tmp_path: Path, run_path: Path) -> None:
    rows = SPANNED if kind == "jsonl" else SPANNED[:-1]
    path = tmp_path / f"spans.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        feather.write_feather(pa.Table.from_pylist(rows), path)
    words = ("job.segments=spans", "data.spans_column=spans", "job.segment_text=true")
    assert give("embed", path, run_path, *words) == 3
    segments = rows_of(run_path, "embed_segments")
    assert [row["text"] for row in segments] == ["One.", "Two.", "Three.", " long"]
    assert [row["char_start"] for row in segments] == [0, 5, 10, 2]
    assert len(rows_of(run_path, "embed")) == 4
    dead = rows_of(run_path, "dead")
    assert {row["reason"] for row in dead} == {"bad_spans"} and len(dead) == len(rows) - 4
    assert dead[0]["detail"] == "spans: [2, 9] is not a stretch of bytes 0 to 5"
    assert main(["verify", f"output.path={run_path}", "deep=true"]) == 0


def test_a_table_without_lists_has_no_spans(
    tmp_path: Path, run_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "texts.csv"
    path.write_text('text,spans\nwords,"[[0, 2]]"\n')
    assert give("embed", path, run_path, "job.segments=spans", "data.spans_column=spans") == 2
    assert "CSV has no lists; use JSON lines, Parquet or Arrow" in capsys.readouterr().err


def test_dead_letters_are_done_again_by_the_order_on_record(poem: Path, run_path: Path) -> None:
    assert give("embed", poem, run_path) == 3
    before = file_hashes(run_path)
    assert main(["retry-dead", f"output.path={run_path}"]) == 3
    assert file_hashes(run_path) == before


def test_a_run_that_was_interrupted_ends_in_the_same_bytes(tmp_path: Path) -> None:
    texts = write_texts(tmp_path / "texts")
    job = {"kind": "embed", "pooling": "state", "segments": "sentence", "passes": 2}
    whole, broken = (order_of(texts, tmp_path / name, job=job) for name in ("whole", "broken"))
    assert_an_interruption_leaves_no_trace(whole, broken)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["job.layer=7"], "job.layer=7: the checkpoint has 6 layers; give 0 to 6, or -1"),
        (["job.layer=-2"], "job.layer=-2 cannot be used; give at least -1"),
        (["job.truncate_dim=129"], "job.truncate_dim=129: the checkpoint's vectors have 128"),
        (["job.pooling=max"], "job.pooling=max cannot be used; give mean, last, weighted or state"),
        (["job.pooling=state", "job.layer=0"], "job.layer=0 with pooling=state: what enters"),
        (["job.precision=int8", "job.normalize=false"], "job.normalize=false has no effect with"),
        (["job.precision=float16", "job.normalize=false"], "can be beyond 65504"),
        (["job.precision=ubinary", "job.truncate_dim=12"], "give a multiple of 8"),
        (["job.vectors=documents", "job.segment_text=true"], "job.segment_text=true has no effect"),
        (["job.vectors=documents", "job.segments=sentence"], "job.segments=sentence has no effect"),
        (["job.passes=3"], "job.passes=3 cannot be used; give 1 or 2"),
        (["job.token_nll=true"], "unknown key job.token_nll"),
        (["data.group_columns=[layer]"], "data.group_columns=layer would hide the result column"),
        (["job.segments=spans"], "data.spans_column is missing; job.segments=spans looks for"),
        (["data.spans_column=lang"], "data.spans_column=lang has no effect without an embed job"),
        (
            ["job.segments=spans", "data.spans_column=lang"],
            "data.spans_column=lang is string in",
        ),
        (
            ["job.segments=spans", "data.spans_column=lang", "job.segment_tokens=9"],
            "job.segment_tokens=9 has no effect with segments=spans",
        ),
        (["job.segment_tokens=0"], "job.segment_tokens=0 cannot be used; give at least 1"),
    ],
)
def test_a_bad_order_gets_one_line_that_helps(
    poem: Path, run_path: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert give("embed", poem, run_path, *words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and sentence in err
    assert not run_path.exists()


def test_another_pooling_is_refused_with_both_values(
    poem: Path, run_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert give("embed", poem, run_path) == 3
    assert give("embed", poem, run_path, "job.pooling=last") == 2
    assert 'job.pooling="mean", this order says "last"' in capsys.readouterr().err


def test_the_page_of_help_says_the_keys_of_embed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["embed", "--help"]) == 0
    out = capsys.readouterr().out
    assert "job.pooling=mean" in out and "job.segment_tokens=512" in out
    assert "job.token_nll" not in out
