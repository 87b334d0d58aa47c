"""A look at every input file before work starts: is it readable, and where can it be cut."""

import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from longriver.engine.errors import PlanMismatch, SourceError
from longriver.pipeline.damage import is_damage, reason_of
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.filesystem import SourceFile, list_files
from longriver.pipeline.formats import arrow, csv, jsonl, parquet, text
from longriver.pipeline.formats.detect import detect_formats
from longriver.pipeline.one_line import one_line
from longriver.pipeline.opening import is_remote
from longriver.pipeline.plan import MAX_ROWS, Plan, cut, resolve_shard_bytes
from longriver.pipeline.shard import Piece

SCANNERS: dict[str, Callable[[SourceFile, DataConfig, int, int], list[Piece]]] = {
    "parquet": parquet.pieces,
    "arrow": arrow.pieces,
    "csv": csv.pieces,
    "jsonl": jsonl.pieces,
    "text": text.pieces,
}

NUM_THREADS = 16
"""Files looked at together, so that a store's latency is not paid file by file."""


def plan_sources(data: DataConfig) -> Plan:
    """Lists, scans and cuts the input of an order.

    Raises:
        SourceError: input that is missing, unreadable, of unknown format or without a column.
    """
    files = list_files(data.path, data.storage_options)
    formats = detect_formats([file.name for file in files], data.format)
    shard_bytes = resolve_shard_bytes(data.shard_bytes, sum(file.num_bytes for file in files))

    def scan(file: SourceFile, format: str) -> list[Piece]:
        return _scan(file, format, data, shard_bytes)

    with ThreadPoolExecutor(NUM_THREADS) as threads:
        found = threads.map(scan, files, formats)
        pieces = [piece for of_file in found for piece in of_file]
    if pieces and all(piece.problem is not None for piece in pieces):
        raise SourceError(f"data.path={data.path}: {pieces[0].source}: {pieces[0].problem}")
    return Plan(tuple(cut(pieces, shard_bytes)), shard_bytes, fingerprint(files))


def fingerprint(files: Iterable[SourceFile]) -> str:
    """Returns a sha256 over names, sizes and versions that does not depend on their order."""
    facts = sorted((file.name, file.num_bytes, file.version) for file in files)
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def refuse_strangers(plan: Plan, files: Iterable[SourceFile]) -> None:
    """Refuses a stored plan that names what is not among the files of the order.

    A plan is data, and whoever can write it could have workers open any path.

    Raises:
        PlanMismatch: with the name.
    """
    known = {file.source for file in files}
    for piece in (piece for shard in plan.shards for piece in shard.pieces):
        if piece.source not in known:
            raise PlanMismatch(
                f"plan.parquet names {piece.source}, which is not among the files of data.path; "
                "put it back, or use a new output.path"
            )
        if piece.format not in SCANNERS:
            raise PlanMismatch(
                f"plan.parquet says that {piece.source} is {piece.format}; use a new output.path"
            )


def _scan(file: SourceFile, format: str, data: DataConfig, shard_bytes: int) -> list[Piece]:
    try:
        pieces = SCANNERS[format](file, data, shard_bytes, MAX_ROWS)
        return [
            replace(piece, file_bytes=file.num_bytes, file_version=file.version) for piece in pieces
        ]
    except SourceError:
        raise
    except Exception as error:
        if is_damage(error):
            problem = f"{reason_of(error, 'corrupt_file')}: {one_line(error)}"
            return [Piece(file.source, file.name, format, 0, 1, 0, None, file.num_bytes, problem)]
        if isinstance(error, OSError) or is_remote(file.source):
            detail = f"data.path: {file.source} cannot be read: {one_line(error)}"
            raise SourceError(detail) from error
        raise
