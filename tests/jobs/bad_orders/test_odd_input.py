"""Input that is odd or partly broken, and no bad order for that."""

import bz2
import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from longriver.jobs.cli import main
from tests.jobs.bad_orders.conftest import table


def test_corrupt_files_cost_themselves_alone(
    score: Callable[..., int],
    tmp_path: Path,
    run_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    table(folder / "good.parquet", text=["one", "two", None])
    (folder / "bad.parquet").write_bytes(b"PAR1 but not really PAR1")
    (folder / "bad.txt.gz").write_bytes(gzip.compress(os.urandom(5000))[:3000])
    (folder / "good.txt.bz2").write_bytes(bz2.compress(b"three"))
    (folder / "rows.jsonl").write_text('{"text": "four"}\nno json\n{"text": "five"}\n')
    assert score(folder) == 3
    assert "dead letters" in capsys.readouterr().out
    assert main(["verify", f"output.path={run_folder}"]) == 0
    dead = pq.read_table(run_folder / "dead").to_pylist()
    reasons = {Path(row["source"]).name: row["reason"] for row in dead}
    assert reasons["bad.parquet"] == reasons["bad.txt.gz"] == "corrupt_file"
    assert set(reasons) == {"bad.parquet", "bad.txt.gz", "rows.jsonl", "good.parquet"}
    assert all(row["detail"] for row in dead)
    scored = pq.read_table(run_folder / "score").to_pylist()
    assert sorted(row["num_bytes"] for row in scored) == [3, 3, 4, 4, 5]


ODD_TEXTS = {
    "empty.txt": b"",
    "latin1.txt": b"caf\xe9 \xff\xfe",
    "bom.txt": b"\xef\xbb\xbfWith a mark.",
    "dos.txt": b"One\r\nTwo\r\n",
    "nul.txt": b"before\x00after",
    "cafe\u0301 = 1, [x] {y} $z.txt": "日本語 текст".encode(),
}


def test_odd_texts_and_names_are_scored_byte_for_byte(
    score: Callable[..., int], tmp_path: Path, run_folder: Path
) -> None:
    folder = tmp_path / "my texts = ünï ${x}"
    folder.mkdir()
    for name, content in ODD_TEXTS.items():
        (folder / name).write_bytes(content)
    assert main(["verify", f"output.path={run_folder}"]) == 2
    assert score(str(folder).replace("$", "\\$")) == 0
    rows = pq.read_table(run_folder / "score").to_pylist()
    assert {row["document_id"]: row["num_bytes"] for row in rows} == {
        name: len(content) for name, content in ODD_TEXTS.items()
    }
    assert {row["document_id"] for row in rows if row["status"] == "empty"} == {"empty.txt"}
    assert main(["verify", f"output.path={run_folder}"]) == 0


def test_results_below_the_input_are_not_read_as_input(
    books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(books)
    for segment_tokens in (8, 8, 16):
        output = f"output.path=runs/{segment_tokens}"
        words = ["engine.num_threads=1", f"job.segment_tokens={segment_tokens}", output]
        assert main(["score", "data.path=.", *words]) == 0
        assert pq.read_table(books / "runs" / str(segment_tokens) / "score").num_rows == 2


def test_a_folder_with_one_empty_text(score: Callable[..., int], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.txt").touch()
    assert score(tmp_path / "in") == 0
