"""Peak resident memory of processes that do one thing: ``python -m tests.bench.peak WHAT …``."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MB = 1e6


def peaks_of_texts(checkpoint: Path, lengths: Sequence[int]) -> list[tuple[int, float]]:
    """For each text, read one after the other in this order, its length and the peak so far, MB."""
    found = _run("texts", checkpoint, *lengths)
    return [(int(length), float(peak_mb)) for length, peak_mb in found]


def peak_of_plan(source: Path, part_column: str | None) -> tuple[float, float]:
    """Seconds of planning a source, and the peak above where it began, MB."""
    seconds, peak_mb = _run("plan", source, *([part_column] if part_column else []))
    return float(seconds), float(peak_mb)


def _run(what: str, *words: object) -> Any:
    command = [sys.executable, "-m", "tests.bench.peak", what, *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _texts(checkpoint: str, *lengths: str) -> list[tuple[int, float]]:
    from tests.bench.texts import read
    from tests.checkpoints import loaded
    from tests.engine.reading import engine_of

    engine = engine_of(loaded(checkpoint))
    return [(read(engine, [int(length)]), _peak_mb()) for length in lengths]


def _plan(source: str, part_column: str | None = None) -> tuple[float, float]:
    from longriver.pipeline.data_config import DataConfig
    from longriver.pipeline.scan import plan_sources

    id_column = None if part_column is None else "id"
    data = DataConfig(path=source, id_column=id_column, part_column=part_column)
    before_mb, began_s = _peak_mb(), time.perf_counter()
    plan_sources(data)
    return time.perf_counter() - began_s, _peak_mb() - before_mb


def _peak_mb() -> float:
    """Linux's ``ru_maxrss`` would count what the process that started this one held."""
    status = Path("/proc/self/status")
    if not status.exists():
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / MB


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    programs: dict[str, Callable[..., object]] = {"texts": _texts, "plan": _plan}
    print(json.dumps(programs[what](*words)))
