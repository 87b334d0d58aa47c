"""How long a store's passing moods are borne: tries and waits, both bounded."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from longriver.pipeline.transient import is_transient

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Patience:
    """Tries a call again while its errors are transient.

    A wait is drawn between nothing and a bound that doubles (full jitter), so that workers who
    were refused together do not come back together.

    num_tries: of one call, the first one included.
    first_s:   the bound of the first wait.
    longest_s: what the bound does not grow beyond.
    total_s:   no wait begins that would end later than this after the first try.
    """

    num_tries: int = 10
    first_s: float = 0.1
    longest_s: float = 20.0
    total_s: float = 180.0
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic

    def call(self, function: Callable[[], Result], on_retry: Callable[[Exception], None]) -> Result:
        """What the function returns at last; raises its last error, or the first that stays.

        Args:
            on_retry: told of every error that is borne.
        """
        began = self.clock()
        for index in range(self.num_tries - 1):
            try:
                return function()
            except Exception as error:
                wait = self._wait(index)
                if not is_transient(error) or self.clock() + wait - began > self.total_s:
                    raise
                on_retry(error)
            self.sleep(wait)
        return function()

    def _wait(self, index: int) -> float:
        bound: float = min(self.longest_s, self.first_s * 2.0**index)
        return self.random() * bound
