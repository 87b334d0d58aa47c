"""Reports of small and of very large runs are small files, made in memory that does not grow."""

from pathlib import Path

import pytest

from longriver.jobs.cli import main
from tests.jobs.report.runs import synthetic_run


@pytest.mark.parametrize(("size", "limit"), [(100, 3_000_000), (100_000, 10_000_000)])
def test_a_report_stays_small(tmp_path: Path, size: int, limit: int) -> None:
    run = synthetic_run(tmp_path / "made", size)
    assert main(["report", f"output.path={run}"]) == 0
    report = (run / "report.html").read_bytes()
    assert 50_000 < len(report) < limit
    assert (b"A sample of 1,000 of 100,000." in report) == (size == 100_000)
    assert (b"Every 67th document is shown." in report) == (size == 100_000)
