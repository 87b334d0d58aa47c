"""Whole runs on every kind of storage, in fair weather and in foul."""

import io
import logging
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import fsspec
import numpy as np
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from longriver.engine.errors import OrderError, RunFailed
from longriver.jobs.cli import main
from longriver.jobs.config import GcConfig, RunConfig
from longriver.jobs.folder import gc
from longriver.jobs.run import run
from longriver.pipeline.drain import Drain
from longriver.pipeline.driver_lock import DriverLock
from longriver.pipeline.exclusive import claims_to_create_exclusively, create_exclusive
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.listing import list_sizes
from longriver.pipeline.progress import SilentReporter
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.sink import ShardSink, open_results
from longriver.pipeline.table import Column, Row, Table
from longriver.pipeline.verify import verify, verify_deeply
from tests.fakes import FakeEngine, FakeWorkforce, ImpatientReporter
from tests.orders import write_texts
from tests.pipeline.runs import receipt_of
from tests.pipeline.s3_server import Answer, Request, S3Server
from tests.pipeline.sources import ROWS, TEXTS, csv_bytes, jsonl_bytes, table
from tests.pipeline.stores import MoodyStore

NUM_FILES = 6


@dataclass(frozen=True)
class Place:
    """Where a run goes, and what its storage has to be told."""

    url: str
    options: dict[str, object]

    @property
    def folder(self) -> RunFolder:
        config = RunConfig.model_validate({"data": {"path": "x"}, "output": self.output})
        return RunFolder.open(self.url, config.output.storage_options)

    @property
    def output(self) -> dict[str, object]:
        return {"path": self.url, "storage_options": self.options}

    def order(self, texts: object, **data: object) -> RunConfig:
        return RunConfig.model_validate(
            {
                "data": {"path": str(texts), "shard_bytes": 1, **data},
                "output": self.output,
                "engine": {"device": "cpu", "dtype": "float32", "num_threads": 1},
                "job": {"segment_tokens": 16},
            }
        )


@pytest.fixture(scope="session")
def server() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


@pytest.fixture(autouse=True)
def no_retries_but_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's own would hide the faults from the code under test; s3fs's still do in part."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.fixture
def s3(server: S3Server) -> Place:
    return Place(f"s3://{server.new_bucket()}/deep/run", server.options)


@pytest.fixture(params=["disk", "memory", "s3", "moody"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    match request.param:
        case "disk":
            return Place(str(tmp_path / "run"), {})
        case "memory":
            return Place(f"memory://runs/{uuid4().hex}", {})
        case "s3":
            found: Place = request.getfixturevalue("s3")
            return found
        case _:
            fsspec.register_implementation("moody", MoodyStore, clobber=True)
            return Place(f"moody://runs/{uuid4().hex}", {"seed": 1, "percent": 10})


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return write_texts(tmp_path / "texts", NUM_FILES)


def carry_out(config: RunConfig, workforce: FakeWorkforce | None = None) -> None:
    def hire(config: RunConfig, drain: Drain) -> FakeWorkforce:
        return workforce or FakeWorkforce()

    run(config, SilentReporter(), hire)


def rows(place: Place, table: str = "score") -> list[Row]:
    config = place.order("x")
    found = open_results(place.url, table, config.output.storage_options).to_table()
    return [row | {"source": str(row["source"])[-5:]} for row in found.to_pylist()]


def expected(texts: Path, tmp_path: Path) -> list[Row]:
    plain = Place(str(tmp_path / "plain"), {})
    carry_out(plain.order(texts))
    return rows(plain)


def assert_whole(place: Place, num_orphans: int = 0) -> None:
    report = verify(place.folder, {f"{n:06d}": 1 for n in range(NUM_FILES)})
    assert (report.problems, report.num_committed) == ((), NUM_FILES)
    assert report.num_orphans <= num_orphans
    assert place.folder.has_succeeded()
    assert place.folder.fs.find(place.folder.lock_path) == []


def test_a_run_says_the_same_on_every_storage(place: Place, texts: Path, tmp_path: Path) -> None:
    carry_out(place.order(texts))
    assert rows(place) == expected(texts, tmp_path)
    # an answer that was lost may leave the file of an attempt that thought itself second
    assert_whole(place, num_orphans=99 if place.url.startswith("moody") else 0)


def test_a_run_that_was_stopped_goes_on_on_every_storage(place: Place, texts: Path) -> None:
    def hire(config: RunConfig, drain: Drain) -> FakeWorkforce:
        return FakeWorkforce()

    with pytest.raises(KeyboardInterrupt):
        run(place.order(texts), ImpatientReporter(2), hire)
    workforce = FakeWorkforce()
    carry_out(place.order(texts), workforce)
    assert len(workforce.given) == NUM_FILES - 2
    assert_whole(place, num_orphans=99 if place.url.startswith("moody") else 0)


def test_garbage_goes_and_nothing_else_on_every_storage(place: Place, texts: Path) -> None:
    carry_out(place.order(texts))
    sink = ShardSink(place.folder, "000000", (LISTS,), {})
    sink.write("lists", {"nll": np.zeros(9, np.float32)})
    [entry] = sink.close()
    orphan = f"score/{entry.path.partition('/')[2]}"
    place.folder.fs.pipe_file(place.folder.path(orphan), b"12345")
    found = rows(place)
    options = GcConfig.model_validate({"output": {**place.output}})
    assert gc(options) == 0
    assert orphan not in list_sizes(place.folder) and rows(place) == found
    report = verify_deeply(place.folder, {f"{n:06d}": 1 for n in range(NUM_FILES)})
    assert report.problems == () and report.num_orphans == 0


def test_a_second_driver_is_refused_on_every_storage(place: Place, texts: Path) -> None:
    with DriverLock(place.folder), pytest.raises(OrderError, match="is at work on this folder"):
        carry_out(place.order(texts))
    carry_out(place.order(texts))
    assert_whole(place, num_orphans=99 if place.url.startswith("moody") else 0)


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(n, marks=pytest.mark.long) for n in range(2, 9))]
)
def test_foul_weather_changes_no_number(texts: Path, tmp_path: Path, seed: int) -> None:
    """A fifth of all calls fail, half of them after they have done what they were told."""
    fsspec.register_implementation("moody", MoodyStore, clobber=True)
    place = Place(f"moody://runs/{uuid4().hex}", {"seed": seed, "percent": 20})
    carry_out(place.order(texts))
    store = place.folder.fs.raw
    assert store.num_faults > 20
    assert rows(place) == expected(texts, tmp_path)


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


LISTS = Table("lists", (Column("nll", "list<float32>"),))


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


SECRETS = ("canary-of-the-key-4711", "canary-of-the-secret-0815")


def test_a_secret_is_in_nothing_that_a_run_writes_or_says(
    server: S3Server,
    texts: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    bucket = server.new_bucket()
    for name, value in zip(("S3_KEY", "S3_SECRET"), SECRETS, strict=True):
        monkeypatch.setenv(name, value)
    s3 = Place(f"s3://{bucket}/run", server.options)
    raw = s3.folder.fs.raw
    raw.put(str(texts), f"{bucket}/texts", recursive=True)
    options = (
        "{key:${oc.env:S3_KEY},secret:${oc.env:S3_SECRET},client_kwargs:{region_name:us-east-1},"
        f'endpoint_url:"{server.options["endpoint_url"]}"}}'
    )
    words = [f"output.path={s3.url}", f"output.storage_options={options}"]
    order = [f"data.path=s3://{bucket}/texts", f"data.storage_options={options}", *words]
    with caplog.at_level(logging.DEBUG, "longriver"):
        codes = [
            main(["score", *order, "engine.device=cpu", "engine.num_threads=1"]),
            main(["plan", *order, "engine.device=cpu", "engine.num_threads=1"]),
            main(["score", *order, "engine.device=nonsense"]),
            main(["score", *order, "job.segment_tokens=9"]),
            main(["status", *words]),
            main(["verify", *words]),
        ]
    assert codes == [0, 0, 2, 2, 0, 0]
    said = "".join(capfd.readouterr()) + caplog.text
    files = {path: raw.cat_file(path) for path in raw.find(f"{bucket}/run")}
    assert len(files) > 6 and f"{bucket}/run/run.json" in files
    for secret in SECRETS:
        assert secret not in said
        assert [path for path, data in files.items() if secret.encode() in data] == []
        config = RunConfig.model_validate(
            {"data": {"path": "x", "storage_options": {"key": secret}}, "output": s3.output}
        )
        assert secret not in f"{config!r} {config.model_dump()} {config.data.storage_options}"
