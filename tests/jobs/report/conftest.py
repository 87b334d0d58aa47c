"""One run over texts that are out for trouble, which all tests of its report share."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from longriver.jobs.cli import main

SCRIPT = "<script>window.hacked = true</script>"
IMAGE = "\"'><img src=x onerror='window.hacked = true'>"
TURNED = "\u202eright to left\u2066\x00\x1b[31m"
SENTENCE = "The river is long, and 水 is water; it goes on and on to the sea. "

IDS = [SCRIPT, IMAGE, TURNED, "</style></svg></script>" + SCRIPT, "n" * (1 << 16), "plain", "null"]
TEXTS = [SCRIPT * 4, IMAGE * 4, TURNED * 4, "]]>" + SCRIPT * 3, SENTENCE, SENTENCE * 8, None]
GROUPS = [IMAGE, SCRIPT, TURNED, IMAGE, None, SCRIPT, IMAGE]
WORDS = ("job.score.segment_tokens=50", "job.score.token_nll=true", "job.embed.segment_tokens=50")


def order_words(data: Path, run: Path) -> list[str]:
    return [
        *("run", "job=[score,perplexity,embed]", f"data.path={data}", f"output.path={run}"),
        *("data.id_column=id", "data.group_columns=[kind]", "data.shard_bytes=1"),
        *("engine.device=cpu", "engine.num_threads=1", "job.perplexity.num_resamples=50"),
        *WORDS,
    ]


def write_hostile(path: Path) -> None:
    columns = {"id": IDS, "text": TEXTS, "kind": GROUPS}
    pq.write_table(pa.table(columns), path, row_group_size=2)


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed; its input lies beside it."""
    folder = tmp_path_factory.mktemp("hostile")
    write_hostile(folder / "data.parquet")
    assert main(order_words(folder / "data.parquet", folder / "run")) == 3
    return folder / "run"
