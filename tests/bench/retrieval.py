"""Do passages of one book find each other? ``python -m tests.bench.retrieval`` prints how often."""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt

from longriver.engine.config import EngineConfig
from longriver.engine.embedding.form import Form
from longriver.engine.embedding.pool import Pool, Pooling
from longriver.engine.engine import Engine
from longriver.engine.result import Failed
from longriver.engine.sequence import Sequence
from longriver.engine.tokenizer.base import Tokens
from longriver.engine.wants import Wants
from tests.conftest import SHARED_DATA

Doubles = npt.NDArray[np.float64]

POOLINGS: tuple[Pooling, ...] = ("mean", "weighted", "last", "state")
BOOKS = (
    "anarchist_faq",
    "bible_kjv",
    "debian_policy",
    "debian_reference",
    "shk_areopagitica",
    "shk_hamlet",
    "shk_julius_caesar",
    "shk_macbeth",
    "shk_paradise_lost_no_introduction",
    "shk_richard_iii",
    "shk_sonnets",
    "shk_tempest",
)
NEAR = 1
"""Passages so near to each other in one reading do not count as found."""


class Every:
    """Cuts a sequence every so many tokens."""

    def __init__(self, num_tokens: int, layer: int) -> None:
        self.num_tokens, self.pools = num_tokens, new_pools(layer)

    def next_cut(self, unread: Tokens, is_end: bool) -> tuple[int, bool]:
        return self.num_tokens - self.pools["mean"].num_tokens, True


def new_pools(layer: int) -> dict[Pooling, Pool]:
    """What enters the first layer has no state; there it is that of all layers."""
    return {pooling: Pool(pooling, layer or -1) for pooling in POOLINGS}


def passages(book: bytes, count: int, num_bytes: int, is_spread: bool) -> list[bytes]:
    """So many passages of a book, spread over it, or one behind the other from its middle on."""
    step = len(book) // count if is_spread else num_bytes
    first = 0 if is_spread else (len(book) - count * num_bytes) // 2
    return [book[first + i * step :][:num_bytes] for i in range(count)]


def vectors(
    engine: Engine, texts: list[bytes], num_tokens: int, layer: int, passes: int
) -> dict[Pooling, Doubles]:
    """Of every ``num_tokens`` of every text, in their order."""
    wants = Wants(nll=False, layer=layer, state=True)
    found: dict[Pooling, dict[int, list[Doubles]]] = {pooling: {} for pooling in POOLINGS}
    for result in engine.run(_sequences(engine, texts, num_tokens, wants, passes), wants):
        assert not isinstance(result, Failed)
        every, index = result.sequence.cuts, result.sequence.key
        if not isinstance(every, Every) or not isinstance(index, int):
            continue
        for pool in every.pools.values():
            pool.add(len(result.read), result.hidden)
        if result.state is not None and every.pools["mean"].num_tokens:
            for pooling, pool in every.pools.items():
                found[pooling].setdefault(index, []).append(pool.vector(result.state))
            every.pools = new_pools(layer)
    order = range(len(texts))
    return {p: np.stack([v for i in order for v in each[i]]) for p, each in found.items()}


def _sequences(
    engine: Engine, texts: list[bytes], num_tokens: int, wants: Wants, passes: int
) -> Iterator[Sequence]:
    for index, text in enumerate(texts):
        readings = [engine.sequence(index, [text], wants=wants) for _ in range(passes)]
        readings[-1].cuts = Every(num_tokens, wants.layer or 0)
        readings[0].followers = tuple(readings[1:])
        yield readings[0]


def trigrams(texts: list[bytes]) -> Doubles:
    """What counting does: characters by threes, rare ones weighing more."""
    counts = np.zeros((len(texts), 1 << 14))
    for row, text in zip(counts, texts, strict=True):
        for three, number in Counter(zip(text, text[1:], text[2:], strict=False)).items():
            row[crc32(bytes(three)) % len(row)] += number
    rarity = np.log(len(texts) / np.maximum((counts > 0).sum(0), 1))
    return np.asarray(np.log1p(counts) * rarity)


def share_found(found: Doubles, books: npt.NDArray[np.int64], num_near: int) -> float:
    """How many passages have one of their own book for their nearest, by cosine."""
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    alike = unit @ unit.T
    place = np.arange(len(books))
    is_near = np.abs(place[:, None] - place) <= num_near
    alike[is_near & (books[:, None] == books)] = -np.inf
    return float((books[alike.argmax(1)] == books).mean())


def chance(books: npt.NDArray[np.int64], num_near: int) -> float:
    """The share that vectors without meaning would find."""
    random = np.random.default_rng(0)
    tries = [share_found(random.normal(size=(len(books), 64)), books, num_near) for _ in range(50)]
    return float(np.mean(tries))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.retrieval")
    parser.add_argument("--passages", type=int, default=12, help="of each of 12 books")
    parser.add_argument("--tokens", type=int, default=1024, help="of a passage")
    parser.add_argument("--corpus", type=Path, default=SHARED_DATA / "corpus" / "en")
    options = parser.parse_args()
    engine = Engine.from_config(engine=EngineConfig(device="cpu"))
    texts = [(options.corpus / f"{name}.txt").read_bytes() for name in BOOKS]
    books = np.repeat(np.arange(len(BOOKS)), options.passages)
    for is_spread in (True, False):
        apart = [passages(t, options.passages, options.tokens, is_spread) for t in texts]
        alone = [passage for each in apart for passage in each]
        read = alone if is_spread else [b"".join(each) for each in apart]
        num_near = 0 if is_spread else NEAR
        print("\neach passage read alone" if is_spread else "\npassages of one reading")
        print(f"chance {chance(books, num_near):.3f}")
        print(f"trigrams {share_found(trigrams(alone), books, num_near):.3f}")
        print(f"{'layer':<6}{'passes':<8}" + "".join(f"{p:<10}" for p in POOLINGS))
        for layer in (*range(len(engine.network.layers) + 1), -1):
            for passes in (1, 2):
                found = vectors(engine, read, options.tokens, layer, passes)
                shares = [share_found(found[p], books, num_near) for p in POOLINGS]
                print(f"{layer:<6}{passes:<8}" + "".join(f"{s:<10.3f}" for s in shares), flush=True)
        _print_precisions(engine, read, options.tokens, books, num_near)


def _print_precisions(
    engine: Engine, read: list[bytes], num_tokens: int, books: npt.NDArray[np.int64], near: int
) -> None:
    """What is left of the mean of what the head sees, in other forms."""
    mean = vectors(engine, read, num_tokens, -1, 1)["mean"]
    half = mean.shape[1] // 2
    forms = {
        "float16": Form(None, True, "float16"),
        "int8": Form(None, True, "int8"),
        "ubinary": Form(None, True, "ubinary"),
        f"truncate_dim={half}": Form(half, True),
    }
    print(f"{'minus their mean':<18}{share_found(mean - mean.mean(0), books, near):.3f}")
    for name, form in forms.items():
        found = np.stack([form.of(vector) for vector in mean])
        if form.precision == "ubinary":
            found = np.unpackbits(found, axis=1) * 2.0 - 1
        print(f"{name:<18}{share_found(found.astype(np.float64), books, near):.3f}")


if __name__ == "__main__":
    main()
