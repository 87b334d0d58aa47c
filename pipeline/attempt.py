"""One attempt at a shard: documents in, through the engine, rows out in document order."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace

from longriver.engine.errors import DocumentError
from longriver.engine.result import Failed, ScoredChunk
from longriver.engine.sequence import Sequence
from longriver.engine.snapshot import Snapshot
from longriver.engine.text_counts import TextCounter
from longriver.engine.token_source import StaleSnapshot
from longriver.pipeline.document import DeadLetter, Document
from longriver.pipeline.document_snapshots import DocumentSnapshots
from longriver.pipeline.drain import Drained
from longriver.pipeline.job import Accumulator, Job, Reader, TableRow
from longriver.pipeline.opened import Opened, drain, letter
from longriver.pipeline.ordering import InOrder
from longriver.pipeline.progress import Progress
from longriver.pipeline.receipt import Counts
from longriver.pipeline.sink import ShardSink
from longriver.pipeline.snapshots import Found, ShardSnapshots
from longriver.pipeline.table import DEAD

logger = logging.getLogger(__name__)

Documents = Iterable[Document | DeadLetter | None]
Result = ScoredChunk | Failed
OnProgress = Callable[[Progress], None]


class LostDocuments(Exception):
    """Documents that broke after rows of them had been written; the attempt is void.

    errors: by their place among the shard's documents and dead letters; none where it was only a
        snapshot that turned out to be of another text.
    """

    def __init__(self, errors: Mapping[int, DocumentError]) -> None:
        super().__init__(f"documents {', '.join(map(str, errors))}")
        self.errors = errors


class Attempt:
    """Reads a shard's documents side by side and writes what the job makes of them.

    Args:
        broken: documents that an earlier attempt found broken, by index; they are dead letters.
        on_progress: told what this attempt has done so far, again and again; what a snapshot saves
            it counts as done.
        snapshots: where long documents go on, and leave what the next attempt goes on from.
    """

    def __init__(
        self,
        engine: Reader,
        job: Job,
        sink: ShardSink,
        broken: Mapping[int, DocumentError],
        on_progress: OnProgress,
        snapshots: ShardSnapshots | None = None,
    ) -> None:
        self.engine, self.job, self.sink = engine, job, sink
        self.broken, self.on_progress, self.snapshots = broken, on_progress, snapshots
        self.in_order: InOrder[TableRow] = InOrder()
        self.counts, self.progress = Counts(), Progress()
        self.sums: dict[str, float] = {}
        self.lost: dict[int, DocumentError] = {}
        self.opened: dict[int, Opened] = {}

    def run(self, documents: Documents) -> None:
        """Reads every document to its end.

        Raises:
            LostDocuments: all must begin again. The rest has been read all the same, so that
                however many documents break, they cost one attempt more.
            Drained: ``on_progress`` raised it; long documents have been saved where they stand.
        """
        results = self.engine.run(self._sequences(documents), self.job.wants)
        try:
            for result in results:
                self._accept(result)
                self.on_progress(self.progress)
        except Drained:
            self._save_in_flight(results)
            raise
        finally:
            for opened in self.opened.values():
                opened.end()
        if self.lost:
            raise LostDocuments(self.lost)

    def _save_in_flight(self, results: Iterator[Result]) -> None:
        """Reads on until every long document has been saved."""
        waiting = {index for index, opened in self.opened.items() if opened.is_worth_saving}
        for index in waiting:
            sequence = self.opened[index].sequence
            assert sequence is not None
            sequence.want_snapshot()
        while self._can_save(waiting) and (result := next(results, None)) is not None:
            self._accept(result)
            if isinstance(result, ScoredChunk) and result.snapshot is not None:
                assert isinstance(result.sequence.key, Opened)
                waiting.discard(result.sequence.key.index)

    def _can_save(self, waiting: set[int]) -> bool:
        return any(self.opened[i].is_worth_saving for i in waiting & self.opened.keys())

    def _accept(self, result: Result) -> None:
        opened = result.sequence.key
        assert isinstance(opened, Opened)
        if opened.index not in self.opened:
            return  # another sequence of the document has failed
        if isinstance(result, ScoredChunk):
            self._take(opened, result)
        elif isinstance(result.error, StaleSnapshot):
            self._begin_anew(opened, result.error)
        else:
            self._bury(opened, result.error)

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
                drain(item)
                self._write_dead(index, letter(item, self.broken[index]))
            else:
                sequence = self._open(index, item)
                self.opened[index].sequence = sequence
                yield sequence

    def _open(self, index: int, document: Document) -> Sequence:
        if self.snapshots is None:
            opened = self._begin(index, document, self.job.open(document))
            return self._sequence(opened, None, None)
        every, found = self.snapshots.every, self.snapshots.newest(index, document)
        taken = DocumentSnapshots(self.snapshots, index, document, found)
        if found is None:
            opened = self._begin(index, document, self.job.open(document), taken)
            return self._sequence(opened, every, None)
        accumulator = self.job.restore(document, found.job)
        opened = self._begin(index, document, accumulator, taken)
        self._catch_up(opened, found)
        return self._sequence(opened, every, found.snapshot)

    def _sequence(self, opened: Opened, every: int | None, start: Snapshot | None) -> Sequence:
        wants = self.job.wants
        sequence = self.engine.sequence(opened, opened.chunks(), every, start, wants)
        sequence.cuts = opened.document.cuts
        sequence.followers = tuple(opened.accumulator.followers(self.engine, opened))
        return sequence

    def _begin(
        self,
        index: int,
        document: Document,
        accumulator: Accumulator,
        snapshots: DocumentSnapshots | None = None,
    ) -> Opened:
        opened = Opened(index, document, TextCounter(), accumulator, snapshots)
        self.opened[index] = opened
        return opened

    def _catch_up(self, opened: Opened, found: Found) -> None:
        """Lets out again what an earlier attempt had let out of the document."""
        try:
            for rows in found.rows():
                self._write(self.in_order.put(opened.index, rows))
        except FileNotFoundError as error:  # another attempt has just committed the shard
            raise LostDocuments({}) from error
        self._advance(opened, found.snapshot.place.num_tokens, found.snapshot.place.num_bytes)

    def _take(self, opened: Opened, chunk: ScoredChunk) -> None:
        rows = list(opened.accumulator.update(chunk))
        self._write(self.in_order.put(opened.index, rows))
        if len(chunk.tokens) and chunk.sequence is opened.sequence:
            self._advance(opened, len(chunk.tokens), int(chunk.tokens.ends[-1]))
        else:
            self.progress += Progress(num_tokens=len(chunk.tokens))
        if chunk.is_last:
            opened.num_open += len(chunk.sequence.followers) - 1
        if not opened.num_open:
            self._finalize(opened)
        elif opened.snapshots is not None:
            opened.snapshots.add(rows)
            if chunk.snapshot is not None:
                opened.snapshots.save(chunk.snapshot, opened.accumulator.save())

    def _advance(self, opened: Opened, num_tokens: int, end: int) -> None:
        self.progress += Progress(num_tokens=num_tokens, num_bytes=end - opened.num_bytes)
        opened.num_tokens += num_tokens
        opened.num_bytes = end

    def _begin_anew(self, opened: Opened, error: StaleSnapshot) -> None:
        """Voids the attempt: rows may have left that are not of the document as it is now."""
        assert self.snapshots is not None
        logger.warning("%s: %s; beginning anew", opened.document.document_id, error.detail)
        self.snapshots.forget(opened.index)
        raise LostDocuments({})

    def _finalize(self, opened: Opened) -> None:
        rows = opened.accumulator.finalize(opened.counter.counts)
        self._write(self.in_order.put(opened.index, rows))
        self._write(self.in_order.close(opened.index))
        self.opened.pop(opened.index).end()
        num_rows = opened.document.num_rows
        self._count(
            num_rows_in=num_rows,
            num_documents=1,
            num_rows_out=num_rows,
            num_tokens=opened.num_tokens,
        )
        self.progress += Progress(num_documents=1)

    def _bury(self, opened: Opened, error: DocumentError) -> None:
        if not self.in_order.discard(opened.index):
            self.lost[opened.index] = error
        self.opened.pop(opened.index).end()
        drain(opened.document)
        self._write_dead(opened.index, letter(opened.document, error))

    def _write_dead(self, index: int, letter: DeadLetter) -> None:
        self._write(self.in_order.put(index, [(DEAD.name, asdict(letter))]))
        self._write(self.in_order.close(index))
        self._count(num_rows_in=letter.num_rows, num_dead=letter.num_rows)
        self.progress += Progress(num_dead=1)

    def _write(self, rows: Iterable[TableRow]) -> None:
        for table, row in rows:
            self.sink.write(table, row)
            for name, value in self.job.sums(table, row).items():
                self.sums[name] = self.sums.get(name, 0) + value

    def _count(self, **added: int) -> None:
        now = {name: getattr(self.counts, name) + number for name, number in added.items()}
        self.counts = replace(self.counts, **now)
