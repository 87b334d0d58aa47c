"""A storage's moods are borne, its refusals are said, and neither is taken for the other."""

import errno
import gzip
import io
import itertools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.errors import RunFailed
from longriver.pipeline.patience import Patience
from longriver.pipeline.patient_reader import PatientReader
from longriver.pipeline.storage import Storage
from longriver.pipeline.transient import is_transient
from tests.pipeline.stores import TRANSIENT, Fault, FaultyStore, HttpError, patient, slow_down

FINAL: dict[str, Fault] = {
    "not there": lambda: FileNotFoundError(errno.ENOENT, "not there"),
    "no permission": lambda: PermissionError("Access Denied"),
    "forbidden (403)": lambda: HttpError(403),
    "not found (404)": lambda: HttpError(404),
    "changed since it was opened (412)": lambda: HttpError(412),
    "disk full": lambda: OSError(errno.ENOSPC, "No space left on device"),
    "quota used up": lambda: OSError(errno.EDQUOT, "Disk quota exceeded"),
    "read-only": lambda: OSError(errno.EROFS, "Read-only file system"),
    "a mistake of ours": lambda: TypeError("no such argument"),
}


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore()


@pytest.fixture
def path(store: FaultyStore) -> str:
    path = f"/faulty/{uuid4().hex}/x"
    store.pipe_file(path, b"content")
    return path


CALLS: dict[str, Callable[[Storage, str], object]] = {
    "info": lambda fs, path: fs.info(path)["size"],
    "cat_file": lambda fs, path: fs.cat_file(path),
    "ls": lambda fs, path: fs.ls(path.rpartition("/")[0], detail=False),
    "find": lambda fs, path: fs.find(path.rpartition("/")[0]),
    "open": lambda fs, path: fs.open(path).read(),
    "pipe_file": lambda fs, path: fs.pipe_file(path, b"content"),
    "makedirs": lambda fs, path: fs.makedirs(path.rpartition("/")[0], exist_ok=True),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", TRANSIENT)
@pytest.mark.parametrize("when", ["before", "after"])
def test_every_passing_fault_of_every_call_is_borne(
    store: FaultyStore, path: str, call: str, kind: str, when: str
) -> None:
    expected = CALLS[call](patient(store), path)
    store.befall(call, *(TRANSIENT[kind]() for _ in range(5)), when=when)
    assert CALLS[call](patient(store), path) == expected
    assert store.num_faults == 5


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", FINAL)
def test_no_refusal_is_asked_for_twice(store: FaultyStore, path: str, call: str, kind: str) -> None:
    error = FINAL[kind]()
    store.befall(call, error, FINAL[kind]())
    with pytest.raises(type(error)):
        CALLS[call](patient(store), path)
    assert store.num_faults == 1


@pytest.mark.parametrize("kind", TRANSIENT)
def test_an_error_is_never_taken_for_not_there(store: FaultyStore, path: str, kind: str) -> None:
    """fsspec's own ``exists`` answers False to any error."""
    store.befall("info", TRANSIENT[kind]())
    assert patient(store).exists(path)
    store.befall("info", *(TRANSIENT[kind]() for _ in range(99)))
    with pytest.raises(OSError):
        patient(store).exists(path)


def test_a_client_that_says_not_there_of_a_bad_gateway_is_asked_again(
    store: FaultyStore, path: str
) -> None:
    """fsspec's client for http does."""
    error = FileNotFoundError("http://x/y")
    error.__cause__ = HttpError(502)
    store.befall("info", error)
    assert patient(store).exists(path)


def test_what_the_network_does_is_an_oserror_whatever_the_client_says(
    store: FaultyStore, path: str
) -> None:
    store.befall("cat_file", *(HttpError(503) for _ in range(99)))
    with pytest.raises(ConnectionError, match="HttpError: status 503"):
        patient(store).cat_file(path)
    with pytest.raises(ConnectionError, match="HttpError"), patient(store).writing():
        raise HttpError(503)


def test_classes_of_clients_are_known_by_name_alone() -> None:
    made = type("ReadTimeoutError", (Exception,), {"__module__": "botocore.exceptions"})
    base = type("HTTPClientError", (Exception,), {"__module__": "botocore.exceptions"})
    derived = type("EndpointConnectionError", (base,), {"__module__": "elsewhere"})
    assert (is_transient(made()), is_transient(derived())) == (False, True)


@given(st.integers(2, 20), st.floats(0, 1))
def test_waits_double_up_to_a_bound_and_are_drawn_from_nothing_on(
    num_tries: int, drawn: float
) -> None:
    waits: list[float] = []
    patience = Patience(
        num_tries=num_tries, first_s=1, longest_s=8, sleep=waits.append, random=lambda: drawn
    )
    told: list[Exception] = []
    with pytest.raises(TimeoutError):
        patience.call(_time_out, told.append)
    assert waits == [drawn * bound for bound in ([1, 2, 4] + [8] * 20)[: num_tries - 1]]
    assert len(told) == num_tries - 1


def test_no_wait_begins_that_would_end_too_late() -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    patience = Patience(
        99, 10, 10, total_s=60, sleep=sleep, random=lambda: 1.0, clock=lambda: now[0]
    )
    with pytest.raises(TimeoutError):
        patience.call(_time_out, lambda error: None)
    assert now[0] == 60


def _time_out() -> None:
    raise TimeoutError


def test_every_kind_of_trouble_is_a_warning_once(
    store: FaultyStore, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    fs = patient(store, "output.path=s3://b/run")
    store.befall("cat_file", slow_down(), TimeoutError("t"), slow_down(), slow_down())
    with caplog.at_level(logging.DEBUG, "longriver"):
        fs.cat_file(path)
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert warned == [
        "output.path=s3://b/run: read failed with OSError: [Errno 16] Please reduce your request "
        "rate.; trying again",
        "output.path=s3://b/run: read failed with TimeoutError: t; trying again",
    ]
    assert len(caplog.records) == 4


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "free some space"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "free some space, or have the quota"),
        (OSError(errno.EROFS, "Read-only file system"), "make it writable"),
        (PermissionError("Access Denied"), "Access Denied; let this user write there"),
    ],
)
def test_a_refusal_to_write_names_folder_and_way_out(error: OSError, words: str) -> None:
    with pytest.raises(RunFailed) as failed, patient(FaultyStore(), "output.path=x").writing():
        raise error
    message = str(failed.value)
    assert message.startswith("output.path=x: ") and words in message
    assert message.endswith("run the same command again, what is committed stays")


class BrokenReads(io.BytesIO):
    """Breaks off every few reads after it has moved on, as a buffered file may."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.turn = itertools.count()

    def read(self, size: int | None = -1, /) -> bytes:
        if next(self.turn) % 3 == 1:
            super().read(2)
            raise OSError(errno.EIO, "input/output error")
        return super().read(size)


def _reader(data: bytes) -> Any:
    return PatientReader(BrokenReads(data), patient(FaultyStore()).again)


@given(st.binary(max_size=200), st.lists(st.integers(0, 40), max_size=40))
def test_broken_reads_lose_and_double_no_byte(data: bytes, sizes: list[int]) -> None:
    reader, plain = _reader(data), io.BytesIO(data)
    for size in sizes:
        assert (reader.read(size), reader.tell()) == (plain.read(size), plain.tell())
    assert reader.read() == plain.read()
    assert reader.seek(-min(3, len(data)), io.SEEK_END) == plain.seek(-min(3, len(data)), 2)
    assert reader.read() == plain.read()


def test_decompressors_and_arrow_read_through_broken_reads() -> None:
    with gzip.GzipFile(fileobj=_reader(gzip.compress(b"a" * 99999))) as file:
        assert file.read() == b"a" * 99999
    sink = io.BytesIO()
    pq.write_table(pa.table({"x": range(5000)}), sink, row_group_size=100)
    with pa.PythonFile(_reader(sink.getvalue()), "r") as file:
        assert pq.read_table(file)["x"].to_pylist() == list(range(5000))


def test_a_file_that_changed_since_it_was_opened_is_not_read_on() -> None:
    """s3fs asks for the version that it opened; its error has an errno that looks like a mood."""

    class Changed(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            error = OSError(errno.EBUSY, "no longer exists")
            error.__cause__ = HttpError(412)
            raise error

    with pytest.raises(OSError, match="no longer exists"):
        PatientReader(Changed(b"x"), patient(FaultyStore()).again).read(1)


def test_arrow_datasets_are_read_with_the_same_patience(store: FaultyStore, path: str) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"x": [1, 2, 3]}), sink)
    store.pipe_file(path, sink.getvalue())
    store.befall("open", slow_down())
    store.befall("info", slow_down(), slow_down())
    found = pads.dataset([path], format="parquet", filesystem=patient(store).arrow)
    assert found.to_table()["x"].to_pylist() == [1, 2, 3]
    assert store.num_faults == 3


def test_local_files_are_read_by_arrow_itself(tmp_path: Path) -> None:
    import fsspec

    storage = Storage(fsspec.filesystem("file"), "output.path=x")
    assert isinstance(storage.arrow, pa.fs.LocalFileSystem)
