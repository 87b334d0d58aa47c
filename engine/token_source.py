"""A document's bytes on their way to tokens, at a place that can be noted and gone on from."""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from longriver.engine.errors import DocumentError
from longriver.engine.saved import Arrays, inside, of_bytes, taken_from, whole
from longriver.engine.snapshot import Place
from longriver.engine.tokenizer.base import Buffer, Tokenizer, Tokens


class StaleSnapshot(DocumentError):
    """A document that does not begin with the bytes that its snapshot was taken behind."""

    def __init__(self, detail: str) -> None:
        super().__init__("stale_snapshot", detail)
        self.args = (detail,)


class TokenSource:
    """An iterator over a document's tokens that reads the bytes when they are asked for.

    Args:
        chunks: the document from its first byte.
        start: where to go on; the bytes before it are passed over, if they are the same.
    """

    def __init__(
        self, tokenizer: Tokenizer, chunks: Iterable[Buffer], start: Place | None = None
    ) -> None:
        self._stream = tokenizer.stream()
        self._digest, self._num_bytes, self._has_ended = sha256(), 0, False
        self._tokens = self._read(chunks) if start is None else self._read_on(iter(chunks), start)

    def __iter__(self) -> Iterator[Tokens]:
        return self

    def __next__(self) -> Tokens:
        return next(self._tokens)

    def save(self) -> Arrays:
        """What has been read, by length and hash, and what the tokenizer holds of it."""
        held = {} if self._has_ended else self._stream.save()
        return {
            "read": whole(self._num_bytes, self._has_ended),
            "sha256": of_bytes(self._digest.digest()),
            **inside("stream", held),
        }

    def _read(self, chunks: Iterable[Buffer]) -> Iterator[Tokens]:
        for chunk in chunks:
            self._count(chunk)
            yield self._stream.feed(chunk)
        self._has_ended = True
        yield self._stream.finish()

    def _read_on(self, chunks: Iterator[Buffer], start: Place) -> Iterator[Tokens]:
        num_bytes, had_ended = start.source["read"].tolist()
        rest = self._pass_over(chunks, num_bytes)
        if self._digest.digest() != start.source["sha256"].tobytes():
            raise StaleSnapshot(f"its first {num_bytes} bytes have changed")
        if had_ended:
            if len(rest) or any(len(chunk) for chunk in chunks):
                raise StaleSnapshot(f"it has more than {num_bytes} bytes now")
            self._has_ended = True
            yield start.waiting
            return
        self._stream.restore(taken_from(start.source, "stream"))
        yield start.waiting
        yield from self._read(_behind(rest, chunks))

    def _pass_over(self, chunks: Iterator[Buffer], num_bytes: int) -> memoryview:
        """Reads so many bytes, or to the end; returns what is left of the last chunk."""
        rest = memoryview(b"")
        while self._num_bytes < num_bytes and (chunk := next(chunks, None)) is not None:
            view, room = memoryview(chunk).cast("B"), num_bytes - self._num_bytes
            self._count(view[:room])
            rest = view[room:]
        return rest

    def _count(self, chunk: Buffer) -> None:
        self._digest.update(chunk)
        self._num_bytes += len(chunk)


def _behind(rest: memoryview, chunks: Iterator[Buffer]) -> Iterator[Buffer]:
    yield rest
    yield from chunks
