"""Plain text: one document a file, streamed from front to back."""

import contextlib
from collections.abc import Iterator

from longriver.engine.errors import DocumentError
from longriver.pipeline.compression import split_compression
from longriver.pipeline.damage import is_damage, reason_of
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.document import CHUNK_BYTES
from longriver.pipeline.filesystem import SourceFile
from longriver.pipeline.formats.columns import refuse_columns
from longriver.pipeline.formats.lines import COMPRESSED_RATIO
from longriver.pipeline.one_line import one_line
from longriver.pipeline.opening import check_readable, open_decompressed
from longriver.pipeline.shard import Piece
from longriver.pipeline.storage_options import StorageOptions


def pieces(file: SourceFile, data: DataConfig, max_bytes: int, max_rows: int) -> list[Piece]:
    """A file is one piece; its first byte is read to see that the rest can be."""
    refuse_columns(data, file)
    check_readable(file.source, file.options)
    ratio = 1 if split_compression(file.name)[1] is None else COMPRESSED_RATIO
    return [Piece(file.source, file.name, "text", 0, 1, 0, 1, file.num_bytes * ratio)]


def chunks(piece: Piece, options: StorageOptions) -> Iterator[bytes]:
    """Yields the text as it lies in the file, decompressed; opens the file when first asked.

    Raises:
        DocumentError: when the rest cannot be decompressed.
    """
    try:
        with contextlib.closing(open_decompressed(piece.source, options)) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk
    except Exception as error:
        if not is_damage(error):
            raise
        raise DocumentError(reason_of(error, "corrupt_file"), one_line(error)) from error
