"""`longriver perplexity` beside PyPI `rwkv`: ``python -m tests.bench.perplexity_oracle CORPUS …``.

A corpus is a file or a folder; of every file the first bytes are read.
"""

import argparse
import math
import tempfile
from pathlib import Path

import torch

from longriver.engine.config import ModelConfig
from longriver.engine.version import Version
from longriver.engine.weights import read_tensors
from longriver.jobs.config import RunConfig
from longriver.jobs.run import run
from longriver.pipeline.progress import SilentReporter
from tests.bench.rwkv_package import RwkvPackage

STEP = 256


def demo_checkpoint(folder: Path) -> Path:
    """The embedded model as a file that the package reads."""
    path = folder / "demo.pth"
    torch.save(dict(read_tensors(ModelConfig())), path)
    return path


def theirs(peer: RwkvPackage, files: list[Path]) -> float:
    """Bits per byte, a byte being a token of the embedded model."""
    texts = [path.read_bytes() for path in files]
    nats = [float(peer.nll(list(text), STEP).double().sum()) for text in texts if text]
    return math.fsum(nats) / (math.log(2) * sum(map(len, texts)))


def ours(folder: Path, output: Path) -> float:
    parts = {"data": {"path": str(folder)}, "output": {"path": str(output)}}
    job = {"kind": "perplexity", "num_resamples": 0}
    config = RunConfig.model_validate({**parts, "engine": {"device": "cpu"}, "job": job})
    total = run(config, SilentReporter()).summary.corpus.total
    assert total is not None and total.bits_per_byte is not None
    return total.bits_per_byte


def cut(corpus: Path, folder: Path, num_files: int, num_bytes: int) -> list[Path]:
    """The first files of a corpus, the first bytes of each."""
    folder.mkdir()
    found = (
        sorted(path for path in corpus.rglob("*") if path.is_file())
        if corpus.is_dir()
        else [corpus]
    )
    for number, path in enumerate(found[:num_files]):
        (folder / f"{number:04d}.txt").write_bytes(path.read_bytes()[:num_bytes])
    return sorted(folder.iterdir())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--files", type=int, default=5)
    parser.add_argument("--bytes", type=int, default=4000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        peer = RwkvPackage(demo_checkpoint(work), Version.V7)
        for number, corpus in enumerate(given.corpora):
            files = cut(corpus, work / f"{number}", given.files, given.bytes)
            found, expected = ours(work / f"{number}", work / f"run{number}"), theirs(peer, files)
            size = sum(path.stat().st_size for path in files)
            print(
                f"{corpus.name}: {len(files)} files, {size} bytes: {found:.9f} bits per byte, PyPI "
                f"rwkv {expected:.9f}, difference {found - expected:+.1e}"
            )


if __name__ == "__main__":
    main()
