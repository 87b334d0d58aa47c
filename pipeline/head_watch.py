"""Notices that the head of a cluster has gone, before Ray ends the process over it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from longriver.engine.errors import RunFailed

EVERY_S = 5.0


class HeadWatch:
    """Knocks at the head's port now and then; ``is_gone`` once it has been away for too long.

    Ray lets a driver wait for a head that may come back, and then ends its process without a word
    to us, so this gives up a little earlier.

    Args:
        address:   what messages call the head.
        knock:     raises OSError where nobody listens.
        patience_s: a head may be away for so long.
        clock:     seconds that never go back.
    """

    def __init__(
        self,
        address: str,
        knock: Callable[[], None],
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address, self.knock, self.patience_s, self.clock = address, knock, patience_s, clock
        self.seen_s = self.knocked_s = clock()
        self.is_gone = False

    def check(self) -> None:
        """Raises RunFailed where the head is gone."""
        now_s = self.clock()
        if now_s - self.knocked_s < EVERY_S:
            return
        self.knocked_s = now_s
        try:
            self.knock()
        except OSError as error:
            if now_s - self.seen_s > self.patience_s:
                raise self._gone(error) from error
        else:
            self.seen_s = self.clock()

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Asks behind a broken connection, which may be that to a storage, whether it is the head.

        Raises:
            RunFailed: it is; Ray Client has waited for it already.
        """
        try:
            yield
        except ConnectionError as broken:
            try:
                self.knock()
            except OSError as error:
                raise self._gone(error) from broken
            raise

    def _gone(self, error: OSError) -> RunFailed:
        self.is_gone = True
        return RunFailed(
            f"the Ray cluster is gone: nobody has answered at {self.address} for "
            f"{self.clock() - self.seen_s:.0f} s ({type(error).__name__}); what is committed "
            "stays, the same command goes on from there when a cluster is up again"
        )
