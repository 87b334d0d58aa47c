"""What a report says of the machine and of the software on it."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.installed import version_of

PACKAGES = (
    "longriver",
    "torch",
    "numpy",
    "numba",
    "pyarrow",
    "ray",
    "rwkv",
    "transformers",
    "llama-cpp-python",
)


def describe() -> dict[str, object]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.platform(),
        "cpu": _cpu_model(),
        "num_cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "packages": {package: version_of(package) for package in PACKAGES},
    }


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
