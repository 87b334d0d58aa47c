"""Which shard lags so far behind that a second worker would end it sooner."""

from collections.abc import Iterable
from dataclasses import dataclass

from longriver.pipeline.shard import Shard

LAG_S = 30.0


@dataclass(frozen=True, slots=True)
class Laggard:
    """A shard in hand, the bytes of it that are read, and for how long it has been worked on."""

    shard: Shard
    num_bytes: int
    seconds: float

    @property
    def seconds_left(self) -> float:
        """At its own pace."""
        left = max(self.shard.num_bytes - self.num_bytes, 0)
        return left * self.seconds / self.num_bytes if self.num_bytes else float("inf")


class Rates:
    """What workers have shown they can do.

    Args:
        lag_s: no shard is called slow before it has been at work for so long.
    """

    def __init__(self, lag_s: float = LAG_S) -> None:
        self.lag_s = lag_s
        self.num_bytes, self.seconds = 0, 0.0

    def add(self, num_bytes: int, seconds: float) -> None:
        """A shard that has been done."""
        self.num_bytes += num_bytes
        self.seconds += seconds

    def slowest(self, laggards: Iterable[Laggard]) -> Shard | None:
        """The shard with most time left, if another worker would probably end it sooner."""
        late = [lag for lag in laggards if lag.seconds > self.lag_s and self._is_beaten(lag)]
        return max(late, key=lambda lag: lag.seconds_left).shard if late else None

    def _is_beaten(self, lag: Laggard) -> bool:
        """Whether the whole shard, at the mean rate of those done, takes less than what is left."""
        return lag.shard.num_bytes * self.seconds < lag.seconds_left * self.num_bytes
