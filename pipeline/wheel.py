"""A wheel of the longriver that is running, to be installed on a cluster beside what it needs."""

import base64
import hashlib
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("conf", "engine", "jobs", "kernels", "pipeline")
LEFT_OUT = frozenset({".md", ".png", ".pyc"})
"""Endings of what no built wheel holds either."""

WHEEL = """\
Wheel-Version: 1.0
Generator: longriver
Root-Is-Purelib: true
Tag: py3-none-any
"""


def pack(folder: Path) -> Path:
    """Writes the wheel into ``folder``; the same files give the same name and bytes.

    It names no dependencies. Ray installs it with ``pip install --target``, which would fetch
    every one of them, Ray itself and torch included, and put them before those of the cluster.
    Its build tag is a hash of its content: Ray knows wheels by their names and keeps the first
    of a name.
    """
    version = distribution("longriver").version
    info = f"longriver-{version}.dist-info"
    files = {f"longriver/{name}": content for name, content in _package().items()}
    files |= {f"{info}/{name}": text.encode() for name, text in _metadata(version).items()}
    path = folder / f"longriver-{version}-0{_key(files)}-py3-none-any.whl"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in (files | {f"{info}/RECORD": _record(files, info)}).items():
            # without a date: ZipInfo's own is 1980
            archive.writestr(ZipInfo(name), content, ZIP_DEFLATED)
    return path


def _package() -> dict[str, bytes]:
    """All that a built wheel would hold, by path, whether longriver is installed or checked out."""
    paths = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
    kept = [path for path in paths if path.is_file() and path.suffix not in LEFT_OUT]
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in kept}


def _metadata(version: str) -> dict[str, str]:
    installed = distribution("longriver")
    lines = ["Metadata-Version: 2.1", "Name: longriver", f"Version: {version}"]
    lines.append(f"Requires-Python: {installed.metadata['Requires-Python']}")
    scripts = "".join(f"{script.name} = {script.value}\n" for script in installed.entry_points)
    return {
        "METADATA": "\n".join(lines) + "\n",
        "WHEEL": WHEEL,
        "entry_points.txt": f"[console_scripts]\n{scripts}",
    }


def _key(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _record(files: Mapping[str, bytes], info: str) -> bytes:
    lines = [f"{name},{_hash(content)},{len(content)}" for name, content in files.items()]
    return "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()


def _hash(content: bytes) -> str:
    digest = hashlib.sha256(content).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
