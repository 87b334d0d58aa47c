"""Peak memory of workers that read at once: ``python -m tests.bench.memory CHECKPOINT WORKERS``."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOOK_EVERY_S = 0.05
MB = 1e6


def peak_of_workers(checkpoint: Path, num_workers: int, num_tokens: int) -> float:
    """The largest sum of their proportional shares of memory, MB; Linux only.

    What looks must not bring in torch: its pages would count less for those that are looked at.
    """
    command = [sys.executable, "-m", "tests.bench.memory", str(checkpoint), "0"]
    command += ["--tokens", str(num_tokens)]
    workers = [subprocess.Popen(command, cwd=ROOT) for _ in range(num_workers)]
    peak_mb = 0.0
    while any(worker.poll() is None for worker in workers):
        peak_mb = max(peak_mb, _sum_of_shares_mb([worker.pid for worker in workers]))
        time.sleep(LOOK_EVERY_S)
    if any(worker.returncode for worker in workers):
        raise SystemExit("a worker failed, see above")
    return peak_mb


def _sum_of_shares_mb(pids: list[int]) -> float:
    """Two looks, and the lesser of each: a page mapped in between is no one's whole any more."""
    looks = [[_share_mb(pid) for pid in pids] for _ in range(2)]
    return sum(map(min, zip(*looks, strict=True)))


def _share_mb(pid: int) -> float:
    """A page that n processes map counts an nth for each; nothing of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / MB


def _work(checkpoint: Path, num_tokens: int) -> None:
    from longriver.engine.config import EngineConfig, ModelConfig
    from longriver.engine.engine import Engine
    from tests.bench.texts import read

    engine = Engine.from_config(ModelConfig(path=str(checkpoint)), EngineConfig(device="cpu"))
    read(engine, [num_tokens])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("workers", type=int)
    parser.add_argument("--tokens", type=int, default=2048)
    options = parser.parse_args()
    if options.workers == 0:
        return _work(options.checkpoint, options.tokens)
    peak_mb = peak_of_workers(options.checkpoint, options.workers, options.tokens)
    print(f"{options.workers} workers: {peak_mb:,.0f} MB at their peak")


if __name__ == "__main__":
    main()
