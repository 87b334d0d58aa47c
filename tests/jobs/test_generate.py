"""``longriver generate``: what is refused, what is written, and that nothing disturbs it."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from longriver.engine.config import EngineConfig
from longriver.engine.engine import Engine
from longriver.engine.generate.sampling import Sampling
from longriver.engine.version import Version
from longriver.jobs.cli import main
from longriver.jobs.config import RunConfig
from longriver.jobs.generate import GenerateJob
from longriver.jobs.generate_config import GenerateConfig
from longriver.jobs.run import run
from longriver.pipeline.document import Document
from longriver.pipeline.progress import SilentReporter
from longriver.pipeline.run_folder import RunFolder
from tests.checkpoints import network_of, random_rwkv
from tests.engine.reading import engine_of
from tests.jobs.visitor import assert_an_interruption_leaves_no_trace, give
from tests.orders import order_of, rows_of, write_texts
from tests.pipeline.lab import EVERY, STEP, Lab, engine_for, text_of, write

PROMPTS = ["It is a truth universally acknowledged, that", None, "", "Anne was", "Wer reitet"]
LANGUAGES = ["en", "en", None, "en", "de"]


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.parquet"
    table = {"text": PROMPTS, "lang": LANGUAGES, "name": list("abcde")}
    pq.write_table(pa.table(table), path, row_group_size=2)
    return path


def test_prompts_are_gone_on_with(
    prompts: Path, run_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the engine does it, each under its own name."""
    words = ["data.id_column=name", "data.group_columns=[lang]", "job.token_ids=true"]
    how = ["job.max_tokens=12", "job.num_samples=2", "job.top_p=0.9", 'job.stop=[" t","\n"]']
    assert give("generate", prompts, run_path, *words, *how) == 3
    rows = rows_of(run_path, "generate")
    sampling = Sampling(max_tokens=12, top_p=0.9, stop=(" t", "\n"))
    engine = Engine.from_config(engine=EngineConfig(device="cpu", num_threads=1))
    assert [row["document_id"] for row in rows] == list("acde")
    for row, prompt in zip(rows, [text for text in PROMPTS if text is not None], strict=True):
        expected = written(engine, prompt, sampling, str(row["document_id"]))
        assert (row["texts"], row["nll"], row["finish_reasons"]) == expected[:3]
        assert row["token_ids"] == [token for ids in expected[3] for token in ids]
        assert row["num_tokens"] == [len(ids) for ids in expected[3]]
        assert row["num_prompt_tokens"] == row["num_prompt_bytes"] == len(prompt)
    assert [row["status"] for row in rows] == ["ok", "empty", "ok", "ok"]
    assert [row["lang"] for row in rows] == ["en", None, "en", "de"]
    assert_figures(run_path, rows)
    out = capsys.readouterr().out
    assert "tokens written" in out and "continuations" in out
    assert main(["verify", f"output.path={run_path}", "deep=true"]) == 0
    assert main(["status", f"output.path={run_path}"]) == 0


def written(
    engine: Engine, prompt: str, sampling: Sampling, name: str
) -> tuple[list[str], list[float], list[str], list[list[int]]]:
    """Two continuations under a name."""
    trunk = engine.sequence(None, [prompt.encode()])
    samples = [engine.continuation(None, sampling, name, sample) for sample in range(2)]
    trunk.followers = tuple(samples)
    list(engine.run(iter([trunk])))
    found = [sample.result for sample in samples]
    return (
        [each.text for each in found],
        [each.nll for each in found],
        [str(each.finish_reason) for each in found],
        [list(each.token_ids) for each in found],
    )


def assert_figures(run_path: Path, rows: list[dict[str, object]]) -> None:
    summary = json.loads((run_path / "summary.json").read_bytes())
    reasons = [reason for row in rows for reason in row["finish_reasons"]]
    assert summary["jobs"]["generate"] == {
        "num_prompt_tokens": sum(len(text or "") for text in PROMPTS),
        "num_continuations": 8,
        "num_generated_tokens": sum(sum(row["num_tokens"]) for row in rows),
        "finish_reasons": {
            reason: reasons.count(reason) for reason in ("stop", "end_token", "length")
        },
    }
    assert reasons.count("stop") and reasons.count("length")
    assert {g["group"]["lang"]: g["num_documents"] for g in summary["groups"]}["en"] == 2


def test_slots_steps_and_shards_leave_no_trace(prompts: Path, tmp_path: Path) -> None:
    job: dict[str, object] = {"max_tokens": 10}
    texts: list[list[object]] = []
    for name, engine, data in (
        ("a", {"num_slots": 1, "tokens_per_step": 64}, {"shard_bytes": 1}),
        ("b", {"num_slots": 4, "tokens_per_step": 5}, {"shard_bytes": 1 << 20}),
    ):
        config = generating(prompts, tmp_path / name, job, engine=engine, data=data)
        run(config, SilentReporter())
        rows = rows_of(tmp_path / name, "generate")
        texts.append([(row["document_id"], row["texts"], row["nll"]) for row in rows])
    assert texts[0] == texts[1] and len(texts[0]) == 4


def generating(
    data_path: Path, run_path: Path, job: dict[str, object], **parts: dict[str, object]
) -> RunConfig:
    """``order_of`` for a job that has no segments."""
    config = order_of(data_path, run_path, **parts)
    return config.model_copy(update={"job": GenerateConfig.model_validate(job)})


def test_a_run_that_was_interrupted_ends_in_the_same_bytes(tmp_path: Path) -> None:
    texts = write_texts(tmp_path / "texts", num_files=3)
    job: dict[str, object] = {"max_tokens": 6, "num_samples": 2}
    whole, broken = (generating(texts, tmp_path / name, job) for name in ("whole", "broken"))
    assert_an_interruption_leaves_no_trace(whole, broken)


def test_a_long_prompt_goes_on_from_its_snapshot(tmp_path: Path) -> None:
    """Wherever its worker dies: while it is read, or while its end is being written."""
    texts, engine = [b"a short one", text_of(4_000), b""], engine_for()
    job = GenerateJob(GenerateConfig(max_tokens=5, num_samples=2, token_ids=True))
    lab = Lab(write(tmp_path, texts), RunFolder.open(f"memory://generate/{tmp_path.name}"), job)
    whole = lab.undisturbed(engine)
    total, num_written = sum(map(len, texts)), 5 * 2 * len(texts)
    assert whole.counts.num_tokens == total and whole.sums["num_generated_tokens"] == num_written
    for number in range(0, 26, 3):
        lab.folder = RunFolder.open(f"{lab.folder.url}-{number}")
        read = lab.die(engine, number)
        outcome, again = lab.finish(engine)
        assert (outcome.files, outcome.sums) == (whole.files, whole.sums)
        assert read + again <= total + num_written * 2 + EVERY + STEP + 11


def test_a_document_whose_continuation_breaks_is_a_dead_letter(tmp_path: Path) -> None:
    tensors = random_rwkv(Version.V7, num_layers=1, num_heads=1, head_size=16)
    tensors["emb.weight"][7] = 3e38
    job = GenerateJob(GenerateConfig(max_tokens=5, num_samples=3))
    texts = [b"one", b"\7", b"another"]
    lab = Lab(write(tmp_path, texts), RunFolder.open(f"memory://dead/{tmp_path.name}"), job)
    outcome = lab.undisturbed(engine_of(network_of(tensors), num_slots=4))
    assert (outcome.counts.num_documents, outcome.counts.num_dead) == (2, 1)
    assert outcome.sums["num_documents"] == 2 and outcome.sums["num_prompt_tokens"] == 10


def test_a_saved_accumulator_knows_its_prompt_alone() -> None:
    job = GenerateJob(GenerateConfig())
    document = Document("doc", "a.txt", 0, (), iter(()))
    accumulator = job.open(document)
    accumulator.num_prompt_tokens = 7
    assert job.restore(document, accumulator.save()).num_prompt_tokens == 7


def test_token_ids_and_groups_have_columns_of_their_own() -> None:
    [table] = GenerateJob(GenerateConfig()).tables
    assert [column.name for column in table.columns[-2:]] == ["nll", "status"]
    [table] = GenerateJob(GenerateConfig(token_ids=True), ("lang",)).tables
    assert [column.name for column in table.columns[-2:]] == ["token_ids", "lang"]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("job.max_tokens=0", "job.max_tokens=0 cannot be used; give at least 1"),
        ("job.temperature=-1", "job.temperature=-1 cannot be used; give at least 0.0"),
        ("job.temperature=.nan", "job.temperature=.nan cannot be used; give a number"),
        ("job.top_p=0", "job.top_p=0 cannot be used; give more than 0.0"),
        ("job.top_p=1.1", "job.top_p=1.1 cannot be used; give at most 1.0"),
        ("job.top_k=0", "job.top_k=0 cannot be used; give at least 1"),
        ("job.stop=['']", "job.stop= cannot be used; give a text that is not empty"),
        ("job.stop_tokens=[-1]", "job.stop_tokens=-1 cannot be used; give at least 0"),
        ("job.topp=1", "unknown key job.topp; did you mean job.top_p?"),
        (
            "job.stop_tokens=[0,300]",
            "job.stop_tokens=300: the checkpoint has 256 tokens; give ids below that",
        ),
        (
            "job.penalty_decay=0.996",
            "job.penalty_decay=0.996 has no effect without job.frequency_penalty; "
            "give both or neither",
        ),
        *(
            (
                f"{word} job.temperature=0",
                f"{word} has no effect with job.temperature=0, which takes the likeliest token; "
                "leave one out",
            )
            for word in ("job.top_p=0.5", "job.top_k=3", "job.seed=1", "job.num_samples=2")
        ),
        (
            "data.group_columns=[texts]",
            "data.group_columns=texts would hide the result column of that name; "
            "rename it in the data",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    prompts: Path, run_path: Path, capsys: pytest.CaptureFixture[str], word: str, sentence: str
) -> None:
    assert give("generate", prompts, run_path, *word.split()) == 2
    assert capsys.readouterr().err == f"longriver: error: {sentence}\n"
    assert not run_path.exists()


def test_the_yaml_says_what_the_model_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "data.path=x", "--cfg", "job"]) == 0
    out = capsys.readouterr().out
    for key, value in GenerateConfig().model_dump(mode="json").items():
        shown = "- 0" if key == "stop_tokens" else str(value).lower().replace("none", "null")
        assert f"{shown}\n" if key == "stop_tokens" else f"  {key}: {shown}\n" in out
