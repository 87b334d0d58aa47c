"""Dead letters get another chance, and nothing else changes."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from longriver.jobs.actions import Actions
from longriver.jobs.cli import main
from longriver.jobs.config import RunConfig
from longriver.jobs.folder_config import FolderPath, RetryConfig
from longriver.jobs.retry_dead import retry_dead
from longriver.pipeline.crumbs import Crumb, Crumbs
from longriver.pipeline.driver_lock import DriverLock
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.listing import list_sizes
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.withdraw import withdraw
from tests.orders import file_hashes, rows_of, write_texts

SPARE = "engine.num_threads=1"


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return write_texts(tmp_path / "texts")


@pytest.fixture
def poem(tmp_path: Path) -> Path:
    return write_poem(tmp_path)


def write_poem(folder: Path) -> Path:
    """Six rows, a shard each; two of them have no text."""
    path = folder / "poem.parquet"
    texts = ["Shall I compare", "thee", None, "to a", "summer's", None]
    pq.write_table(pa.table({"text": texts}), path, row_group_size=2)
    return path


def score(data: Path, run: Path, *words: str) -> int:
    keys = (f"data.path={data}", f"output.path={run}", SPARE, "engine.device=cpu")
    return main(["score", *keys, "data.shard_bytes=1", *words])


def retry(run: Path, *words: str) -> int:
    return main(["retry-dead", f"output.path={run}", *words])


def refusal(capsys: pytest.CaptureFixture[str], run: Path, *words: str) -> str:
    """The one line that a bad order gets; nothing of the run is any different then."""
    capsys.readouterr()
    before = list_sizes(RunFolder.open(str(run)))
    assert retry(run, *words) == 2
    assert list_sizes(RunFolder.open(str(run))) == before
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("longriver: error: ") and err.count("\n") == 1
    return err.removeprefix("longriver: error: ").rstrip("\n")


def crash(data: Path, run: Path, shard: str) -> None:
    """Has a shard's first document convicted of having ended its worker."""
    folder = RunFolder.open(str(run))
    with DriverLock(folder) as lock:
        withdraw(lock, [shard])
    Crumbs(folder, shard).leave("one", Crumb((0,), is_alone=True))
    assert score(data, run) == 3


def receipts(run: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in (run / "ledger").iterdir()}


def test_a_crash_that_does_not_come_again_leaves_the_run_as_if_it_had_never_been(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, calm = tmp_path / "run", tmp_path / "calm"
    assert score(texts, calm) == score(texts, run) == 0
    crash(texts, run, "000002")
    assert [row["reason"] for row in rows_of(run, "dead")] == ["worker_crash"]
    before = receipts(run)
    assert retry(run, "reason=worker_crash") == 0
    assert "1 shard with 1 dead letter: done again." in capsys.readouterr().out
    assert {s: r for s, r in receipts(run).items() if s != "000002"} == {
        s: r for s, r in before.items() if s != "000002"
    }
    assert file_hashes(run) == file_hashes(calm)
    assert (run / "summary.json").read_bytes() == (calm / "summary.json").read_bytes()
    for command in (["gc"], ["verify", "deep=true"]):
        assert main([*command, f"output.path={run}"]) == 0
    assert len(list_sizes(RunFolder.open(str(run)))) == len(list_sizes(RunFolder.open(str(calm))))


def test_what_cannot_be_done_is_a_dead_letter_again(poem: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert score(poem, run) == 3
    before, dead = receipts(run), rows_of(run, "dead")
    assert retry(run) == 3
    changed = {shard for shard, receipt in receipts(run).items() if receipt != before[shard]}
    assert changed == {json.loads(r)["shard"] for r in before.values() if b'"dead"' in r}
    assert rows_of(run, "dead") == dead
    assert main(["verify", f"output.path={run}", "deep=true"]) == 0


def test_reasons_choose_the_shards(poem: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert score(poem, run) == 3
    crash(poem, run, "000000")
    before = receipts(run)
    assert retry(run, "reason=worker_crash") == 3
    assert [s for s, r in receipts(run).items() if r != before[s]] == ["000000"]
    before = receipts(run)
    assert retry(run, "reason=null_text", "cluster.max_crashed_documents=3") == 3
    assert len([s for s, r in receipts(run).items() if r != before[s]]) == 2


def test_a_run_without_dead_letters_says_so(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert score(texts, run) == 0
    before, _ = receipts(run), capsys.readouterr()
    for words in ([], ["reason=worker_crash"]):
        assert retry(run, *words) == 0
        assert capsys.readouterr().out.endswith(
            "has no dead letters: nothing is to be done again.\n"
        )
    assert receipts(run) == before


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``dead``, for tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("finished")
    assert score(write_poem(folder), folder / "run") == 3
    return folder / "run"


@pytest.fixture
def dead(poem: Path, tmp_path: Path) -> Path:
    """A complete run with two dead letters."""
    assert score(poem, tmp_path / "run") == 3
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("reason=worker_crash", "no such dead letters; there are null_text (2)"),
        ("reason=null_text,nulltext", "reason=nulltext: "),
        ("reason=[null_text,x]", "reason=x: "),
        ("reason=", "reason= cannot be used; give a text that is not empty"),
        ("reason=3", "reason=3 cannot be used; give a list such as [first,second]"),
        ("reasons=null_text", "unknown key reasons; did you mean reason?"),
        ("job.segment_tokens=5", "was started with job.segment_tokens=1024, this order says 5"),
        ("engine.dtype=bfloat16", "engine.dtype=bfloat16 on CPU: "),
        ("data.path=nowhere", "data.path=nowhere does not exist"),
        ("model.path=nowhere.pth", "nowhere.pth"),
        ("cluster.num_workers=2", "no effect with cluster.kind=local; add cluster.kind=ray"),
        ("cluster.colour=red", "unknown key cluster.colour; "),
        ("cluster=ray", "cluster=ray is a file of settings; give single ones, as in cluster.kind"),
        ("deep=true", "unknown key deep; "),
        ("engine.num_slots=0", "engine.num_slots=0 cannot be used; give at least 1 or auto"),
        ("~engine.num_slots", "engine.num_slots"),
    ],
)
def test_a_bad_order_changes_nothing(
    finished: Path, capsys: pytest.CaptureFixture[str], words: str, says: str
) -> None:
    assert says in refusal(capsys, finished, words)


def test_input_that_changed_is_refused_before_anything_is_taken_back(
    dead: Path, poem: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pq.write_table(pa.table({"text": ["repaired"] * 6}), poem, row_group_size=2)
    assert "inputs=sha256:" in refusal(capsys, dead)
    poem.unlink()
    assert "does not exist" in refusal(capsys, dead)


def test_input_that_was_moved_is_to_be_put_back(
    dead: Path, poem: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere := poem.parent / "elsewhere").mkdir()
    moved = poem.rename(elsewhere / poem.name)
    assert "put it back" in refusal(capsys, dead, f"data.path={moved}")
    moved.rename(poem)
    assert retry(dead) == 3


def test_a_run_at_work_is_left_alone(dead: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder.open(str(dead))
    with DriverLock(folder):
        committed = Ledger(folder).committed()
        assert retry(dead) == 2
        assert Ledger(folder).committed() == committed and folder.has_succeeded()
    assert "is at work on this folder" in capsys.readouterr().err


def test_an_order_that_run_json_does_not_give_back_is_asked_for(
    dead: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = json.loads((dead / "run.json").read_bytes())
    for order, says in (
        ({}, "data.path is missing"),
        ({**record["order"], "speed": 3}, "unknown key speed"),
        ({**record["order"], "data": [1]}, "data.path is missing"),
    ):
        (dead / "run.json").write_text(json.dumps(record | {"order": order}))
        assert says in refusal(capsys, dead)


class Stop(Exception):
    """In place of an end of the process."""


def test_a_command_that_was_stopped_is_completed_by_the_same_command(
    dead: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder.open(str(dead))
    hashes = file_hashes(dead)

    def stop(order: RunConfig, again: Sequence[str]) -> int:
        with DriverLock(folder) as lock:
            withdraw(lock, again)
        raise Stop

    asked = RetryConfig(
        output=FolderPath.model_validate({"path": folder.url}),
        reason=("null_text",),
        changes={"output": {}},
    )
    with pytest.raises(Stop):
        retry_dead(asked, stop)
    assert not folder.has_succeeded() and len(Ledger(folder).committed()) < len(hashes)
    assert retry(dead, "reason=null_text") == 3
    assert "0 shards with 0 dead letters: done again." in capsys.readouterr().out
    assert file_hashes(dead) == hashes and folder.has_succeeded()


def test_secrets_and_places_are_given_along() -> None:
    """What run.json never holds comes from the command line."""
    heard: list[RetryConfig] = []

    def note(config: RetryConfig) -> int:
        heard.append(config)
        return 0

    words = ["output.storage_options={key: s3cret}", "data.storage_options={key: t0p}"]
    assert main(["retry-dead", "output.path=s3://b/r", *words], Actions(retry_dead=note)) == 0
    [config] = heard
    assert "s3cret" not in repr(config.output)
    assert config.changes["data"] == {"storage_options": {"key": "t0p"}}
    assert config.output.storage_options.keys() == {"key"}
