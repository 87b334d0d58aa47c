"""Whole runs in this process, with the embedded model: what they say, write, refuse and resume."""

import json
import math
import os
import shutil
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from longriver.engine.config import EngineConfig
from longriver.engine.engine import Engine
from longriver.engine.errors import OrderError, PlanMismatch
from longriver.engine.nll import NllSum
from longriver.engine.weights import locate
from longriver.jobs.cli import main
from longriver.jobs.config import RunConfig
from longriver.jobs.run import run
from longriver.pipeline.progress import Progress, SilentReporter
from tests.fakes import ImpatientReporter
from tests.jobs.visitor import give
from tests.orders import SENTENCE, file_hashes, order_of, rows_of, write_texts

POEM = ["Shall I compare thee", None, "to a summer's day?", "", "Thou art more lovely" * 9]
LANGUAGES = ["en", "en", None, "en", "fr"]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return write_texts(tmp_path / "texts")


@pytest.fixture
def poem(tmp_path: Path) -> Path:
    path = tmp_path / "poem.parquet"
    pq.write_table(pa.table({"text": POEM, "lang": LANGUAGES}), path, row_group_size=2)
    return path


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.from_config(engine=EngineConfig(device="cpu", num_threads=1))


def done(config: RunConfig) -> Progress:
    return run(config, SilentReporter()).session


def summary_of(run_path: Path) -> dict[str, object]:
    summary: dict[str, object] = json.loads((run_path / "summary.json").read_bytes())
    return summary


def test_a_complete_run_leaves_with_0_and_the_scores_that_the_engine_gives(
    texts: Path, run_path: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert give("score", texts, run_path) == 0
    contents = [path.read_bytes() for path in sorted(texts.iterdir())]
    rows = rows_of(run_path, "score")
    assert [row["document_id"] for row in rows] == [path.name for path in sorted(texts.iterdir())]
    for row, score in zip(rows, engine.score(contents), strict=True):
        assert row["nll"] == pytest.approx(score.nats, rel=1e-12)
        assert row["bits_per_byte"] == pytest.approx(score.bits_per_byte, rel=1e-12)
        assert (row["num_tokens"], row["num_bytes"]) == (score.num_tokens, score.num_bytes)
    assert summary_of(run_path)["nll"] == math.fsum(float(str(row["nll"])) for row in rows)
    assert (run_path / "_SUCCESS").exists()
    assert f"longriver verify output.path={run_path}" in capsys.readouterr().out
    assert main(["verify", f"output.path={run_path}"]) == 0


def test_dead_letters_leave_with_3_and_say_why(poem: Path, run_path: Path) -> None:
    assert give("score", poem, run_path) == 3
    [dead] = rows_of(run_path, "dead")
    assert (dead["source_row"], dead["reason"]) == (1, "null_text")
    assert summary_of(run_path)["dead_reasons"] == {"null_text": 1}
    assert main(["verify", f"output.path={run_path}"]) == 0


def test_group_columns_are_carried_and_added_up(poem: Path, run_path: Path, engine: Engine) -> None:
    assert give("score", poem, run_path, "data.group_columns=[lang]") == 3
    assert [row["lang"] for row in rows_of(run_path, "score")] == ["en", None, "en", "fr"]
    groups = summary_of(run_path)["groups"]
    assert isinstance(groups, list)
    texts_of = {"en": [POEM[0], POEM[3]], None: [POEM[2]], "fr": [POEM[4]]}
    assert [group["group"]["lang"] for group in groups] == list(texts_of)
    for group in groups:
        parts = engine.score([text or "" for text in texts_of[group["group"]["lang"]]])
        expected = sum(parts, NllSum())
        assert group["nll"] == pytest.approx(expected.nats, rel=1e-12)
        assert group["num_documents"] == len(parts)


def test_a_run_that_was_interrupted_ends_in_the_same_bytes(texts: Path, tmp_path: Path) -> None:
    whole, broken = order_of(texts, tmp_path / "whole"), order_of(texts, tmp_path / "broken")
    done(whole)
    reporter = ImpatientReporter(num_shards=2)
    with pytest.raises(KeyboardInterrupt):
        run(broken, reporter)
    assert reporter.is_stopped
    assert not (tmp_path / "broken" / "_SUCCESS").exists()
    assert done(broken).num_shards == 2
    for table in ("score", "segments"):
        assert rows_of(tmp_path / "broken", table) == rows_of(tmp_path / "whole", table)
    assert file_hashes(tmp_path / "broken") == file_hashes(tmp_path / "whole")
    summaries = [(tmp_path / name / "summary.json").read_bytes() for name in ("broken", "whole")]
    assert summaries[0] == summaries[1]


def test_an_interrupt_leaves_with_130_and_the_command_that_resumes(
    texts: Path, run_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A scheduler's SIGTERM counts as Ctrl-C."""
    before = signal.getsignal(signal.SIGTERM)
    (texts / "long.txt").write_text(SENTENCE * 20_000)

    def terminate() -> None:
        if (run_path / "plan.parquet").exists():
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            soon()

    def soon() -> None:
        threading.Timer(0.2, terminate).start()

    soon()
    assert give("score", texts, run_path) == 130
    assert f"the same command resumes: longriver score data.path={texts}" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == before
    shutil.rmtree(run_path)


def test_a_complete_run_asked_again_does_nothing_and_says_the_same(
    texts: Path, run_path: Path
) -> None:
    config = order_of(texts, run_path)
    first = run(config, SilentReporter())
    contents = {path: path.read_bytes() for path in run_path.rglob("*") if path.is_file()}
    times = {path: path.stat().st_mtime_ns for path in (run_path / "score").iterdir()}
    again = run(config, SilentReporter())
    assert again == replace(first, session=Progress(), seconds=0.0)
    assert contents == {path: path.read_bytes() for path in run_path.rglob("*") if path.is_file()}
    assert times == {path: path.stat().st_mtime_ns for path in (run_path / "score").iterdir()}


def test_settings_that_change_no_result_may_change(texts: Path, run_path: Path) -> None:
    done(order_of(texts, run_path))
    other: dict[str, object] = {"num_slots": 1, "tokens_per_step": 9, "num_threads": 2}
    assert done(order_of(texts, run_path, engine=other)) == Progress()


def refusal(config: RunConfig) -> str:
    with pytest.raises(PlanMismatch) as refused:
        run(config, SilentReporter())
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_another_segment_length_is_refused_with_both_values(texts: Path, run_path: Path) -> None:
    done(order_of(texts, run_path))
    message = refusal(order_of(texts, run_path, job={"segment_tokens": 99}))
    assert f"{run_path} was started with job.segment_tokens=16, this order says 99" in message
    assert "use another output.path, or the old value" in message


def test_other_input_is_refused_with_both_values(texts: Path, run_path: Path) -> None:
    done(order_of(texts, run_path))
    (texts / "1.txt").write_text("something else")
    message = refusal(order_of(texts, run_path))
    assert "inputs=sha256:" in message and message.count("sha256:") == 2


def test_another_model_is_refused_with_both_values(texts: Path, run_path: Path) -> None:
    model = run_path.with_name("model.safetensors")
    shutil.copyfile(locate("demo"), model)
    done(order_of(texts, run_path))
    assert done(order_of(texts, run_path, model={"path": str(model)})) == Progress()
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)
    message = refusal(order_of(texts, run_path, model={"path": str(model)}))
    assert "model=sha256:" in message and message.count("sha256:") == 2


def test_a_refused_order_writes_nothing(texts: Path, run_path: Path) -> None:
    with pytest.raises(OrderError):
        run(order_of(texts, run_path, model={"path": "nowhere.pth"}), SilentReporter())
    assert not run_path.exists()
