"""One committed shard by its receipt, the listing and the footers of its files; no row is read."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow.parquet as pq

from longriver.pipeline.footer import read_footer
from longriver.pipeline.listing import RESULT
from longriver.pipeline.one_line import one_line
from longriver.pipeline.receipt import FileEntry, Receipt
from longriver.pipeline.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Span:
    """A run of documents of one source, by their first and last row."""

    source: str
    first_row: int
    last_row: int


@dataclass(frozen=True, slots=True)
class ShardFindings:
    """What is wrong with a shard, a line each, and where its documents lie, as far as known."""

    shard: str
    problems: tuple[str, ...]
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """What a run's files have to be.

    sizes:        of every file there is, by path relative to the run folder.
    tables:       their names, the one with a row a document first.
    order_sha256: what every result file says of the settings that decided it.
    """

    folder: RunFolder
    sizes: Mapping[str, int]
    tables: tuple[str, ...]
    order_sha256: str


def verify_shard(expected: Expected, receipt: Receipt, num_rows: int | None) -> ShardFindings:
    """Holds a receipt against storage; ``num_rows`` is what the plan says, None if it cannot."""
    problems = list(_count_problems(receipt, expected.tables[0], num_rows))
    strayed = list(_name_problems(expected, receipt))
    problems += strayed or [p for e in receipt.files for p in _size_problems(expected, e)]
    spans: list[Span] = []
    if not problems:
        for entry in receipt.files:
            problems += _footer_problems(expected, entry, spans)
    return ShardFindings(receipt.shard, tuple(problems), tuple(spans))


def _count_problems(receipt: Receipt, first_table: str, num_rows: int | None) -> Iterator[str]:
    counts, name = receipt.counts, f"shard {receipt.shard}"
    if num_rows is not None and counts.num_rows_in != num_rows:
        yield f"{name}: {counts.num_rows_in} rows read, the plan has {num_rows}"
    if counts.num_rows_in != counts.num_rows_out + counts.num_dead:
        yield (
            f"{name}: {counts.num_rows_in} rows in, "
            f"but {counts.num_rows_out} out and {counts.num_dead} dead"
        )
    num_documents = sum(entry.num_rows for entry in receipt.files_of(first_table))
    if num_documents != counts.num_documents:
        yield (
            f"{name}: {counts.num_documents} documents, "
            f"but {num_documents} rows of table {first_table}"
        )


def _name_problems(expected: Expected, receipt: Receipt) -> Iterator[str]:
    """A receipt may name its own attempt's files only, each once."""
    for path, times in Counter(entry.path for entry in receipt.files).items():
        if times > 1:
            yield f"shard {receipt.shard}: names {path} {times} times"
    own = (receipt.shard, receipt.attempt[:8])
    for entry in receipt.files:
        match = RESULT.fullmatch(entry.path)
        if match is None or match.groups() != (entry.table, *own):
            yield f"shard {receipt.shard}: names {entry.path!r}, which is no file of its own"
        elif entry.table not in expected.tables:
            yield f"shard {receipt.shard}: names {entry.path}, but there is no such table"


def _size_problems(expected: Expected, entry: FileEntry) -> Iterator[str]:
    found = expected.sizes.get(entry.path)
    if found is None:
        found = _late_size(expected.folder, entry)
    if found is None:
        yield f"{entry.path}: is missing"
    elif found != entry.num_bytes:
        yield f"{entry.path}: {found} bytes, the ledger says {entry.num_bytes}"


def _late_size(folder: RunFolder, entry: FileEntry) -> int | None:
    """Of a file that the listing does not show, perhaps because it lags behind."""
    try:
        return int(folder.fs.info(folder.path(entry.path))["size"])
    except FileNotFoundError:
        return None


def _footer_problems(expected: Expected, entry: FileEntry, spans: list[Span]) -> Iterator[str]:
    """Adds to ``spans`` what the footer of a file of the first table tells of them."""
    try:
        footer = read_footer(expected.folder, entry.path, entry.num_bytes)
    except (OSError, ValueError) as error:
        yield f"{entry.path}: cannot be read: {one_line(error)}"
        return
    origin = (footer.metadata or {}).get(b"longriver.order_sha256", b"").decode()
    if footer.num_rows != entry.num_rows:
        yield f"{entry.path}: {footer.num_rows} rows, the ledger says {entry.num_rows}"
    elif origin != expected.order_sha256:
        yield f"{entry.path}: is of another order than run.json"
    if entry.table == expected.tables[0]:
        spans += spans_of(_group_spans(footer))


def _group_spans(footer: pq.FileMetaData) -> Iterator[Span]:
    """By the statistics of row groups, those of several sources left out."""
    names = [footer.schema.column(index).path for index in range(footer.num_columns)]
    if not {"source", "source_row"} <= set(names):
        return
    for index in range(footer.num_row_groups):
        group = footer.row_group(index)
        source = group.column(names.index("source")).statistics
        row = group.column(names.index("source_row")).statistics
        if source and row and source.has_min_max and row.has_min_max and source.min == source.max:
            yield Span(source.min, row.min, row.max)


def spans_of(parts: Iterable[Span]) -> list[Span]:
    """Joins neighbours of one source."""
    joined: list[Span] = []
    for part in parts:
        if joined and joined[-1].source == part.source and joined[-1].last_row < part.first_row:
            joined[-1] = Span(part.source, joined[-1].first_row, part.last_row)
        else:
            joined.append(part)
    return joined
