"""How far a run is can be read from its folder alone."""

from longriver.pipeline.status import RunStatus, read_status
from longriver.pipeline.summary import summarize, write_summary
from tests.pipeline.runs import commit_shard, dead_letter, new_folder, score_row

PLANNED = {"000000": 100, "000001": 50, "000002": 7}


def test_a_run_that_has_not_begun_has_done_nothing(run_url: str) -> None:
    status = read_status(new_folder(run_url), PLANNED)
    assert status == RunStatus(3, 0, 157, 0, 0, 0, 0, None, False)


def test_a_run_half_way_says_what_is_committed(run_url: str) -> None:
    folder = new_folder(run_url)
    commit_shard(folder, "000002", [score_row(5)])
    commit_shard(folder, "000000", [score_row(0), score_row(1)], [dead_letter(2)])
    assert read_status(folder, PLANNED) == RunStatus(
        num_shards=3,
        num_shards_done=2,
        num_bytes=157,
        num_bytes_done=107,
        num_documents=3,
        num_tokens=15,
        num_dead=1,
        last_commit="2026-01-02T03:04:02+00:00",
        is_complete=False,
    )


def test_a_run_is_complete_when_its_summary_is_written(run_url: str) -> None:
    folder = new_folder(run_url)
    receipts = [commit_shard(folder, name, []) for name in PLANNED]
    assert not read_status(folder, PLANNED).is_complete
    write_summary(folder, summarize(folder, receipts))
    assert read_status(folder, PLANNED).is_complete
