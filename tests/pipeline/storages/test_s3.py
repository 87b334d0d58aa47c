"""An S3 that throttles, loses answers, answers late or knows no conditions changes no number."""

import io
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from longriver.engine.errors import RunFailed
from longriver.pipeline.driver_lock import DriverLock
from longriver.pipeline.exclusive import claims_to_create_exclusively, create_exclusive
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.sink import ShardSink
from tests.fakes import FakeEngine, FakeWorkforce
from tests.pipeline.runs import receipt_of
from tests.pipeline.s3_server import Answer, Request, S3Server
from tests.pipeline.sources import ROWS, TEXTS, csv_bytes, jsonl_bytes, table
from tests.pipeline.storages.place import LISTS, Place, assert_whole, carry_out, expected, rows


def test_input_is_read_from_s3_in_every_format(s3: Place, server: S3Server, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(table(), folder / "a.parquet")
    feather.write_feather(table(), str(folder / "b.arrow"))
    (folder / "c.csv").write_bytes(csv_bytes(ROWS))
    (folder / "d.jsonl").write_bytes(jsonl_bytes(ROWS))
    (folder / "e.txt").write_bytes(TEXTS[0])
    bucket = s3.url.split("/")[2]
    s3.folder.fs.raw.put(str(folder), f"{bucket}/in", recursive=True)

    def spoil(request: Request) -> Answer | None:
        is_read = request.method == "GET" and "/in/" in request.path
        is_due = is_read and chance.random() < 0.35
        return request.fail("500 X", "InternalError") if is_due else None

    chance = random.Random(0)
    server.num_spoilt, num_spoilt, plain = 0, 0, Place(str(tmp_path / "plain"), {})
    for name in ("a.parquet", "b.arrow", "c.csv", "d.jsonl", "e.txt"):
        away = Place(f"{s3.url}-{name}", s3.options)
        source = f"s3://{bucket}/in/{name}"
        with server.spoilt(spoil):
            carry_out(away.order(source, storage_options=s3.options), _fast())
        num_spoilt += server.num_spoilt
        here = Place(f"{plain.url}-{name}", {})
        carry_out(here.order(folder / name), _fast())
        assert [row["nll"] for row in rows(away)] == [row["nll"] for row in rows(here)]
    assert num_spoilt > 5


def _fast() -> FakeWorkforce:
    return FakeWorkforce(FakeEngine(chunk_tokens=1 << 14))


def test_s3_refuses_the_second_create_and_of_racing_ones_all_but_one(s3: Place) -> None:
    folder = s3.folder
    assert claims_to_create_exclusively(folder.fs)
    assert create_exclusive(folder.fs, folder.path("x"), b"first")
    assert not create_exclusive(folder.fs, folder.path("x"), b"second")
    assert folder.fs.cat_file(folder.path("x")) == b"first"
    barrier = threading.Barrier(16)

    def write(index: int) -> bool:
        barrier.wait()
        return create_exclusive(folder.fs, folder.path("y"), b"%d" % index)

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(write, range(16))) == 1


STATUSES = [
    ("503 Slow Down", "SlowDown"),
    ("500 Internal Server Error", "InternalError"),
    ("503 Service Unavailable", "ServiceUnavailable"),
    ("429 Too Many Requests", "TooManyRequests"),
    ("409 Conflict", "ConditionalRequestConflict"),
]


@pytest.mark.parametrize(("status", "code"), STATUSES)
def test_a_throttling_s3_is_borne(
    s3: Place, server: S3Server, texts: Path, tmp_path: Path, status: str, code: str
) -> None:
    chance = random.Random(code)

    def spoil(request: Request) -> Answer | None:
        return request.fail(status, code) if chance.random() < 0.15 else None

    with server.spoilt(spoil):
        carry_out(s3.order(texts))
    assert server.num_spoilt > 10
    assert rows(s3) == expected(texts, tmp_path)
    assert_whole(s3)


def test_lost_answers_of_s3_commit_nothing_twice(
    s3: Place, server: S3Server, texts: Path, tmp_path: Path
) -> None:
    chance = random.Random(7)

    def spoil(request: Request) -> Answer | None:
        is_write = request.method in ("PUT", "DELETE")
        return request.lose_answer() if is_write and chance.random() < 0.3 else None

    with server.spoilt(spoil):
        carry_out(s3.order(texts))
    assert server.num_spoilt > 5
    assert rows(s3) == expected(texts, tmp_path)
    assert_whole(s3)


def test_every_lost_answer_of_a_commit_is_the_workers_own(s3: Place, server: S3Server) -> None:
    ledger = Ledger(s3.folder)

    def spoil(request: Request) -> Answer | None:
        return request.lose_answer() if request.method == "PUT" else None

    with server.spoilt(spoil):
        assert ledger.commit(receipt_of("000001", "mine"))
        assert not ledger.commit(receipt_of("000001", "another's"))
    assert ledger.read("000001").attempt == "mine"


def test_an_s3_that_answers_too_late_is_asked_again(
    s3: Place, server: S3Server, texts: Path, tmp_path: Path
) -> None:
    chance = random.Random(3)

    def spoil(request: Request) -> Answer | None:
        return request.delay_answer(0.6) if chance.random() < 0.05 else None

    hasty = Place(s3.url, s3.options | {"config_kwargs": {"read_timeout": 0.3}})
    with server.spoilt(spoil):
        carry_out(hasty.order(texts))
    assert server.num_spoilt > 2
    assert rows(s3) == expected(texts, tmp_path)


def test_an_s3_that_knows_no_conditions_has_the_driver_commit(
    s3: Place, server: S3Server, texts: Path, tmp_path: Path
) -> None:
    def spoil(request: Request) -> Answer | None:
        request.environ.pop("HTTP_IF_NONE_MATCH", None)
        return None

    with server.spoilt(spoil):
        with DriverLock(s3.folder) as lock:
            assert lock.commits == "driver"
        carry_out(s3.order(texts))
    assert rows(s3) == expected(texts, tmp_path)
    assert_whole(s3)


def test_an_upload_that_fails_half_way_leaves_no_file(s3: Place, server: S3Server) -> None:
    small_parts = Place(s3.url, s3.options | {"default_block_size": 5 << 20})
    folder = small_parts.folder
    sink = ShardSink(folder, "000000", (LISTS,), {}, group_bytes=1 << 20)
    noise = np.random.default_rng(0)

    def spoil(request: Request) -> Answer | None:
        is_third = "partNumber=3" in request.query
        return request.fail("500 X", "InternalError") if is_third else None

    with server.spoilt(spoil):
        with pytest.raises(OSError):
            for _ in range(5000):
                sink.write("lists", {"nll": noise.random(2000, np.float32)})
        assert server.num_spoilt > 0
        sink.abort()
    assert folder.fs.find(folder.root) == []


def test_results_that_a_store_cut_off_are_not_taken_for_whole(s3: Place, server: S3Server) -> None:
    sink = ShardSink(s3.folder, "000000", (LISTS,), {})
    sink.write("lists", {"nll": np.zeros(9, np.float32)})

    def spoil(request: Request) -> Answer | None:
        if request.method == "PUT":
            body = request.body()
            assert len(body) > 100
            request.environ |= {"wsgi.input": io.BytesIO(body[:99]), "CONTENT_LENGTH": "99"}
            for name in [n for n in request.environ if "CHECKSUM" in n or "MD5" in n]:
                del request.environ[name]
        return None

    with server.spoilt(spoil), pytest.raises(OSError, match=r"99 of .* bytes were kept"):
        sink.close()


def test_a_store_without_permission_stops_in_one_line(
    s3: Place, server: S3Server, texts: Path
) -> None:
    def spoil(request: Request) -> Answer | None:
        is_result = request.method == "PUT" and "/score/" in request.path
        return request.fail("403 Forbidden", "AccessDenied") if is_result else None

    with server.spoilt(spoil), pytest.raises(RunFailed) as failed:
        carry_out(s3.order(texts))
    assert server.num_spoilt == 1
    assert str(failed.value) == (
        f"output.path={s3.url}: AccessDenied; let this user write there and run the same command "
        "again, what is committed stays"
    )
    carry_out(s3.order(texts))
    assert_whole(s3)
