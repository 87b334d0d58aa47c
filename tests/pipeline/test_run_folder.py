"""A run folder belongs to one order."""

import dataclasses
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from longriver.engine.errors import OrderError, PlanMismatch
from longriver.pipeline.order import Order
from longriver.pipeline.run_folder import RunFolder
from tests.pipeline.runs import new_folder, order


def test_the_same_order_resumes_and_gets_the_order_on_record(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    first = folder.claim(order())
    later = dataclasses.replace(order(), created_at="2027-01-01T00:00:00+00:00")
    assert folder.claim(later) == first == order()


def test_a_process_elsewhere_finds_the_folder_by_its_absolute_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = RunFolder.open("runs/a")
    assert folder.root == str(tmp_path / "runs" / "a")
    monkeypatch.chdir("/")
    assert RunFolder.open(folder.absolute_url).root == folder.root


def test_an_order_survives_its_json() -> None:
    assert Order.from_json(order(text="ü", flag=True, none=None, many=["a"]).to_json()) == order(
        text="ü", flag=True, none=None, many=["a"]
    )


def test_a_changed_setting_is_refused_with_both_values(run_url: str) -> None:
    folder = new_folder(run_url)
    changed = dataclasses.replace(order(), semantic={"job.segment_tokens": 512})
    with pytest.raises(PlanMismatch) as refusal:
        folder.claim(changed)
    assert str(refusal.value) == (
        f"{run_url} was started with job.segment_tokens=1024, this order says 512; "
        "use another output.path, or the old value"
    )


def test_a_folder_of_another_job_is_refused_by_the_name_of_the_job(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    folder.claim(order(**{"job.kind": "perplexity", "job.context_policy": "streaming"}))
    other = order(**{"job.kind": "embed", "job.layer": -1})
    with pytest.raises(PlanMismatch, match=r'job\.kind="perplexity", this order says "embed"'):
        folder.claim(other)


@pytest.mark.parametrize("name", ["model", "tokenizer", "inputs"])
def test_a_changed_fingerprint_is_refused_with_both_values(run_url: str, name: str) -> None:
    folder = new_folder(run_url)
    changed = dataclasses.replace(order(), fingerprints={**order().fingerprints, name: "f" * 64})
    with pytest.raises(PlanMismatch) as refusal:
        folder.claim(changed)
    message = str(refusal.value)
    assert f"{name}=sha256:{order().fingerprints[name][:16]}" in message
    assert f"says sha256:{'f' * 16}" in message
    assert f"the old {name}" in message


def test_a_setting_that_came_or_went_is_refused(run_url: str) -> None:
    folder = new_folder(run_url)
    with pytest.raises(PlanMismatch, match=r"job\.new=\(not set\), this order says true"):
        folder.claim(order(**{"job.new": True}))


def test_true_is_not_one() -> None:
    assert order(x=True).semantic_sha256 != order(x=1).semantic_sha256


def test_settings_that_do_not_change_results_may_change(run_url: str) -> None:
    folder = new_folder(run_url)
    folder.claim(dataclasses.replace(order(), order={"cluster": {"num_workers": 8}}))


def test_of_racing_drivers_every_one_gets_the_same_order(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    orders = [dataclasses.replace(order(), created_at=str(n)) for n in range(20)]
    barrier = Barrier(len(orders))

    def claim(mine: Order) -> str:
        barrier.wait()
        return folder.claim(mine).created_at

    with ThreadPoolExecutor(len(orders)) as pool:
        assert len(set(pool.map(claim, orders))) == 1


def test_a_folder_with_other_files_is_refused(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    folder.fs.makedirs(folder.root, exist_ok=True)
    folder.fs.pipe_file(folder.path("thesis.docx"), b"years of work")
    with pytest.raises(OrderError, match=r"output\.path=.*thesis\.docx"):
        folder.claim(order())
    assert not folder.fs.exists(folder.order_path)


def test_hidden_files_do_not_make_a_folder_foreign(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"")
    RunFolder.open(str(tmp_path)).claim(order())


def test_a_path_that_is_a_file_is_refused(run_url: str) -> None:
    folder = RunFolder.open(run_url)
    folder.fs.pipe_file(folder.root, b"a file")
    with pytest.raises(OrderError, match=r"output\.path=.*it is a file"):
        folder.claim(order())


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OrderError, match=r"output\.path="):
        RunFolder.open(str(tmp_path / "file" / "run")).claim(order())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OrderError, match=r"output\.path=.*cannot be written"):
        RunFolder.open(str(tmp_path / "run")).claim(order())


def test_a_place_that_takes_no_files_is_refused() -> None:
    with pytest.raises(OrderError, match=r"output\.path=/proc/run: cannot be written"):
        RunFolder.open("/proc/run").claim(order())


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(OrderError, match=r"output\.path=nowhere://x"):
        RunFolder.open("nowhere://x")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"format_version": 1}', b"\xff"])
def test_a_damaged_record_is_said_to_be_one(run_url: str, data: bytes) -> None:
    folder = new_folder(run_url)
    folder.fs.pipe_file(folder.order_path, data)
    with pytest.raises(OrderError, match=r"run\.json cannot be used"):
        folder.claim(order())


def test_a_folder_of_a_later_format_is_refused_by_its_version(run_url: str) -> None:
    folder = new_folder(run_url)
    later = order().to_json().replace(b'"format_version": 1', b'"format_version": 99')
    folder.fs.pipe_file(folder.order_path, later)
    with pytest.raises(OrderError, match="format_version is 99, this longriver reads 1"):
        folder.read_order()


def test_a_folder_without_a_run_is_said_to_be_none(run_url: str) -> None:
    with pytest.raises(OrderError, match=r"no run\.json"):
        RunFolder.open(run_url).read_order()
