"""Whole runs on every kind of storage, in fair weather and in foul."""

import logging
from pathlib import Path
from uuid import uuid4

import fsspec
import numpy as np
import pytest

from longriver.engine.errors import OrderError
from longriver.jobs.cli import main
from longriver.jobs.config import RunConfig
from longriver.jobs.folder import gc
from longriver.jobs.folder_config import GcConfig
from longriver.jobs.run import run
from longriver.pipeline.drain import Drain
from longriver.pipeline.driver_lock import DriverLock
from longriver.pipeline.listing import list_sizes
from longriver.pipeline.sink import ShardSink
from longriver.pipeline.verify import verify_deeply
from tests.fakes import FakeWorkforce, ImpatientReporter
from tests.pipeline.s3_server import S3Server
from tests.pipeline.storages.place import (
    LISTS,
    NUM_FILES,
    Place,
    assert_whole,
    carry_out,
    expected,
    rows,
)
from tests.pipeline.stores import MoodyStore


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
