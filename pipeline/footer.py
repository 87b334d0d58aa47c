"""The footer of a Parquet file: what it says of its rows, read without reading them."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from longriver.pipeline.run_folder import RunFolder

TAIL_BYTES = 64 << 10
"""Read first; the footer of any but a huge file lies in it, so that one request is enough."""

MAGIC, END_BYTES = b"PAR1", 8
"""A file ends with the footer, its length in four bytes, and the magic."""


def read_footer(folder: RunFolder, path: str, num_bytes: int) -> pq.FileMetaData:
    """The footer of a file of ``num_bytes``; ``path`` is relative to the run folder.

    Raises:
        ValueError: there is no whole footer.
    """
    tail = _tail(folder, path, num_bytes, TAIL_BYTES)
    if len(tail) < END_BYTES or not tail.endswith(MAGIC):
        raise ValueError("it does not end as a Parquet file does")
    wanted = int.from_bytes(tail[-END_BYTES:-4], "little") + END_BYTES
    if len(tail) < wanted <= num_bytes:
        tail = _tail(folder, path, num_bytes, wanted)
    try:
        return pq.read_metadata(io.BytesIO(tail))
    except (pa.ArrowException, OSError) as error:
        raise ValueError(str(error)) from error


def _tail(folder: RunFolder, path: str, num_bytes: int, length: int) -> bytes:
    start = max(num_bytes - length, 0)
    return folder.fs.cat_file(folder.path(path), start=start, end=num_bytes)
