"""Nothing that was cut off or garbled is taken for whole: it is refused in one line, or redone."""

import io
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from longriver.engine.errors import OrderError, PlanMismatch, RunFailed
from longriver.jobs.config import RunConfig
from longriver.jobs.run import run
from longriver.pipeline.drain import Drain
from longriver.pipeline.order import Order
from longriver.pipeline.plan import Plan
from longriver.pipeline.plan_file import read_plan, write_plan
from longriver.pipeline.progress import SilentReporter
from longriver.pipeline.receipt import FileEntry, Receipt
from longriver.pipeline.shard import Piece, Shard
from tests.fakes import FakeWorkforce
from tests.orders import order_of, write_texts
from tests.pipeline.runs import order, receipt_of

PIECES = tuple(Piece(f"/in/{n}.txt", f"{n}.txt", "text", 0, 1, 0, 1, 100 + n) for n in range(9))
PLAN = Plan(tuple(Shard(n, PIECES[3 * n : 3 * n + 3]) for n in range(3)), 300, "f" * 64)
RECEIPT = receipt_of("000001", "a" * 32, [FileEntry("score", "score/x.parquet", 3, 999, "e" * 64)])


def plan_bytes() -> bytes:
    sink = io.BytesIO()
    write_plan(PLAN, sink)
    return sink.getvalue()


@given(st.integers(0, len(plan_bytes()) - 1))
def test_no_beginning_of_a_plan_is_a_plan(length: int) -> None:
    with pytest.raises(PlanMismatch, match=r"plan\.parquet "):
        read_plan(io.BytesIO(plan_bytes()[:length]))


@given(st.integers(0, len(plan_bytes()) - 1), st.integers(1, 255))
@example(place=1400, change=28)  # the sources become bytes
@settings(max_examples=1000)
def test_no_garbled_plan_is_another_plan(place: int, change: int) -> None:
    data = bytearray(plan_bytes())
    data[place] ^= change
    try:
        assert read_plan(io.BytesIO(bytes(data))) == PLAN
    except PlanMismatch as refusal:
        assert str(refusal).startswith("plan.parquet ")


@given(st.integers(0, len(RECEIPT.to_json()) - 2))
def test_no_beginning_of_a_receipt_is_a_receipt(length: int) -> None:
    with pytest.raises(ValueError):
        Receipt.from_json(RECEIPT.to_json()[:length])


@given(st.integers(0, len(order().to_json()) - 2))
def test_no_beginning_of_an_order_is_an_order(length: int) -> None:
    with pytest.raises(ValueError):
        Order.from_json(order().to_json()[:length])


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    return order_of(write_texts(tmp_path / "texts"), tmp_path / "run")


def carry_out(config: RunConfig) -> None:
    def hire(config: RunConfig, drain: Drain) -> FakeWorkforce:
        return FakeWorkforce()

    run(config, SilentReporter(), hire)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("run.json", r"output\.path=.*run\.json cannot be used"),
        ("plan.parquet", r"plan\.parquet cannot be read"),
        ("ledger/000001.json", r"ledger/000001\.json is no whole receipt .*; delete it and run"),
        ("score/000001-*.parquet", r"bytes, \d+ were written; delete .*ledger/000001\.json"),
    ],
)
def test_a_run_folder_with_half_a_file_is_refused_with_the_way_out(
    config: RunConfig, name: str, complaint: str
) -> None:
    carry_out(config)
    [path] = Path(config.output.path).glob(name)
    data = path.read_bytes()
    for length in (0, len(data) // 2, len(data) - 2):
        path.write_bytes(data[:length])
        with pytest.raises((OrderError, RunFailed), match=complaint):
            carry_out(config)


def test_the_way_out_mends_the_run(config: RunConfig) -> None:
    carry_out(config)
    run_path = Path(config.output.path)
    [path] = run_path.glob("score/000001-*.parquet")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunFailed, match=r"delete .*ledger/000001\.json"):
        carry_out(config)
    (run_path / "ledger/000001.json").unlink()
    (run_path / "_SUCCESS").unlink()
    carry_out(config)


@pytest.mark.parametrize("name", ["summary.json", "_SUCCESS"])
def test_half_a_summary_is_written_again(config: RunConfig, name: str) -> None:
    carry_out(config)
    path = Path(config.output.path) / name
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    carry_out(config)
    assert path.read_bytes() == whole


def test_half_a_file_of_a_killed_driver_stops_nobody(config: RunConfig) -> None:
    run_path = Path(config.output.path)
    (run_path / "lock").mkdir(parents=True)
    for half in (".000001.json.abc.tmp", ".run.json.abc.tmp", "lock/.000001.json.abc.tmp"):
        (run_path / half).write_bytes(b"{")
    carry_out(config)
    assert (run_path / "_SUCCESS").exists()
