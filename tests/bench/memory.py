"""Peak memory of workers that read at once: ``python -m tests.bench.memory CHECKPOINT WORKERS``."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from longriver.engine.config import EngineConfig, ModelConfig
from longriver.engine.engine import Engine
from tests.bench.texts import read

ROOT = Path(__file__).parents[2]
LOOK_EVERY_S = 0.05
MB = 1e6


def peak_of_workers(checkpoint: Path, num_workers: int, options: list[str]) -> float:
    """The largest sum of their proportional shares of memory, MB; Linux only."""
    command = [sys.executable, "-m", "tests.bench.memory", str(checkpoint), "0", *options]
    workers = [subprocess.Popen(command, cwd=ROOT) for _ in range(num_workers)]
    peak_mb = 0.0
    while any(worker.poll() is None for worker in workers):
        peak_mb = max(peak_mb, sum(_share_mb(worker.pid) for worker in workers))
        time.sleep(LOOK_EVERY_S)
    if any(worker.returncode for worker in workers):
        raise SystemExit("a worker failed, see above")
    return peak_mb


def _share_mb(pid: int) -> float:
    """A page that n processes map counts an nth for each; nothing of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / MB


def _work(checkpoint: Path, num_tokens: int, *, share: bool) -> None:
    settings = EngineConfig(device="cpu", share_weights=share)
    read(Engine.from_config(ModelConfig(path=str(checkpoint)), settings), [num_tokens])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("workers", type=int)
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--private", action="store_true", help="engine.share_weights=false")
    options = parser.parse_args()
    if options.workers == 0:
        return _work(options.checkpoint, options.tokens, share=not options.private)
    passed = ["--tokens", str(options.tokens), *(["--private"] if options.private else [])]
    peak_mb = peak_of_workers(options.checkpoint, options.workers, passed)
    print(f"{options.workers} workers: {peak_mb:,.0f} MB at their peak")


if __name__ == "__main__":
    main()
