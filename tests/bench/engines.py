"""The whole engine, version by version, with its parts and its peers in the same rounds."""

from pathlib import Path

from longriver.engine.engine import Engine
from longriver.engine.inspection import flops_per_token
from tests.bench import ops, rwkv_package, transformer
from tests.bench.peak import peaks_of_texts
from tests.bench.session import Bench
from tests.bench.size import checkpoint
from tests.bench.texts import mixed_lengths, read, shuffled
from tests.bench.timing import Work
from tests.checkpoints import loaded
from tests.engine.reading import engine_of

LONG = "one long text"


def measure_engines(bench: Bench) -> None:
    """A group and a peak of memory for each version; its checkpoint goes with it."""
    for version in bench.versions:
        path = checkpoint(version, bench.size, bench.folder)
        _measure(bench, path)
        path.unlink()


def _measure(bench: Bench, path: Path) -> None:
    engine = engine_of(loaded(path))
    section = f"RWKV-{engine.network.version}, {bench.size.name}"
    works = [
        *text_works(bench, engine),
        *ops.op_works(engine.network, bench.size, bench.scale),
        *rwkv_package.works(bench, engine.network, path),
        *transformer.rwkv4_works(bench, engine.network),
    ]
    bench.measure(section, works)
    for _, peak_mb in peaks_of_texts(path, [bench.scale.long_tokens]):
        bench.note(section, "peak memory, one long text", "MB", peak_mb)


def text_works(bench: Bench, engine: Engine) -> list[Work]:
    """One long text, many short ones, and mixed ones, in that order."""
    scale, flops = bench.scale, flops_per_token(engine.network)
    short = [scale.short_tokens] * scale.num_short
    mixed = mixed_lengths(scale.num_mixed, *scale.mixed_tokens)
    read(engine, [scale.step_tokens])

    def read_mixed(number: int) -> int:
        return read(engine, shuffled(mixed, number), number)

    return [
        Work(LONG, lambda number: read(engine, [scale.long_tokens], number), flops),
        Work("many short texts", lambda number: read(engine, short, number), flops),
        Work("mixed lengths", read_mixed, flops),
    ]
