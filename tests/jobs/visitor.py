"""What a visitor does: gives an order at the command line, interrupts it and gives it again."""

from pathlib import Path

import pytest

from longriver.jobs.cli import main
from longriver.jobs.config import RunConfig
from longriver.jobs.run import run
from longriver.pipeline.progress import SilentReporter
from tests.fakes import ImpatientReporter
from tests.orders import file_hashes


def give(job: str, data: Path, run_path: Path, *words: str) -> int:
    """Gives an order to one thread, and returns the exit code."""
    keys = (f"data.path={data}", f"output.path={run_path}", "engine.num_threads=1")
    return main([job, *keys, "engine.device=cpu", *words])


def assert_an_interruption_leaves_no_trace(whole: RunConfig, broken: RunConfig) -> None:
    """One order in one go and, into another folder, interrupted behind two shards."""
    run(whole, SilentReporter())
    with pytest.raises(KeyboardInterrupt):
        run(broken, ImpatientReporter(num_shards=2))
    run(broken, SilentReporter())
    paths = [Path(order.output.path) for order in (whole, broken)]
    hashes = [file_hashes(path) for path in paths]
    assert hashes[0] == hashes[1]
    summaries = [(path / "summary.json").read_bytes() for path in paths]
    assert summaries[0] == summaries[1]
