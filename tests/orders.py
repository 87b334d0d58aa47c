"""Small orders, and the session and worker's orders that come of them."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from longriver.engine.checkpoint import judge
from longriver.jobs.build import built
from longriver.jobs.config import RunConfig
from longriver.pipeline.job import Job
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.order import Order, recorded
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.session import Session, input_plan
from longriver.pipeline.sink import open_results
from longriver.pipeline.table import Row
from longriver.pipeline.verify import verify_deeply
from longriver.pipeline.worker import WorkerSpec

SENTENCE = "The river is long, and 水 is water. "


def write_texts(folder: Path, num_files: int = 4, num_sentences: int = 3) -> Path:
    """Text files of rising length, a shard each where ``data.shard_bytes`` is 1."""
    folder.mkdir()
    for index in range(num_files):
        (folder / f"{index}.txt").write_text(f"{index} " + SENTENCE * (num_sentences + index))
    return folder


def order_of(data: Path, run: Path, /, **parts: dict[str, object]) -> RunConfig:
    """An order whose every file is a shard, done by one thread."""
    order = {
        "data": {"path": str(data), "shard_bytes": 1, **parts.get("data", {})},
        "output": {"path": str(run), **parts.get("output", {})},
        "engine": {"device": "cpu", "num_threads": 1, **parts.get("engine", {})},
        "job": {"segment_tokens": 16, **parts.get("job", {})},
    }
    rest = {part: keys for part, keys in parts.items() if part not in order}
    return RunConfig.model_validate(order | rest)


def begin(config: RunConfig, job: Job | None = None) -> tuple[Session, WorkerSpec]:
    """Claims the run folder for an order, with another job where one is given."""
    judged = judge(config.model)
    fingerprints = judged.fingerprints
    job = job or built(config.job, config.data.group_columns, judged.shape)
    folder = RunFolder.open(config.output.path)
    plan, inputs_sha256 = input_plan(folder, config.data)
    order = Order(
        created_at="2026-01-02T03:04:05+00:00",
        order={},
        fingerprints={
            "model": fingerprints.model,
            "tokenizer": fingerprints.tokenizer,
            "inputs": inputs_sha256,
        },
        semantic=config.semantic("float32"),
        tables=recorded(job.tables),
    )
    session = Session.open(folder, order, plan)
    spec = WorkerSpec(
        model=config.model,
        engine=config.engine,
        data=config.data,
        output_path=folder.absolute_url,
        job=job,
        metadata=session.order.metadata,
        fingerprints=fingerprints,
        snapshot_tokens=config.output.snapshot_tokens,
    )
    return session, spec


def rows_of(run: Path, table: str) -> list[Row]:
    found: pa.Table = open_results(str(run), table).to_table()
    rows: list[Row] = found.to_pylist()
    return rows


def file_hashes(run: Path) -> dict[str, list[tuple[str, str]]]:
    """Table and sha256 of every result file, by shard; file names differ between equal runs."""
    receipts = Ledger(RunFolder.open(str(run))).read_all()
    return {name: [(f.table, f.sha256) for f in r.files] for name, r in receipts.items()}


def assert_whole(session: Session, num_orphans: int = 0) -> None:
    planned = {shard.name: shard.num_rows for shard in session.plan.shards}
    report = verify_deeply(session.folder, planned)
    assert report.is_whole, report.problems
    assert report.num_orphans == num_orphans


def changed(spec: WorkerSpec, **fingerprints: str) -> WorkerSpec:
    """The same with other fingerprints, as a driver with other files would send it."""
    return replace(spec, fingerprints=replace(spec.fingerprints, **fingerprints))
