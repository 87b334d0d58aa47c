"""Several jobs in one pass give what each gives alone."""

from pathlib import Path

import numpy as np
import pytest

from longriver.engine.checkpoint import NetworkShape
from longriver.jobs.actions import Actions
from longriver.jobs.build import built
from longriver.jobs.cli import main
from longriver.jobs.combined_config import CombinedConfig
from longriver.jobs.config import RunConfig
from longriver.jobs.embed_config import EmbedConfig
from longriver.jobs.run import run
from longriver.jobs.score_config import ScoreConfig
from longriver.pipeline.progress import SilentReporter
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.summary import Summary
from longriver.pipeline.table import Row
from tests.orders import order_of, rows_of, write_texts
from tests.pipeline.lab import Lab, engine_for, text_of, write

Jobs = dict[str, dict[str, object]]
PARTS: Jobs = {
    "score": {"kind": "score", "segment_tokens": 16},
    "embed": {"kind": "embed", "segment_tokens": 24},
    "perplexity": {"kind": "perplexity", "num_resamples": 50},
}


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return write_texts(tmp_path / "texts", num_files=3, num_sentences=2)


def done(texts: Path, name: str, job: dict[str, object]) -> Summary:
    order = order_of(texts, texts.parent / name).model_dump()
    config = RunConfig.model_validate({**order, "job": job})
    return run(config, SilentReporter()).summary


def same(found: list[Row], expected: list[Row]) -> bool:
    return str(found) == str(expected)


@pytest.mark.parametrize("passes", [1, 2])
def test_every_table_is_that_of_a_run_of_its_own(texts: Path, passes: int) -> None:
    parts = {**PARTS, "embed": {**PARTS["embed"], "passes": passes}}
    summary = done(texts, "both", {"kind": "run", **parts})
    alone = {name: done(texts, name, part) for name, part in parts.items()}
    tables = {name: name for name in PARTS} | {"segments": "score", "embed_segments": "embed"}
    for table, name in tables.items():
        found, expected = rows_of(texts.parent / "both", table), rows_of(texts.parent / name, table)
        assert found and same(found, expected), table
    assert summary.corpus == alone["score"].corpus
    assert summary.findings == alone["embed"].findings | alone["perplexity"].findings


def test_the_first_job_counts_the_documents_whatever_the_order_of_words(texts: Path) -> None:
    done(texts, "both", {"kind": "run", **dict(reversed(PARTS.items()))})
    assert len(rows_of(texts.parent / "both", "score")) == 3
    sums = np.sum([row["nll"] for row in rows_of(texts.parent / "both", "score")])
    assert done(texts, "both", {"kind": "run", **PARTS}).corpus.sums["nll"] == pytest.approx(sums)


def test_what_cannot_be_done_is_a_dead_letter_of_the_run(texts: Path) -> None:
    (texts / "3.jsonl").write_text('{"text": 5}\n{"text": "fine"}\n')
    summary = done(texts, "both", {"kind": "run", **PARTS})
    assert (summary.corpus.num_documents, summary.num_dead) == (4, 1)
    assert len(rows_of(texts.parent / "both", "dead")) == 1


def test_a_run_of_one_job_is_that_job(texts: Path) -> None:
    only = done(texts, "only", {"kind": "run", "embed": PARTS["embed"]})
    assert "nll" not in only.corpus.sums and only.corpus.num_documents == 3


@pytest.mark.parametrize("number", [1, 4, 7])
def test_it_goes_on_where_its_worker_was_killed(tmp_path: Path, number: int) -> None:
    data = write(tmp_path, [text_of(3_000), text_of(700, seed=1)])
    config = CombinedConfig(
        score=ScoreConfig(segment_tokens=100), embed=EmbedConfig(segment_tokens=150)
    )
    job = built(config, (), NetworkShape(width=16, num_layers=1, vocab_size=256))
    lab = Lab(data, RunFolder.open(str(tmp_path / "run")), job)
    lab.die(engine_for(), number)
    lab.die(engine_for(), number)
    assert lab.attempt(engine_for()) == lab.undisturbed(engine_for())


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["run", *words], Actions()) == 2
    return capsys.readouterr().err.removeprefix("longriver: error: ").rstrip("\n")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("data.path=x", "job=[…] is missing; name jobs once, as in job=[score,embed]"),
        ("data.path=x job=[]", "job=[] names no job; give some of perplexity, score, embed"),
        (
            "data.path=x job=score,embd",
            "job=score,embd: embd is no job that can be done along",
        ),
        (
            "data.path=x job=[score,perplexity] job.score.context_policy=window:64",
            "job.perplexity.context_policy=streaming and job.score.context_policy=window:64: jobs "
            "in one pass share one; make them equal, or run the jobs into folders of their own",
        ),
        (
            "data.path=x job=[score,embed] job.score.context_policy=window:64",
            "job.score.context_policy=window:64: windows have no vectors for embed; leave it out",
        ),
        ("data.path=x job=[score,score]", "job=[score,score] names a job twice"),
        (
            "data.path=x job=[score] job.embed.layer=1",
            "job.embed.layer=1 has no effect: embed is not among job=[score]",
        ),
        (
            "data.path=x job=[embed] job.embed.layr=1",
            "unknown key job.embed.layr; did",
        ),
        (
            "data.path=x job=[embed] job.embed.layer=-2",
            "job.embed.layer=-2 cannot be used",
        ),
        (
            "data.path=x job=[score,embed] job.embed.pooling=sum",
            "job.embed.pooling=sum cannot be used; give mean, last, weighted or state",
        ),
        (
            "data.path=x job=[score,embed] job.pooling=last",
            "unknown key job.pooling; did you mean job.embed.pooling?",
        ),
        (
            "data.path=x job=[score,embed] job.embed.pooling=state job.embed.layer=0",
            "job.embed.layer=0 with pooling=state: what enters",
        ),
        (
            "data.path=x job=[score,embed] job.embed.segments=spans",
            "data.spans_column is missing; job.embed.segments=spans looks for them there",
        ),
        (
            "data.path=x job=[score,embed] job.embed=null",
            "job.embed=null sets a whole group; there are job.embed.kind, job.embed.pooling",
        ),
    ],
)
def test_a_bad_order_gets_one_line(
    capsys: pytest.CaptureFixture[str], words: str, line: str
) -> None:
    assert said(capsys, *words.split()).startswith(line)


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("job.embed.layer=99", "job.embed.layer=99: the checkpoint has 6 layers; give 0 to 6"),
        ("job.embed.truncate_dim=999", "job.embed.truncate_dim=999: the checkpoint's vectors have"),
    ],
)
def test_what_the_network_has_not_is_named_by_its_key(
    texts: Path, capsys: pytest.CaptureFixture[str], word: str, line: str
) -> None:
    words = [f"data.path={texts}", f"output.path={texts.parent / 'run'}", "job=[score,embed]"]
    assert said(capsys, *words, word).startswith(line)


def test_a_folder_of_other_settings_names_the_one_that_differs(
    texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_path = texts.parent / "run"
    words = ["engine.num_threads=1", f"data.path={texts}", f"output.path={run_path}"]
    assert main(["run", *words, "job=[score,embed]"], Actions()) == 0
    capsys.readouterr()
    assert said(capsys, *words, "job=[score,embed]", "job.embed.pooling=last").startswith(
        f'{run_path} was started with job.embed.pooling="mean", this order says "last"; use'
    )
    assert "job.embed={…}, this order says null" in said(capsys, *words, "job=[score]")


def test_the_jobs_of_a_command_line_and_their_keys() -> None:
    orders: list[RunConfig] = []

    def note(config: RunConfig) -> int:
        orders.append(config)
        return 0

    words = ["run", "job=[embed,score]", "job.score.segment_tokens=7", "data.path=x"]
    assert main(words, Actions(run=note)) == 0
    [order] = orders
    assert isinstance(order.job, CombinedConfig)
    assert [part.kind for part in order.job.parts] == ["score", "embed"]
    assert order.job.score == ScoreConfig(segment_tokens=7) and order.job.embed == EmbedConfig()
    assert order.output.path == "runs/run"
    assert RunConfig.model_validate(order.model_dump(mode="json")).job == order.job
