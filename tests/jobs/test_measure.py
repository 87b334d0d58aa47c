"""The rate that a plan is timed with, on an engine whose steps take as long as the test says."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import torch

from longriver.engine.errors import DocumentError, WeightsError
from longriver.engine.reading import Result
from longriver.engine.result import Failed, ScoredChunk
from longriver.engine.sequence import Sequence
from longriver.engine.snapshot import Snapshot
from longriver.engine.tokenizer.bytes import ByteTokenizer
from longriver.engine.wants import NLL, Wants
from longriver.jobs.config import RunConfig
from longriver.jobs.measure import NotMeasured, measure, measure_engine
from longriver.pipeline.plan_display import Rate
from longriver.pipeline.scan import plan_sources


class SteadyEngine:
    """Reads ``num_slots`` documents side by side, ten bytes of each in a step."""

    def __init__(self, step_s: float = 1.0, num_slots: int = 4) -> None:
        self.step_s, self.num_slots, self.now = step_s, num_slots, 0.0

    def sequence(
        self,
        key: object,
        chunks: Iterable[bytes | memoryview],
        snapshot_tokens: int | None = None,
        start: Snapshot | None = None,
        wants: Wants = NLL,
    ) -> Sequence:
        return Sequence(key, (ByteTokenizer().encode(chunk) for chunk in chunks), 0)

    def run(self, sequences: Iterator[Sequence | None], wants: Wants = NLL) -> Iterator[Result]:
        reading: list[Sequence] = []
        while True:
            while len(reading) < self.num_slots and (sequence := next(sequences, None)):
                try:
                    reading += [sequence] * (sequence.fill(10) > 0)
                except DocumentError as error:
                    yield Failed(sequence, error)
            if not reading:
                return
            self.now += self.step_s
            for sequence in reading:
                chunk = sequence.take(sequence.fill(10))
                yield ScoredChunk(sequence, chunk.tokens, chunk.tokens.ends * 1.0, chunk.is_last)
            reading = [sequence for sequence in reading if not sequence.is_done]

    def clock(self) -> float:
        return self.now


def order(path: Path, **parts: object) -> RunConfig:
    paths = {"data": {"path": str(path)}, "output": {"path": str(path / "never")}}
    return RunConfig.model_validate(paths | parts)


def rate(engine: SteadyEngine, path: Path) -> Rate:
    data = order(path).data
    return measure_engine(engine, data, plan_sources(data), engine.clock)


def texts(folder: Path, *texts: str) -> Path:
    for number, text in enumerate(texts):
        (folder / f"{number}.txt").write_text(text)
    return folder


@pytest.mark.parametrize("num_texts", [1, 3, 4, 9])
@pytest.mark.parametrize("step_s", [0.01, 0.4, 1.0, 2.0, 50.0])
def test_steps_are_counted_whole(tmp_path: Path, num_texts: int, step_s: float) -> None:
    path = texts(tmp_path, *["x" * 5000] * num_texts)
    expected = 10 * min(num_texts, 4) / step_s
    assert rate(SteadyEngine(step_s), path).tokens_per_s == pytest.approx(expected)


def test_about_three_seconds_are_enough(tmp_path: Path) -> None:
    engine = SteadyEngine(0.1)
    rate(engine, texts(tmp_path, "x" * 100_000))
    assert engine.now < 4


def test_a_plan_that_is_read_sooner_is_read_to_its_end(tmp_path: Path) -> None:
    found = rate(SteadyEngine(0.5), texts(tmp_path, "x" * 15, "", "é" * 10))
    assert found == Rate(tokens_per_s=35, bytes_per_s=35)


def test_files_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"text")[:-4])
    (tmp_path / "no.parquet").write_bytes(b"no parquet")
    assert rate(SteadyEngine(1.0), texts(tmp_path, "x" * 50)).tokens_per_s == 10


def test_without_a_text_there_is_no_rate(tmp_path: Path) -> None:
    with pytest.raises(NotMeasured, match="no text that can be read"):
        rate(SteadyEngine(), texts(tmp_path, "", ""))


def test_the_engine_of_the_order_is_measured(tmp_path: Path) -> None:
    config = order(texts(tmp_path, "A short text."), engine={"num_threads": 1})
    found = measure(config, plan_sources(config.data))
    assert found.tokens_per_s == found.bytes_per_s > 0


def test_a_model_that_is_not_there_is_a_bad_order(tmp_path: Path) -> None:
    config = order(texts(tmp_path, "A short text."), model={"path": "nowhere.pth"})
    with pytest.raises(WeightsError, match=r"nowhere\.pth"):
        measure(config, plan_sources(config.data))


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_cluster_with_gpus_cannot_be_measured_where_there_is_none(tmp_path: Path) -> None:
    ray = {"engine": {"device": "cuda"}, "cluster": {"kind": "ray"}}
    config = order(texts(tmp_path, "A short text."), **ray)
    with pytest.raises(NotMeasured, match=r"engine\.device=cuda"):
        measure(config, plan_sources(config.data))
