"""How a run ends when somebody asks it to: in order at first, at once the second time."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from longriver.pipeline.drain import Drain, Drained

logger = logging.getLogger(__name__)

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
"""Ctrl-C, a scheduler, a terminal that was closed; not all systems have all of them."""


@contextmanager
def stopped_by_signals(drain: Drain) -> Iterator[None]:
    """Turns the first signal into a wish to end behind the step at hand, the second into an end.

    Before the work begins there is nothing to save, and the first one ends it. A signal that is
    ignored, as with ``nohup``, stays ignored.

    Raises:
        KeyboardInterrupt: the run was stopped by a signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if drain.is_asked or not drain.is_armed:
            raise KeyboardInterrupt
        drain.ask()
        logger.warning("saving what is in hand; another Ctrl-C stops at once")

    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    handled = [number for number in numbers if before[number] is not signal.SIG_IGN]
    for number in handled:
        signal.signal(number, stop)
    try:
        yield
    except Drained:
        raise KeyboardInterrupt from None
    finally:
        for number in handled:
            signal.signal(number, before[number] or signal.SIG_DFL)
