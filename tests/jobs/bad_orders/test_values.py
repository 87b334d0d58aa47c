"""Keys and values that no order may have: one line that helps."""

from pathlib import Path

import pytest
import torch

from tests.jobs.bad_orders.conftest import Refusal


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("engine.num_slot=3", "unknown key engine.num_slot; did you mean engine.num_slots?"),
        ("enigne.dtype=x", "unknown key enigne.dtype; did you mean engine.dtype?"),
        ("model=huge", "model=huge is not there; give one of demo"),
        ("cluster=slurm", "cluster=slurm is not there; give one of local, ray"),
        ("engine.num_slots=0", "engine.num_slots=0 cannot be used; give at least 1 or auto"),
        ("engine.dtype=float8", "engine.dtype=float8 cannot be used; give auto, float32, bfloat"),
        ("job.segment_tokens=-1", "job.segment_tokens=-1 cannot be used; give at least 1"),
        ("data.format=word", "data.format=word cannot be used; give auto, parquet, arrow, csv"),
        ("data.shard_bytes=0", "data.shard_bytes=0 cannot be used; give"),
        ("cluster.num_workers=2", "cluster.num_workers=2 has no effect with cluster.kind=local"),
        ("cluster.address=auto", "cluster.address=auto has no effect with cluster.kind=local"),
        ("data.part_column=part", "data.part_column=part needs id_column"),
        ("data.group_columns=[nll]", "data.group_columns=nll would hide the result column"),
    ],
)
def test_a_bad_key_or_value(refusal: Refusal, books: Path, word: str, sentence: str) -> None:
    assert f"longriver: error: {sentence}" in refusal(books, word)


@pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU, cuda is no mistake")
def test_a_gpu_that_is_not_there(refusal: Refusal, books: Path) -> None:
    line = refusal(books, "engine.device=cuda")
    assert "engine.device=cuda" in line and "use engine.device=cpu" in line


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_on_cpu(refusal: Refusal, books: Path, dtype: str) -> None:
    line = refusal(books, f"engine.dtype={dtype}", "engine.device=cpu")
    assert f"engine.dtype={dtype} on CPU" in line and "CPUs run float32 or int8" in line


@pytest.mark.parametrize(
    "word", ["data.path=nowhere", "model.path=nowhere", "engine.dtype=float16"]
)
def test_plan_refuses_the_same_orders(refusal: Refusal, books: Path, word: str) -> None:
    assert word in refusal(books, "engine.device=cpu", word, command="plan")
