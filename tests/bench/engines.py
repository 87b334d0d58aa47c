"""The whole engine, version by version: beside its parts and its peers, and on many documents."""

from collections.abc import Iterator
from pathlib import Path

from longriver.engine.engine import Engine
from longriver.engine.inspection import flops_per_token
from tests.bench import llama_cpp_peer, ops, rwkv_package, transformer
from tests.bench.peak import peaks_of_texts
from tests.bench.session import Bench
from tests.bench.size import checkpoint
from tests.bench.texts import mixed_lengths, read, shuffled
from tests.bench.timing import Work
from tests.checkpoints import loaded
from tests.engine.reading import engine_of

LONG = "one long text"


def measure_engines(bench: Bench) -> None:
    """One long text, the parts of its time, the peers, and a peak of memory, for each version."""
    for section, engine, path in _engines(bench):
        works = [
            long_work(bench, engine),
            *ops.op_works(engine.network, bench.size, bench.scale),
            *rwkv_package.works(bench, engine.network, path),
            *llama_cpp_peer.works(bench, engine.network, path),
            *transformer.rwkv4_works(bench, engine.network),
        ]
        bench.measure(section, works)
        for _, peak_mb in peaks_of_texts(path, [bench.scale.long_tokens]):
            bench.note(section, "peak memory, one long text", "MB", peak_mb)


def measure_mixes(bench: Bench) -> None:
    """One long text, many short ones, and mixed ones, for each version."""
    for section, engine, _ in _engines(bench):
        bench.measure(f"{section}, documents", [long_work(bench, engine), *_mixes(bench, engine)])


def _engines(bench: Bench) -> Iterator[tuple[str, Engine, Path]]:
    """Each version's section, engine and checkpoint; the checkpoint goes with it."""
    for version in bench.versions:
        path = checkpoint(version, bench.size, bench.folder)
        engine = engine_of(loaded(path))
        yield f"RWKV-{version}, {bench.size.name}", engine, path
        path.unlink()


def long_work(bench: Bench, engine: Engine, name: str = LONG) -> Work:
    """A long text, read once before."""
    length = bench.scale.long_tokens
    read(engine, [bench.scale.step_tokens])
    flops = flops_per_token(engine.network)
    return Work(name, lambda number: read(engine, [length], number), flops)


def _mixes(bench: Bench, engine: Engine) -> list[Work]:
    scale, flops = bench.scale, flops_per_token(engine.network)
    short = [scale.short_tokens] * scale.num_short
    mixed = mixed_lengths(scale.num_mixed, *scale.mixed_tokens)

    def read_mixed(number: int) -> int:
        return read(engine, shuffled(mixed, number), number)

    return [
        Work("many short texts", lambda number: read(engine, short, number), flops),
        Work("mixed lengths", read_mixed, flops),
    ]
