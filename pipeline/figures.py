"""Numbers as a person reads them."""

import math


def count(number: float) -> str:
    return f"{round(number):,}"


def counted(number: int, noun: str) -> str:
    """One document, two documents."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def data_size(num_bytes: float) -> str:
    """Decimal units, as disks are sold: 1 MB is a million bytes."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if num_bytes < 999.95 or unit == "TB":
            break
        num_bytes /= 1000
    return f"{num_bytes:,.0f} {unit}" if unit == "bytes" else f"{num_bytes:,.1f} {unit}"


def duration(seconds: float) -> str:
    """The two largest units that matter."""
    whole = math.ceil(seconds)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60:02} min"
    return f"{minutes} min {whole % 60:02} s" if minutes else f"{whole} s"


def ratio(value: float | None) -> str:
    """Four figures of a perplexity or the like, zeros among them; a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:#,.4g}".rstrip(".") if abs(value) < 10_000 else f"{value:.3e}"
