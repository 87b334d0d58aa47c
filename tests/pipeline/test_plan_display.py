"""What a plan says before any work is done."""

import io

from rich.console import Console

from longriver.pipeline.plan import Plan
from longriver.pipeline.plan_display import MAX_PROBLEMS, Rate, print_plan, print_time
from longriver.pipeline.shard import Piece, Shard

MB = 1_000_000
CORRUPT = "corrupt_file: no footer"


def piece(
    name: str,
    format: str = "text",
    num_bytes: int = MB,
    num_rows: int | None = 1,
    problem: str | None = None,
) -> Piece:
    return Piece(f"data/{name}", name, format, 0, 1, 0, num_rows, num_bytes, problem)


def page(*pieces: Piece) -> str:
    plan = Plan(tuple(Shard(i, (p,)) for i, p in enumerate(pieces)), MB, "fingerprint")
    console = Console(file=io.StringIO(), width=80)
    print_plan(console, plan)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.strip()]


def test_files_rows_and_bytes_are_counted_by_format() -> None:
    parts = [piece("a.parquet", "parquet", 2 * MB, 1000), piece("a.parquet", "parquet", MB, 500)]
    table = rows(page(*parts, piece("b.txt"), piece("c.txt")))
    assert ["parquet", "1", "1,500", "3.0", "MB"] in table
    assert ["text", "2", "2", "2.0", "MB"] in table
    assert ["all", "3", "1,502", "5.0", "MB"] in table


def test_rows_of_compressed_files_are_not_guessed() -> None:
    known, compressed = piece("a", "csv", num_rows=7), piece("b.gz", "csv", num_rows=None)
    assert "7 + ?" in page(known, compressed)


def test_the_largest_shard_is_named() -> None:
    text = page(piece("a"), piece("b", num_bytes=40 * MB))
    assert "Shards:   2, the largest with 40.0 MB of text" in text
    assert "Problems: none found" in text


def test_problems_are_listed_but_not_without_end() -> None:
    text = page(*(piece(f"{n}.parquet", problem=CORRUPT) for n in range(MAX_PROBLEMS + 2)))
    assert f"Problems: {MAX_PROBLEMS + 2}, which would be dead letters" in text
    assert f"  data/0.parquet: {CORRUPT}" in text
    assert "  and 2 more" in text


def test_time_is_shared_by_workers() -> None:
    plan = Plan((Shard(0, (piece("a", num_bytes=100 * MB),)),), MB, "fingerprint")
    console = Console(file=io.StringIO(), width=80)
    print_time(console, plan, Rate(tokens_per_s=250_000, bytes_per_s=MB), num_workers=2)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == (
        "Time:     about 50 s, at 250,000 tokens/s (1.0 MB/s) for each of 2 workers\n"
    )
