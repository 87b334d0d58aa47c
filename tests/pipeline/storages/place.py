"""Where a whole run goes, on any storage, and what must be true of it there."""

from dataclasses import dataclass
from pathlib import Path

from longriver.jobs.config import RunConfig
from longriver.jobs.run import run
from longriver.pipeline.drain import Drain
from longriver.pipeline.progress import SilentReporter
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.sink import open_results
from longriver.pipeline.table import Column, Row, Table
from longriver.pipeline.verify import verify
from tests.fakes import FakeWorkforce

NUM_FILES = 6

LISTS = Table("lists", (Column("nll", "list<float32>"),))


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
