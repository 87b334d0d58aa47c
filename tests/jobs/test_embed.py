"""The embed job: what a document's rows say, however it was cut, batched, put aside and resumed."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longriver.engine.checkpoint import NetworkShape
from longriver.engine.embedding.pool import Pooling
from longriver.engine.embedding.sketch import sketch
from longriver.engine.engine import Engine
from longriver.engine.errors import OrderError
from longriver.engine.network import Network
from longriver.engine.result import ScoredChunk
from longriver.engine.text_counts import TextCounter
from longriver.engine.version import Version
from longriver.engine.wants import Wants
from longriver.jobs.build import built
from longriver.jobs.embed import EmbedJob
from longriver.jobs.embed_config import EmbedConfig
from longriver.pipeline.document import Document, Spans
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.table import Row
from tests.checkpoints import network_of, random_rwkv
from tests.engine.network.oracle import read_logits
from tests.engine.reading import engine_of
from tests.pipeline.lab import Lab, engine_for, text_of, write

POOLINGS: tuple[Pooling, ...] = ("mean", "last", "weighted", "state")
SEGMENTS = ("tokens", "paragraph", "sentence")
TEXT = (
    "A river. It has no end! 水は流れる。\n\nNor has it a beginning.\n\n  Seen from here ".encode()
)
SHAPE = NetworkShape(width=32, num_layers=2, vocab_size=256)


@cache
def network(version: Version = Version.V7) -> Network:
    return network_of(random_rwkv(version, num_heads=2, head_size=16))


def job_of(**config: object) -> EmbedJob:
    return EmbedJob.fitting(EmbedConfig.model_validate(config), (), SHAPE)


def rows_of(
    job: EmbedJob, data: bytes, engine: Engine, cuts: list[int], spans: Spans = ()
) -> list[tuple[str, Row]]:
    """The document is read beside another one, its bytes in pieces, as an attempt reads them."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in zip(edges, edges[1:], strict=False) if a < b]  # noqa: RUF007
    document = Document("doc", "a.txt", 0, (), iter(pieces), spans=spans)
    accumulator, counter = job.open(document), TextCounter()

    def heard() -> Iterator[bytes | memoryview]:
        for piece in document.chunks:
            counter.update(piece)
            for listen in document.listeners:
                listen(piece)
            yield piece

    sequence = engine.sequence("doc", heard(), wants=job.wants)
    sequence.cuts = document.cuts
    sequence.followers = tuple(accumulator.followers(engine, "doc"))
    beside = engine.sequence("beside", [b"Another one, shorter."], wants=job.wants)
    rows: list[tuple[str, Row]] = []
    for result in engine.run(iter([beside, sequence]), job.wants):
        assert isinstance(result, ScoredChunk)
        if result.sequence.key == "doc":
            rows += accumulator.update(result)
    return [*rows, *accumulator.finalize(counter.counts)]


def plain(rows: list[tuple[str, Row]]) -> list[object]:
    return [
        (t, {k: v.tobytes() if isinstance(v, np.ndarray) else v for k, v in row.items()})
        for t, row in rows
    ]


@settings(max_examples=20)
@given(
    pooling=st.sampled_from(POOLINGS),
    segments=st.sampled_from(SEGMENTS),
    passes=st.sampled_from([1, 2]),
    segment_tokens=st.integers(1, 40),
    budget=st.integers(1, 120),
    num_slots=st.integers(1, 3),
    cuts=st.lists(st.integers(0, len(TEXT)), max_size=4),
)
def test_rows_do_not_feel_neighbours_chunks_or_pieces(
    pooling: Pooling,
    segments: str,
    passes: int,
    segment_tokens: int,
    budget: int,
    num_slots: int,
    cuts: list[int],
) -> None:
    config = {"pooling": pooling, "segments": segments, "passes": passes, "segment_text": True}
    job = job_of(**config, segment_tokens=segment_tokens)
    engine = engine_of(network(), num_slots=num_slots, tokens_per_step=budget)
    found = rows_of(job, TEXT, engine, cuts)
    whole = rows_of(job, TEXT, engine_of(network(), num_slots=2, tokens_per_step=500), [])
    assert plain(found) == plain(whole)


@pytest.mark.parametrize("segments", SEGMENTS)
@pytest.mark.parametrize("passes", [1, 2])
def test_states_wait_for_the_character_that_decides(segments: str, passes: int) -> None:
    """Bytes come one by one, and segments could end within any character."""
    data = "水は流れる。「川は」 終わり。\n\nBis".encode()
    job = job_of(pooling="state", segments=segments, segment_tokens=4, passes=passes)
    engine = engine_of(network(), tokens_per_step=5)
    found = rows_of(job, data, engine, list(range(len(data))))
    assert plain(found) == plain(rows_of(job, data, engine_of(network()), []))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("passes", [1, 2])
def test_spans_are_pools_of_all_that_came_before(pooling: Pooling, passes: int) -> None:
    job = job_of(pooling=pooling, segments="spans", passes=passes, normalize=False)
    spans = ((2, 7), (7, 8), (30, 39))
    *segments, _ = rows_of(job, TEXT, engine_of(network(), tokens_per_step=9), [3, 40], spans)
    hidden = hidden_of(TEXT, -1, passes)
    for (begin, end), (_, row) in zip(spans, segments, strict=True):
        assert (row["byte_start"], row["num_bytes"]) == (begin, end - begin)
        if pooling == "state":
            _, state = read_logits(network(), [0, *TEXT * (passes - 1), *TEXT[:end]])
            assert np.array_equal(row["vector"], sketch(state, -1).astype(np.float32))
        else:
            expected = pooled(hidden[begin:end], pooling)
            np.testing.assert_allclose(row["vector"], expected, rtol=2e-6, atol=1e-7)


def hidden_of(data: bytes, layer: int, passes: int) -> np.ndarray:
    """[n, D] float64, of the last reading, from one sequence that is as long as all of them."""
    engine = engine_of(network(), tokens_per_step=1_000)
    wants = Wants(nll=False, layer=layer)
    [chunk] = list(engine.run(iter([engine.sequence(0, [data * passes], wants=wants)]), wants))
    assert isinstance(chunk, ScoredChunk) and chunk.hidden is not None
    return chunk.hidden[-len(data) :].double().numpy()


@pytest.mark.parametrize("layer", [0, 1, 2, -1])
@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("pooling", ["mean", "last", "weighted"])
def test_vectors_are_pools_of_all_that_came_before(
    pooling: Pooling, passes: int, layer: int
) -> None:
    job = job_of(pooling=pooling, layer=layer, passes=passes, segment_tokens=20, normalize=False)
    *segments, (_, last) = rows_of(job, TEXT, engine_of(network(), tokens_per_step=33), [7])
    hidden = hidden_of(TEXT, layer, passes)
    for table, row in segments:
        assert table == "embed_segments"
        part = hidden[row["token_start"] :][: row["num_tokens"]]
        np.testing.assert_allclose(row["vector"], pooled(part, pooling), rtol=2e-6, atol=1e-7)
    np.testing.assert_allclose(last["vector"], pooled(hidden, pooling), rtol=2e-6, atol=1e-7)


def pooled(part: np.ndarray, pooling: Pooling) -> np.ndarray:
    weights = {
        "mean": np.ones(len(part)),
        "last": np.arange(len(part)) == len(part) - 1,
        "weighted": np.arange(1, len(part) + 1),
    }[pooling]
    return np.average(part, axis=0, weights=weights)


@pytest.mark.parametrize("passes", [1, 2])
def test_states_are_taken_right_where_segments_end(passes: int) -> None:
    job = job_of(pooling="state", layer=2, passes=passes, segments="sentence", normalize=False)
    *segments, (_, last) = rows_of(job, TEXT, engine_of(network(), tokens_per_step=33), [])
    assert len(segments) == 5
    for _, row in segments:
        end = row["token_start"] + row["num_tokens"]
        _, state = read_logits(network(), [0, *TEXT * (passes - 1), *TEXT[:end]])
        assert np.array_equal(row["vector"], sketch(state, 2).astype(np.float32))
    assert np.array_equal(segments[-1][1]["vector"], last["vector"])


def test_segments_are_where_their_text_is() -> None:
    job = job_of(segments="paragraph", segment_text=True)
    *segments, _ = rows_of(job, TEXT, engine_of(network()), [])
    begins = ("A river", "Nor has", "Seen from")
    assert all(row["text"].startswith(b) for (_, row), b in zip(segments, begins, strict=True))
    for _, row in segments:
        part = TEXT[row["byte_start"] :][: row["num_bytes"]]
        assert part.decode() == row["text"]
        assert TEXT.decode()[row["char_start"] :][: row["num_chars"]] == row["text"]


@pytest.mark.parametrize("vectors", ["both", "documents", "segments"])
@pytest.mark.parametrize("data", [TEXT, b""], ids=["text", "empty"])
@pytest.mark.parametrize("precision", ["float32", "float16", "int8", "ubinary"])
def test_rows_have_the_columns_of_their_tables(vectors: str, data: bytes, precision: str) -> None:
    job = job_of(vectors=vectors, precision=precision, truncate_dim=24)
    rows = rows_of(job, data, engine_of(network()), [])
    tables = {table.name: {c.name: c.type for c in table.columns} for table in job.tables}
    assert list(tables) == ["embed", "embed_segments"][: 1 if vectors == "documents" else 2]
    for table, row in rows:
        assert set(row) == set(tables[table])
        vector = row.get("vector")
        if isinstance(vector, np.ndarray):
            assert tables[table]["vector"] == f"list<{vector.dtype}>[{len(vector)}]"
    assert ("vector" in tables["embed"]) == (vectors != "segments")
    status = "ok" if data else "empty"
    assert (rows[-1][1]["status"], rows[-1][1]["num_tokens"]) == (status, len(data))
    assert data or len(rows) == 1


def test_an_empty_document_has_a_vector_of_zeros() -> None:
    [(_, row)] = rows_of(job_of(passes=2), b"", engine_of(network()), [])
    assert row["vector"].tolist() == [0.0] * SHAPE.width


def test_group_columns_stand_before_the_status() -> None:
    job = EmbedJob.fitting(EmbedConfig(), ("lang",), SHAPE)
    assert [c.name for c in job.tables[0].columns][-3:] == ["lang", "status", "vector"]
    accumulator = job.open(Document("doc", "a.txt", 0, ("en",), iter(())))
    [(_, row)] = accumulator.finalize(TextCounter().counts)
    assert row["lang"] == "en"


def test_no_group_column_can_hide_a_column_of_vectors() -> None:
    with pytest.raises(OrderError, match=r"data\.group_columns=layer would hide the result column"):
        built(EmbedConfig(), ("lang", "layer"), SHAPE)


LONG = b" ".join(text_of(37, seed) + b". Then" for seed in range(120))


@pytest.mark.parametrize(
    "config",
    [
        {"pooling": "weighted", "segments": "sentence", "segment_text": True},
        {"pooling": "state", "segments": "sentence", "segment_tokens": 64},
        {"pooling": "last", "passes": 2, "segment_tokens": 100},
    ],
    ids=["weighted", "state", "twice"],
)
def test_wherever_a_worker_is_killed_the_tables_are_the_same_bytes(
    config: dict[str, object], tmp_path: Path
) -> None:
    job = EmbedJob.fitting(EmbedConfig.model_validate(config), (), NetworkShape(16, 1, 256))
    data = write(tmp_path, [b"One. Two.", LONG, b"", b"Three."])
    whole = Lab(data, RunFolder.open("memory://unused"), job).undisturbed(engine_for())
    for number in (1, 4, 8, 11):
        lab = Lab(data, RunFolder.open(f"memory://{uuid4().hex}"), job)
        lab.die(engine_for(), number)
        outcome, _ = lab.finish(engine_for())
        assert outcome == whole


def test_a_saved_accumulator_is_small_and_knows_all() -> None:
    """However long the document."""
    job, engine = job_of(segments="sentence"), engine_of(network(), tokens_per_step=64)
    sizes = []
    for repeats in (1, 4):
        document = Document("doc", "a.txt", 0, (), iter([LONG * repeats]))
        accumulator = job.open(document)
        document.listeners[0](LONG * repeats)
        sequence = engine.sequence(0, document.chunks, wants=job.wants)
        for result in engine.run(iter([sequence]), job.wants):
            assert isinstance(result, ScoredChunk)
            accumulator.update(result)
        sizes.append(sum(array.nbytes for array in accumulator.save().values()))
        restored = job.restore(document, accumulator.save())
        assert np.array_equal(restored.pool.vector(None), accumulator.pool.vector(None))
    assert sizes[0] == sizes[1] < 2_000
