"""Axes: which numbers they run over, where each lies, and which are written beside them."""

import math
from dataclasses import dataclass

SPARE = 0.04
"""What is left free at both ends, as a part of the axis."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from ``low`` to ``high``, in equal steps or, ``is_log``, in equal ratios."""

    label: str
    low: float
    high: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """0 at its beginning, 1 at its end."""
        low, high, value = (self._moved(each) for each in (self.low, self.high, value))
        return (value - low) / (high - low)

    def ticks(self) -> list[float]:
        """Round numbers, at most eight."""
        return _log_ticks(self.low, self.high) if self.is_log else _ticks(self.low, self.high)

    def _moved(self, value: float) -> float:
        return math.log(value) if self.is_log else value


def fitted(
    label: str, values: list[float], *, is_log: bool = False, from_zero: bool = False
) -> Axis:
    """An axis with room for all values, which there may be none of."""
    able = [value for value in values if math.isfinite(value) and (value > 0 or not is_log)]
    low, high = (min(able), max(able)) if able else (1.0, 2.0)
    if is_log:
        spare = max((high / low) ** SPARE, 1.1)
        return Axis(label, low / spare, high * spare, is_log=True)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    spare = (high - low) * SPARE or abs(high) * SPARE or 1.0
    return Axis(label, low if from_zero and low == 0 else low - spare, high + spare)


def short(value: float) -> str:
    """A number as it stands beside an axis: 0.5, 20, 3k, 1.5M."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def _ticks(low: float, high: float) -> list[float]:
    step = _round_step((high - low) / 5)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * each for each in (1, 2, 5, 10) if power * each >= rough)


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, and 2 and 5 times them where those alone would be too few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for parts in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)):
        found = [p * 10.0**power for power in powers for p in parts]
        found = [value for value in found if low <= value <= high]
        if len(found) >= 4:
            break
    return found[:: -(-len(found) // 8)] if found else [low, high]
