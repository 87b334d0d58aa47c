"""One attempt at a shard: documents in, through the engine, rows out in document order."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from longriver.engine.errors import DocumentError
from longriver.engine.result import Failed, ScoredChunk
from longriver.engine.sequence import Sequence
from longriver.engine.text_counts import TextCounter
from longriver.pipeline.document import DeadLetter, Document
from longriver.pipeline.job import Accumulator, Job, TableRow
from longriver.pipeline.ordering import InOrder
from longriver.pipeline.progress import Progress
from longriver.pipeline.receipt import Counts
from longriver.pipeline.sink import ShardSink
from longriver.pipeline.table import DEAD

Documents = Iterable[Document | DeadLetter | None]
Result = ScoredChunk | Failed
OnProgress = Callable[[Progress], None]


class Reader(Protocol):
    """What an attempt asks of ``longriver.engine.engine.Engine``."""

    def sequence(self, key: object, chunks: Iterable[bytes | memoryview]) -> Sequence: ...

    def run(self, sequences: Iterator[Sequence | None]) -> Iterator[Result]: ...


class LostDocuments(Exception):
    """Documents that broke after rows of them had been written; the attempt is void.

    errors: by their place among the shard's documents and dead letters.
    """

    def __init__(self, errors: Mapping[int, DocumentError]) -> None:
        super().__init__(f"documents {', '.join(map(str, errors))}")
        self.errors = errors


@dataclass(slots=True)
class _Open:
    """A document in the engine."""

    index: int
    document: Document
    counter: TextCounter
    accumulator: Accumulator
    num_tokens: int = 0
    num_bytes: int = 0


class Attempt:
    """Reads a shard's documents side by side and writes what the job makes of them.

    Args:
        broken: documents that an earlier attempt found broken, by index; they are dead letters.
        on_progress: told what this attempt has done so far, again and again.
    """

    def __init__(
        self,
        engine: Reader,
        job: Job,
        sink: ShardSink,
        broken: Mapping[int, DocumentError],
        on_progress: OnProgress,
    ) -> None:
        self.engine, self.job, self.sink = engine, job, sink
        self.broken, self.on_progress = broken, on_progress
        self.first_table = job.tables[0].name
        self.in_order: InOrder[TableRow] = InOrder()
        self.counts, self.progress = Counts(), Progress()
        self.sums: dict[str, float] = {}
        self.lost: dict[int, DocumentError] = {}

    def run(self, documents: Documents) -> None:
        """Reads every document to its end.

        Raises:
            LostDocuments: all must begin again. The rest has been read all the same, so that
                however many documents break, they cost one attempt more.
        """
        for result in self.engine.run(self._sequences(documents)):
            self._accept(result)
            self.on_progress(self.progress)
        if self.lost:
            raise LostDocuments(self.lost)

    def _accept(self, result: Result) -> None:
        opened = result.sequence.key
        assert isinstance(opened, _Open)
        if isinstance(result, Failed):
            self._bury(opened, result.error)
        else:
            self._take(opened, result)

    def _sequences(self, documents: Documents) -> Iterator[Sequence | None]:
        index = -1
        for item in documents:
            if item is None:
                yield None
                continue
            index += 1
            self.in_order.open(index)
            if isinstance(item, DeadLetter):
                self._write_dead(index, item)
            elif index in self.broken:
                _drain(item)
                self._write_dead(index, _letter(item, self.broken[index]))
            else:
                yield self._open(index, item)

    def _open(self, index: int, document: Document) -> Sequence:
        opened = _Open(index, document, TextCounter(), self.job.open(document))
        return self.engine.sequence(opened, _counted(document, opened.counter))

    def _take(self, opened: _Open, chunk: ScoredChunk) -> None:
        self._write(self.in_order.put(opened.index, opened.accumulator.update(chunk)))
        num_tokens = len(chunk.tokens)
        num_bytes = int(chunk.tokens.ends[-1]) - opened.num_bytes if num_tokens else 0
        opened.num_tokens += num_tokens
        opened.num_bytes += num_bytes
        self.progress += Progress(num_tokens=num_tokens, num_bytes=num_bytes)
        if chunk.is_last:
            self._finalize(opened)

    def _finalize(self, opened: _Open) -> None:
        rows = opened.accumulator.finalize(opened.counter.counts)
        self._write(self.in_order.put(opened.index, rows))
        self._write(self.in_order.close(opened.index))
        num_rows = opened.document.num_rows
        self._count(
            num_rows_in=num_rows,
            num_documents=1,
            num_rows_out=num_rows,
            num_tokens=opened.num_tokens,
        )
        self.progress += Progress(num_documents=1)

    def _bury(self, opened: _Open, error: DocumentError) -> None:
        if not self.in_order.discard(opened.index):
            self.lost[opened.index] = error
        _drain(opened.document)
        self._write_dead(opened.index, _letter(opened.document, error))

    def _write_dead(self, index: int, letter: DeadLetter) -> None:
        self._write(self.in_order.put(index, [(DEAD.name, asdict(letter))]))
        self._write(self.in_order.close(index))
        self._count(num_rows_in=letter.num_rows, num_dead=letter.num_rows)
        self.progress += Progress(num_dead=1)

    def _write(self, rows: Iterable[TableRow]) -> None:
        for table, row in rows:
            self.sink.write(table, row)
            if table == self.first_table:
                for name, value in self.job.sums(row).items():
                    self.sums[name] = self.sums.get(name, 0) + value

    def _count(self, **added: int) -> None:
        now = {name: getattr(self.counts, name) + number for name, number in added.items()}
        self.counts = replace(self.counts, **now)


def _counted(document: Document, counter: TextCounter) -> Iterator[bytes | memoryview]:
    for chunk in document.chunks:
        counter.update(chunk)
        yield chunk


def _drain(document: Document) -> None:
    """Reads a broken document to its end, so that its rows are counted and the next can come."""
    try:
        for _ in document.chunks:
            pass
    except DocumentError:
        return


def _letter(document: Document, error: DocumentError) -> DeadLetter:
    return DeadLetter(
        document.document_id,
        document.source,
        document.source_row,
        document.num_rows,
        error.reason,
        error.detail,
    )
