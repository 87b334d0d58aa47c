"""Every kind of bad order, as a user gives it: one line that helps, code 2, and nothing written."""

import bz2
import gzip
import os
import pickle
import socket
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from longriver.jobs.cli import main
from tests.checkpoints import random_rwkv7

Refusal = Callable[..., str]

TINY = {"num_layers": 1, "num_heads": 1}


@pytest.fixture
def books(tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "a.txt").write_text("It was the best of times.")
    (folder / "b.txt").write_text("It was the worst of times.")
    return folder


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def refusal(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Gives the order, and returns the one line that it gets."""

    def give(data: object, *words: str, command: str = "score") -> str:
        order = [f"data.path={data}", f"output.path={run_folder}", "engine.num_threads=1", *words]
        before = sorted(run_folder.parent.rglob("*"))
        assert main([command, *order]) == 2
        assert sorted(run_folder.parent.rglob("*")) == before
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1 and err.endswith("\n")
        assert err.startswith("longriver: error: ")
        return err

    return give


@pytest.fixture
def score(run_folder: Path) -> Callable[..., int]:
    """Gives an order that should be carried out."""

    def give(data: object, *words: str) -> int:
        order = [f"data.path={data}", f"output.path={run_folder}", "engine.num_threads=1"]
        return main(["score", *order, *words])

    return give


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.pth"
    torch.save(random_rwkv7(**TINY), path)
    return path


def table(path: Path, **columns: list[object]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


# Input


def test_a_missing_path(refusal: Refusal, tmp_path: Path) -> None:
    assert f"data.path={tmp_path}/no does not exist; name a file" in refusal(tmp_path / "no")


def test_an_empty_folder(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "/empty matches no file" in refusal(tmp_path / "empty")


def test_a_folder_with_nothing_but_hidden_files(refusal: Refusal, books: Path) -> None:
    for file in list(books.iterdir()):
        file.rename(file.with_name(f".{file.name}"))
    assert "hidden names (. and _) do not count" in refusal(books)


def test_a_glob_without_matches(refusal: Refusal, books: Path) -> None:
    assert "/books/*.parquet matches no file" in refusal(books / "*.parquet")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(refusal: Refusal, books: Path) -> None:
    (books / "b.txt").chmod(0)
    line = refusal(books)
    assert "data.path" in line and "b.txt" in line and "Permission denied" in line


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs Linux")
def test_a_file_that_cannot_be_read(refusal: Refusal) -> None:
    line = refusal("/proc/self/mem", "data.format=text")
    assert "data.path: /proc/self/mem cannot be read: [Errno" in line


def test_a_path_that_is_too_long(refusal: Refusal) -> None:
    assert "data.path=" in refusal("long" * 100)


def test_a_file_that_is_a_socket(refusal: Refusal, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))
        assert "data.path" in refusal(path)


def test_a_link_to_nowhere(refusal: Refusal, books: Path) -> None:
    (books / "c.txt").symlink_to(books / "gone.txt")
    line = refusal(books)
    assert "data.path" in line and "c.txt" in line and "gone.txt" in line


def test_a_store_that_does_not_exist(refusal: Refusal) -> None:
    assert "data.path=ftpx://host/a" in refusal("ftpx://host/a")


def test_a_wrong_column(refusal: Refusal, tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", body=["x"], name=["y"])
    line = refusal(path)
    assert "data.text_column=text" in line and "body, name" in line and "a.parquet" in line
    assert "did you mean data.text_column=body?" in refusal(path, "data.text_column=bodi")


def test_a_column_that_holds_no_text(refusal: Refusal, tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", text=[1, 2])
    line = refusal(path)
    assert "data.text_column=text" in line and "a.parquet" in line


def test_a_group_column_of_text_files(refusal: Refusal, books: Path) -> None:
    line = refusal(books, "data.group_columns=[lang]")
    assert "data.group_columns[0]=lang" in line and "text files have no columns" in line


def test_files_of_no_known_format(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(b"PK")
    line = refusal(tmp_path / "a.docx")
    assert "a.docx" in line and "data.format" in line


def test_an_input_of_which_nothing_can_be_read(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"not parquet at all")
    assert "a.parquet: corrupt_file" in refusal(tmp_path / "a.parquet")


# Model


def test_a_checkpoint_that_is_not_there(refusal: Refusal, books: Path) -> None:
    assert "model.path=no.pth does not exist; name a .pth" in refusal(books, "model.path=no.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".txt"])
@pytest.mark.parametrize("content", [b"", b"Once upon a time.\n", bytes(range(256)) * 99])
def test_a_file_that_is_no_checkpoint(
    refusal: Refusal, books: Path, tmp_path: Path, suffix: str, content: bytes
) -> None:
    path = tmp_path / f"other{suffix}"
    path.write_bytes(content)
    line = refusal(books, f"model.path={path}")
    assert f"model.path={path} is not a whole" in line and "download it again" in line


def test_a_folder_for_a_checkpoint(refusal: Refusal, books: Path) -> None:
    assert "holds no weights (model.safetensors" in refusal(books, f"model.path={books}")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_the_weights_of_another_network(
    refusal: Refusal, books: Path, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"gpt{suffix}"
    tensors = {"transformer.wte.weight": torch.zeros(4, 4)}
    torch.save(tensors, path) if suffix == ".pth" else save_file(tensors, path)
    line = refusal(books, f"model.path={path}")
    assert f"model.path={path} is not an RWKV checkpoint" in line and "wte.weight" in line


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_a_truncated_checkpoint(
    refusal: Refusal, books: Path, tmp_path: Path, suffix: str, share: float
) -> None:
    path = tmp_path / f"cut{suffix}"
    torch.save(random_rwkv7(**TINY), path) if suffix == ".pth" else save_file(
        random_rwkv7(**TINY), path
    )
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    line = refusal(books, f"model.path={path}")
    assert f"model.path={path}" in line and "download it again" in line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors: tensors.pop("ln_out.bias"), "ln_out.bias is missing"),
        (lambda t: t.update({"head.weight": torch.zeros(3, 5)}), "head.weight has shape (3, 5)"),
        (lambda t: t["emb.weight"][7].fill_(torch.nan), "emb.weight holds NaN"),
        (lambda t: t.update({"blocks.0.att.new": torch.zeros(1)}), "blocks.0.att.new is no part"),
    ],
)
def test_a_checkpoint_with_a_fault(
    refusal: Refusal,
    books: Path,
    tmp_path: Path,
    change: Callable[[dict[str, torch.Tensor]], object],
    words: str,
) -> None:
    tensors, path = random_rwkv7(**TINY), tmp_path / "faulty.pth"
    change(tensors)
    torch.save(tensors, path)
    assert f"model.path={path}: {words}" in refusal(books, f"model.path={path}")


class _Hostile:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.witness}",)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".bin"])
@pytest.mark.parametrize("is_zip", [True, False])
def test_a_checkpoint_with_code_in_it(
    refusal: Refusal, books: Path, tmp_path: Path, suffix: str, is_zip: bool
) -> None:
    witness, path = tmp_path / "it-ran", tmp_path / f"hostile{suffix}"
    content = random_rwkv7(**TINY) | {"extra": _Hostile(witness)}
    torch.save(content, path) if is_zip else path.write_bytes(pickle.dumps(content))
    assert str(path) in refusal(books, f"model.path={path}")
    assert not witness.exists()


# Tokenizer


def test_a_tokenizer_of_another_vocabulary(refusal: Refusal, books: Path, tmp_path: Path) -> None:
    line = refusal(books, "model.tokenizer=world")
    assert "model.tokenizer=world does not fit" in line and "256 ids" in line and "bytes" in line
    path = tmp_path / "odd.pth"
    torch.save(random_rwkv7(**TINY, vocab_size=300), path)
    assert "300 ids" in refusal(books, f"model.path={path}")


@pytest.fixture
def world_checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "world.safetensors"
    save_file(random_rwkv7(num_layers=1, num_heads=1, head_size=8, vocab_size=65536), path)
    return path


def test_a_vocabulary_that_is_not_there(
    refusal: Refusal, books: Path, world_checkpoint: Path
) -> None:
    words = [f"model.path={world_checkpoint}", "model.vocab=no.txt"]
    assert "model.vocab=no.txt is not a file" in refusal(books, *words)


def test_a_vocabulary_with_code_in_it(
    refusal: Refusal, books: Path, world_checkpoint: Path, tmp_path: Path
) -> None:
    witness, path = tmp_path / "it-ran", tmp_path / "vocab.txt"
    path.write_text(f"1 __import__('os').system('touch {witness}') 4\n")
    line = refusal(books, f"model.path={world_checkpoint}", f"model.vocab={path}")
    assert f"model.vocab={path}, line 1" in line and "use the original file" in line
    assert not witness.exists()


def test_a_vocabulary_of_a_byte_level_model(refusal: Refusal, books: Path) -> None:
    assert "model.vocab=x has no effect" in refusal(books, "model.vocab=x")


def test_a_prefix_token_outside_of_the_vocabulary(refusal: Refusal, books: Path) -> None:
    line = refusal(books, "model.prefix_token=256")
    assert "model.prefix_token=256" in line and "vocabulary of 256" in line and "0 is what" in line


# Keys and values


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


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
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


# Output


@pytest.mark.parametrize("is_finished", [True, False])
def test_the_folder_of_an_order_with_another_value(
    refusal: Refusal,
    score: Callable[..., int],
    books: Path,
    run_folder: Path,
    capsys: pytest.CaptureFixture[str],
    is_finished: bool,
) -> None:
    assert score(books, "job.segment_tokens=8") == 0
    if not is_finished:
        (run_folder / "_SUCCESS").unlink()
    capsys.readouterr()
    line = refusal(books, "job.segment_tokens=16")
    assert "started with job.segment_tokens=8, this order says 16" in line
    assert "use another output.path" in line


def test_the_folder_of_an_order_with_another_model(
    refusal: Refusal,
    score: Callable[..., int],
    books: Path,
    checkpoint: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert score(books) == 0
    capsys.readouterr()
    line = refusal(books, f"model.path={checkpoint}")
    assert line.count("sha256:") == 2 and "started with model=" in line


@pytest.mark.parametrize("is_finished", [True, False])
def test_the_folder_of_an_order_with_another_input(
    refusal: Refusal,
    score: Callable[..., int],
    books: Path,
    run_folder: Path,
    capsys: pytest.CaptureFixture[str],
    is_finished: bool,
) -> None:
    assert score(books) == 0
    if not is_finished:
        (run_folder / "_SUCCESS").unlink()
    capsys.readouterr()
    (books / "a.txt").write_text("It was the age of wisdom, so to say.")
    line = refusal(books)
    assert line.count("sha256:") == 2 and "started with inputs=" in line


def test_a_folder_with_other_things_in_it(refusal: Refusal, books: Path, run_folder: Path) -> None:
    run_folder.mkdir()
    (run_folder / "thesis.doc").write_text("years of work")
    line = refusal(books)
    assert f"output.path={run_folder}" in line and "thesis.doc" in line and "new or empty" in line


def test_an_output_path_that_is_a_file(refusal: Refusal, books: Path, run_folder: Path) -> None:
    run_folder.write_text("a file")
    line = refusal(books)
    assert f"output.path={run_folder}" in line and "it is a file" in line


def test_an_output_path_below_a_file(refusal: Refusal, books: Path) -> None:
    line = refusal(books, f"output.path={books}/a.txt/run")
    assert f"output.path={books}/a.txt/run" in line and "give a folder" in line


# A corrupt file among good ones is no bad order


def test_corrupt_files_cost_themselves_alone(
    score: Callable[..., int],
    tmp_path: Path,
    run_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    table(folder / "good.parquet", text=["one", "two", None])
    (folder / "bad.parquet").write_bytes(b"PAR1 but not really PAR1")
    (folder / "bad.txt.gz").write_bytes(gzip.compress(os.urandom(5000))[:3000])
    (folder / "good.txt.bz2").write_bytes(bz2.compress(b"three"))
    (folder / "rows.jsonl").write_text('{"text": "four"}\nno json\n{"text": "five"}\n')
    assert score(folder) == 3
    assert "dead letters" in capsys.readouterr().out
    assert main(["verify", f"output.path={run_folder}"]) == 0
    dead = pq.read_table(run_folder / "dead").to_pylist()
    reasons = {Path(row["source"]).name: row["reason"] for row in dead}
    assert reasons["bad.parquet"] == reasons["bad.txt.gz"] == "corrupt_file"
    assert set(reasons) == {"bad.parquet", "bad.txt.gz", "rows.jsonl", "good.parquet"}
    assert all(row["detail"] for row in dead)
    scored = pq.read_table(run_folder / "score").to_pylist()
    assert sorted(row["num_bytes"] for row in scored) == [3, 3, 4, 4, 5]


# Odd, but fine


ODD_TEXTS = {
    "empty.txt": b"",
    "latin1.txt": b"caf\xe9 \xff\xfe",
    "bom.txt": b"\xef\xbb\xbfWith a mark.",
    "dos.txt": b"One\r\nTwo\r\n",
    "nul.txt": b"before\x00after",
    "cafe\u0301 = 1, [x] {y} $z.txt": "日本語 текст".encode(),
}


def test_odd_texts_and_names_are_scored_byte_for_byte(
    score: Callable[..., int], tmp_path: Path, run_folder: Path
) -> None:
    folder = tmp_path / "my texts = ünï ${x}"
    folder.mkdir()
    for name, content in ODD_TEXTS.items():
        (folder / name).write_bytes(content)
    assert main(["verify", f"output.path={run_folder}"]) == 2
    assert score(str(folder).replace("$", "\\$")) == 0
    rows = pq.read_table(run_folder / "score").to_pylist()
    assert {row["document_id"]: row["num_bytes"] for row in rows} == {
        name: len(content) for name, content in ODD_TEXTS.items()
    }
    assert {row["document_id"] for row in rows if row["status"] == "empty"} == {"empty.txt"}
    assert main(["verify", f"output.path={run_folder}"]) == 0


def test_results_below_the_input_are_not_read_as_input(
    books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(books)
    for segment_tokens in (8, 8, 16):
        output = f"output.path=runs/{segment_tokens}"
        words = ["engine.num_threads=1", f"job.segment_tokens={segment_tokens}", output]
        assert main(["score", "data.path=.", *words]) == 0
        assert pq.read_table(books / "runs" / str(segment_tokens) / "score").num_rows == 2


def test_a_folder_with_one_empty_text(score: Callable[..., int], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.txt").touch()
    assert score(tmp_path / "in") == 0
