"""What a token costs in documents of different lengths, here and in a transformer."""

from collections.abc import Callable

from longriver.engine.engine import Engine
from longriver.engine.inspection import flops_per_token
from longriver.engine.version import Version
from tests.bench.peak import peaks_of_texts
from tests.bench.session import Bench
from tests.bench.size import SIZES, checkpoint
from tests.bench.texts import read
from tests.bench.timing import Compared, Work
from tests.bench.transformer import neox_reader
from tests.checkpoints import loaded
from tests.engine.reading import engine_of

FLAT = "RWKV-7, tiny, by document length"


def contexts_section(bench: Bench) -> str:
    return f"{bench.size.name}, by document length"


def measure_lengths(bench: Bench) -> None:
    """One document at a time through a tiny network, and the memory of it."""
    path = checkpoint(Version.V7, SIZES["tiny"], bench.folder)
    engine = engine_of(loaded(path), num_slots=1)
    read(engine, [bench.scale.step_tokens])
    bench.measure(FLAT, [_alone(bench, engine, length) for length in bench.scale.lengths])
    for length, peak_mb in peaks_of_texts(path, bench.scale.lengths):
        bench.note(FLAT, f"peak memory, {length:,} tokens", "MB", peak_mb)


def _alone(bench: Bench, engine: Engine, length: int) -> Work:
    count = -(-bench.scale.length_tokens // length)
    flops = flops_per_token(engine.network)
    return Work(f"{length:,} tokens", lambda number: read(engine, [length] * count, number), flops)


def measure_contexts(bench: Bench) -> None:
    """The same lengths through RWKV-7 here and through a GPT-NeoX of the same layers and width."""
    path = checkpoint(Version.V7, bench.size, bench.folder)
    engine = engine_of(loaded(path))
    read(engine, [bench.scale.step_tokens])
    read_neox = neox_reader(bench, bench.size)
    for length in bench.scale.contexts:
        works = [_ours(engine, length)]
        if read_neox is not None:
            works.append(_theirs(length, read_neox))
        bench.measure(contexts_section(bench), works)
    path.unlink()


def ours_named(length: int) -> str:
    return f"RWKV-7 here, {length:,} tokens"


def neox_named(length: int) -> str:
    return f"GPT-NeoX in transformers, {length:,} tokens"


def _ours(engine: Engine, length: int) -> Work:
    flops = flops_per_token(engine.network)
    return Work(ours_named(length), lambda number: read(engine, [length], number), flops)


def _theirs(length: int, read_neox: Callable[[int], int]) -> Work:
    return Work(neox_named(length), lambda number: read_neox(length), None, Compared.PEER)
