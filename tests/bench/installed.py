"""Which peers and tools are installed here; what is not is said, not silently left out."""

from collections.abc import Callable
from importlib import metadata

from tests.bench.session import Bench

WAY_OUT = "is not installed; pip install -e '.[{}]'"


def version_of(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def is_missing(
    bench: Bench,
    package: str,
    look: Callable[[str], str | None] = version_of,
    *,
    extra: str = "bench",
) -> bool:
    """Whether a package, of one of our extras, is not there, which the report then says."""
    if look(package) is not None:
        return False
    bench.miss(f"{package} {WAY_OUT.format(extra)}")
    return True
