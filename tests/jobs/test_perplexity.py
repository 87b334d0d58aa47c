"""A corpus's figures: exact, the same for any cut into shards, and equal to other people's."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from longriver.engine import Engine, EngineConfig
from longriver.engine.version import Version
from longriver.engine.wants import Wants
from longriver.jobs.config import RunConfig
from longriver.jobs.run import run
from longriver.pipeline.progress import SilentReporter
from longriver.pipeline.summary import Summary
from longriver.pipeline.table import Row
from tests.bench.perplexity_oracle import cut, demo_checkpoint, ours, theirs
from tests.bench.rwkv_package import RwkvPackage
from tests.orders import order_of, rows_of

TEXTS = {
    "a": "All happy families are alike; " * 9,
    "b": "every unhappy family",
    "c": "",
    "d": "is unhappy in its own way. " * 20,
    "e": "Größe, 大きさ, taille. " * 12,
}


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    rows = [{"id": k, "text": x, "tongue": "mixed" if k == "e" else "en"} for k, x in TEXTS.items()]
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def done(lines: Path, name: str, shard_bytes: int = 10_000, **job: object) -> Summary:
    data = {"id_column": "id", "group_columns": ["tongue"], "shard_bytes": shard_bytes}
    order = order_of(lines, lines.parent / name, data=data).model_dump()
    config = RunConfig.model_validate({**order, "job": {"kind": "perplexity", **job}})
    return run(config, SilentReporter()).summary


def rows(lines: Path, name: str) -> dict[object, Row]:
    return {row["document_id"]: row for row in rows_of(lines.parent / name, "perplexity")}


def test_figures_do_not_depend_on_how_the_corpus_is_cut(lines: Path) -> None:
    one, many = done(lines, "one"), done(lines, "many", shard_bytes=1)
    assert many.num_shards > one.num_shards
    assert one.findings == many.findings and one.groups == many.groups
    assert str(rows(lines, "one")) == str(rows(lines, "many"))


def test_means_and_sums_are_what_they_are_called(lines: Path) -> None:
    summary = done(lines, "run")
    found = rows(lines, "run")
    record = summary.findings["perplexity"].record
    bits = [row["bits_per_byte"] for row in found.values() if row["num_bytes"]]
    assert record["bits_per_byte_macro"] == pytest.approx(np.mean(bits), rel=1e-12)
    low, high = record["bits_per_byte_95"]
    assert low < summary.corpus.total.bits_per_byte < high
    by_position = record["by_position"]
    assert isinstance(by_position, list)
    total = math.fsum(bucket["nll"] for bucket in by_position)
    assert total == pytest.approx(summary.corpus.sums["nll"], rel=1e-12)
    assert [bucket["first_token"] for bucket in by_position[:4]] == [1, 2, 4, 8]
    assert by_position[0]["num_documents"] == 4
    by_length = record["by_length"]
    assert isinstance(by_length, list)
    assert sum(bucket["num_documents"] for bucket in by_length) == 4
    for bucket in by_length:
        lengths = [row["num_tokens"] for row in found.values()]
        inside = [n for n in lengths if bucket["first_length"] <= n <= bucket["last_length"]]
        assert len(inside) == bucket["num_documents"] and sum(inside) == bucket["num_tokens"]
    groups = {g["group"]["tongue"]: g for g in record["groups"]}
    assert groups.keys() == {"en", "mixed"}
    assert groups["mixed"]["bits_per_byte_macro"] == pytest.approx(found["e"]["bits_per_byte"])
    assert groups["mixed"]["bits_per_byte_95"] is None


def test_what_cannot_be_done_is_a_dead_letter(lines: Path) -> None:
    with lines.open("a") as file:
        file.write('{"id": "f", "text": 5, "tongue": "en"}\n')
    summary = done(lines, "run")
    assert (summary.corpus.num_documents, summary.num_dead) == (5, 1)


def test_bits_per_byte_are_those_of_an_independent_computation(tmp_path: Path) -> None:
    pytest.importorskip("rwkv", reason="PyPI rwkv is not installed")
    (tmp_path / "corpus").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "corpus" / f"{name}.txt").write_text(text)
    files = cut(tmp_path / "corpus", tmp_path / "texts", num_files=5, num_bytes=300)
    peer = RwkvPackage(demo_checkpoint(tmp_path), Version.V7)
    assert ours(tmp_path / "texts", tmp_path / "run") == pytest.approx(
        theirs(peer, files), abs=1e-6
    )


def test_no_resamples_no_interval(lines: Path) -> None:
    record = done(lines, "run", num_resamples=0).findings["perplexity"].record
    assert record["bits_per_byte_95"] is None


@pytest.mark.parametrize("window", [1, 40, 100_000])
def test_a_window_costs_what_it_costs_in_the_engine(lines: Path, window: int) -> None:
    done(lines, "run", context_policy=f"window:{window}")
    engine = Engine.from_config(engine=EngineConfig(device="cpu"))
    wants = Wants(window=window)
    for name, row in rows(lines, "run").items():
        sequence = engine.sequence(name, [TEXTS[str(name)].encode()], wants=wants)
        nats = [result.nll for result in engine.run(iter([sequence]), wants)]
        assert row["nll"] == pytest.approx(float(np.concatenate(nats).sum(dtype=float)), rel=1e-9)
        assert row["num_tokens"] == len(TEXTS[str(name)].encode())
        assert row["context_policy"] == f"window:{window}"


def test_a_long_window_is_streaming(lines: Path) -> None:
    done(lines, "streaming")
    done(lines, "window", context_policy="window:4096")
    streaming, window = rows(lines, "streaming"), rows(lines, "window")
    assert {k: r["nll"] for k, r in streaming.items()} == {k: r["nll"] for k, r in window.items()}
