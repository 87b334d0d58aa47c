"""How far a run is, as a person reads it."""

import io
from dataclasses import replace

from rich.console import Console

from longriver.pipeline.at_work import Driver, InFlight, Trouble
from longriver.pipeline.pace_of_run import WorkerShare
from longriver.pipeline.status import RunStatus
from longriver.pipeline.status_display import MAX_ROWS, print_status

HALF = RunStatus(
    num_shards=4,
    num_shards_done=2,
    num_bytes=4_000_000,
    num_bytes_done=1_000_000,
    num_documents=1500,
    num_tokens=1_000_000,
    num_dead=3,
    dead_reasons={"null_text": 2, "worker_crash": 1},
    last_commit="2026-01-02T03:04:05+00:00",
    is_complete=False,
    busy_seconds=100.0,
    seconds_left=300.0,
    driver=Driver("node7", 4321, "2026-01-02T03:00:00+00:00", is_alive=True),
    workers=(WorkerShare("node7:11", 2, 1_000_000, 50.0),),
    troubles=(Trouble("000002", 3, 16, 1),),
    in_flight=(InFlight("000003", "a very long book", 262_144),),
)
DONE = replace(HALF, num_shards_done=4, is_complete=True, driver=None, troubles=(), in_flight=())


def page(status: RunStatus, run_path: str = "runs/x") -> str:
    console = Console(file=io.StringIO(), width=80)
    print_status(console, run_path, status)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def rows(status: RunStatus) -> list[str]:
    return [" ".join(line.split()) for line in page(status).splitlines()]


def test_what_is_committed_of_what_was_planned() -> None:
    found = rows(HALF)
    assert "shards 2 of 4" in found and "text 1.0 MB of 4.0 MB (25%)" in found
    assert "dead letters 3: null_text 2, worker_crash 1" in found
    assert "last commit 2026-01-02T03:04:05+00:00" in found
    assert "tokens/s 10,000" in found
    assert "time left 5 min 00 s, at the pace so far" in found
    assert found[-1].endswith("the command that began it does what is left.")


def test_workers_deaths_and_documents_in_flight() -> None:
    found = rows(HALF)
    assert "node7:11 2 1,000,000 20,000" in found
    assert "shard attempts not ended suspects convicted" in found
    assert "000002 3 16 1" in found
    assert "a very long book 000003 262,144" in found
    assert "Of each shard's attempts, one may be at work now; others are deaths." in found


def test_without_a_driver_every_attempt_that_did_not_end_is_a_death() -> None:
    for driver in (None, replace(HALF.driver, is_alive=False) if HALF.driver else None):
        assert "shard deaths suspects convicted" in rows(replace(HALF, driver=driver))


def test_who_is_at_work() -> None:
    who = "pid 4321 on node7, since 2026-01-02T03:00:00+00:00"
    assert HALF.driver is not None
    gone, far = (replace(HALF.driver, is_alive=alive) for alive in (False, None))
    assert f"driver at work: {who}" in rows(HALF)
    assert f"driver none at work; {who} is dead" in " ".join(rows(replace(HALF, driver=gone)))
    assert f"driver {who}; only there" in " ".join(rows(replace(HALF, driver=far)))
    assert "driver none at work" in rows(replace(HALF, driver=None))


def test_a_complete_run_leads_to_verify_or_to_its_dead_letters() -> None:
    whole = replace(DONE, dead_reasons={}, num_dead=0)
    assert page(whole, "my runs/x").endswith("Next: longriver verify output.path='my runs/x'\n")
    assert page(DONE, "my runs/x").endswith("longriver retry-dead output.path='my runs/x'\n")
    assert "time left" not in page(DONE)


def test_before_the_first_commit_nothing_is_an_error() -> None:
    empty = replace(
        HALF, num_bytes=0, num_bytes_done=0, last_commit=None, seconds_left=None, busy_seconds=0
    )
    found = rows(replace(empty, workers=(), troubles=(), in_flight=()))
    assert "last commit none yet" in found and "time left unknown yet" in found


def test_a_page_fits_a_terminal_however_much_there_is() -> None:
    many = replace(
        HALF,
        dead_reasons={f"reason_{n}": n for n in range(30)},
        workers=tuple(WorkerShare(f"{'node' * 20}{n}:1", 2, 10**13, 5.0) for n in range(99)),
        troubles=tuple(Trouble(f"{n:06d}", 3, 16, 1) for n in range(99)),
        in_flight=tuple(InFlight("000003", f"[bold]{'b' * 200}", 10**13) for _ in range(99)),
    )
    text = page(many)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("and 79 more; json=true lists them") == 3 and MAX_ROWS == 20
    assert "[bold]" in text
